"""A text names a table: paths, patterns, URLs."""

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError, MissingError, StoreError, UserError
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.parquet_table import read
from headrace.stores.sources.open_source import open_source
from headrace.stores.sources.url_redaction import without_secrets

CSV = b"a,b\n1,2\n3,4\n"


def rows(text: str, folder: Path) -> list[tuple[object, ...]]:
    """The rows of the table that a text names."""
    ingest_table(open_source(text), folder=folder / "table")
    return read(folder / "table").rows()


def test_a_path_and_a_file_url(tmp_path: Path) -> None:
    """A path with blanks is found, and so is the same as a URL."""
    path = tmp_path / "a table.csv"
    path.write_bytes(CSV)
    assert rows(str(path), tmp_path) == [("1", "2"), ("3", "4")]
    assert rows(path.as_uri(), tmp_path) == [("1", "2"), ("3", "4")]


def test_a_pattern_is_one_table_in_sorted_order(tmp_path: Path) -> None:
    """Files in any depth are read in the order of their names; folders that fit are passed over."""
    for name in ("2/b.csv", "2/a.csv", "1/c.csv", "1/x.csv/no.txt"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"a\n{name}\n".encode())
    found = rows(f"{tmp_path}/in/**/*.csv", tmp_path)
    assert found == [("1/c.csv",), ("2/a.csv",), ("2/b.csv",)]


def test_a_name_that_looks_like_a_pattern(tmp_path: Path) -> None:
    """A file that is there is taken literally."""
    (tmp_path / "t[1].csv").write_bytes(CSV)
    (tmp_path / "t1.csv").write_bytes(b"a,b\n5,6\n")
    assert rows(f"{tmp_path}/t[1].csv", tmp_path) == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty text instead"),
        ("{folder}/none*.csv", r"there is no file .*none\*\.csv; correct the pattern"),
        ("{folder}/none.csv", r"there is no file .*none\.csv"),
        ("s3://bucket", r"must be named as s3://BUCKET/KEY; got 's3://bucket'"),
        ("ftp://host/t.csv", r"must be named as URL#TABLE"),
        ("ftp://host/t.csv#t", r"must be a path, or a URL with http, https, s3, or a database"),
    ],
)
def test_texts_that_name_nothing(tmp_path: Path, text: str, message: str) -> None:
    """What cannot be meant or is not there is told in one sentence."""
    with pytest.raises(UserError, match=message):
        rows(text.format(folder=tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h/t.csv?X-Amz-Signature=s&a=b%20c#f", "https://***@h/t.csv?X-Amz-Signature=***&a=b%20c"),
        ("postgresql+psycopg://u:p%40@h:5432/d?sslpassword=x", "postgresql+psycopg://u:***@h:5432/d?sslpassword=***"),
        ("sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
        ("http://token@h/t", "http://***@h/t"),
        ("https://token:x-oauth-basic@h/t", "https://***@h/t"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ],
)
def test_secrets_are_not_shown(url: str, shown: str) -> None:
    """Passwords, signatures and tokens become three stars."""
    assert without_secrets(url) == shown


class _Handler(http.server.BaseHTTPRequestHandler):
    seen: list[str]

    def do_GET(self) -> None:
        """Answer by the path."""
        self.seen.append(f"{self.path} {self.headers.get('Authorization', '')}".strip())
        if self.path.startswith("/t.csv"):
            self._answer(200, CSV)
        elif self.path == "/moved":
            self._answer(302, b"", Location="/t.csv")
        elif self.path == "/short":
            self._answer(200, CSV, **{"Content-Length": "1000"})
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"a,b\n" + b"1,2\n" * 1000)
        else:
            self._answer(int(self.path[1:]), b"sorry")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture
def web() -> Iterator[str]:
    """A web server on the loopback address."""
    _Handler.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_url_is_fetched(tmp_path: Path, web: str) -> None:
    """The bytes of a URL, also behind a redirection, are read; the query's secrets stay out of the metadata."""
    facts = ingest_table(open_source(f"{web}/t.csv?token=abc&x=1"), folder=tmp_path / "table")
    assert read(tmp_path / "table").rows() == [("1", "2"), ("3", "4")]
    assert facts["source"] == f"{web}/t.csv?token=***&x=1"
    assert rows(f"{web}/moved", tmp_path) == [("1", "2"), ("3", "4")]
    assert _Handler.seen == ["/t.csv?token=abc&x=1", "/moved", "/t.csv"]


def test_user_and_password_reach_their_host_only(tmp_path: Path, web: str) -> None:
    """Basic authentication is sent, not followed along a redirection, and not stored."""
    url = web.replace("//", "//ann:s3cret@") + "/moved"
    facts = ingest_table(open_source(url), folder=tmp_path / "table")
    token = base64.b64encode(b"ann:s3cret").decode()
    assert _Handler.seen == [f"/moved Basic {token}", "/t.csv"]
    assert "s3cret" not in str(facts)


@pytest.mark.parametrize(
    ("path", "kind", "message"),
    [
        ("/404", MissingError, r"there is no http.*/404: the server answers 404; correct the URL"),
        ("/403", InputError, r"server refuses .*/403 \(403\)"),
        ("/500", StoreError, r"the server answers 500; try again later"),
        ("/short", StoreError, r"ended after 12 of 1,000 bytes; fetch it again"),
    ],
)
def test_answers_that_are_no_table(tmp_path: Path, web: str, path: str, kind: type[UserError], message: str) -> None:
    """What a server refuses, lacks or breaks off is told apart."""
    with pytest.raises(kind, match=message):
        rows(web + path, tmp_path)
    assert not (tmp_path / "table").exists()


@pytest.mark.parametrize("path", ["/t.csv", "/endless"])
def test_too_large_a_download_is_stopped(tmp_path: Path, web: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit holds whether the server tells the length or not."""
    monkeypatch.setenv("HEADRACE_MAX_DOWNLOAD_BYTES", "5")
    with pytest.raises(InputError, match=r"larger than 5 bytes.*raise HEADRACE_MAX_DOWNLOAD_BYTES"):
        rows(web + path, tmp_path)


def test_a_limit_must_be_a_number(tmp_path: Path, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is none is told by its variable."""
    monkeypatch.setenv("HEADRACE_MAX_DOWNLOAD_BYTES", "2GB")
    with pytest.raises(InputError, match="HEADRACE_MAX_DOWNLOAD_BYTES must be a positive whole number; got '2GB'"):
        rows(f"{web}/t.csv", tmp_path)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """A refused connection is told in one sentence, without the password."""
    with pytest.raises(StoreError, match=r"http://\*\*\*@127\.0\.0\.1:9/t\.csv cannot be fetched .*refused") as caught:
        rows("http://u:s3cret@127.0.0.1:9/t.csv", tmp_path)
    assert "s3cret" not in str(caught.value)


def test_no_temporary_file_stays(tmp_path: Path, web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched is removed when it was read, and when reading it failed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    rows(f"{web}/t.csv", tmp_path)
    with pytest.raises(UserError):
        rows(f"{web}/short", tmp_path)
    assert list((tmp_path / "temporary").iterdir()) == []
