"""A fingerprint changes when what lies at an address does."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import lease
from headrace.stores.objects.local_s3 import local_store
from headrace.stores.objects.object_store import connect
from headrace.stores.sources import fingerprint as module
from headrace.stores.sources.fingerprint import confirm, fingerprint, is_known
from headrace.stores.sources.small_file import one_file


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreSettings]:
    """A local object store in the environment."""
    with (
        lease(tmp_path / "lease") as held,
        (tmp_path / "store.log").open("wb") as log,
        local_store(tmp_path / "store", lease_path=held, log=log) as settings,
    ):
        for key, value in settings.environment().items():
            monkeypatch.setenv(key, value)
        yield settings


def test_a_file_has_the_same_one_until_it_is_written(tmp_path: Path) -> None:
    """Also if its size and its time are put back to what they were."""
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    before, status = fingerprint(str(path)), path.stat()
    assert is_known(before)
    assert fingerprint(str(path)) == before == fingerprint(str(path))
    path.write_text("a\n2\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_mtime_ns == status.st_mtime_ns
    assert fingerprint(str(path)) != before
    assert fingerprint(f"file://{path}") != fingerprint(str(path)), "another address is another table"


@pytest.mark.parametrize("address", ["{folder}", "{folder}/*.csv"])
def test_folders_and_patterns_count_their_files(tmp_path: Path, address: str) -> None:
    """A file more is another table."""
    (tmp_path / "a.csv").write_text("a\n1\n")
    text = address.format(folder=tmp_path)
    before = fingerprint(text)
    assert fingerprint(text) == before
    (tmp_path / "b.csv").write_text("a\n1\n")
    assert fingerprint(text) != before


def test_objects_are_known_by_what_the_store_calls_their_content(store: StoreSettings) -> None:
    """The same bytes have the same one, whenever they were put there; one object of several decides too."""
    put = connect(store).put_bytes
    put("raw/a.csv", b"a\n1\n")
    put("raw/b.csv", b"a\n2\n")
    one, all_of_them = f"s3://{store.bucket}/raw/a.csv", f"s3://{store.bucket}/raw/*.csv"
    before = [fingerprint(address) for address in (one, all_of_them)]
    assert all(map(is_known, before))
    put("raw/a.csv", b"a\n3\n")
    after = [fingerprint(address) for address in (one, all_of_them)]
    assert before[0] != after[0]
    assert before[1] != after[1]
    put("raw/a.csv", b"a\n1\n")
    assert [fingerprint(address) for address in (one, all_of_them)] == before


@pytest.mark.parametrize(
    "address",
    ["postgresql://db/x#t", "no/such/file.csv", "http://127.0.0.1:9/t.csv", "s3://headrace/none.csv", "s3://"],
)
def test_what_nobody_can_know_never_comes_again(store: StoreSettings, address: str) -> None:
    """A database is read anew each time; what cannot be reached fails where it is read."""
    first, second = fingerprint(address), fingerprint(address)
    assert first != second
    assert not is_known(first)
    confirm(address, first)


def test_other_code_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of the same name may hold other code: what it would make of the same table is not what was made."""
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    before = fingerprint(str(path))
    monkeypatch.setattr(module, "environment", lambda: {"packages": {"polars": "0"}})
    assert fingerprint(str(path)) != before


def test_an_empty_address_has_an_empty_one() -> None:
    """A run without a contract, say, is the same in that each time."""
    assert fingerprint("") == ""


class _Page(BaseHTTPRequestHandler):
    tag = ""

    def _answer(self) -> None:
        self.send_response(200)
        if self.tag:
            self.send_header("ETag", self.tag)
        self.send_header("Content-Length", "4")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"a\n1\n")

    do_GET = do_HEAD = _answer  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""


@pytest.fixture
def page() -> Iterator[str]:
    """The address of a page."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/contract.yaml"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [('"1"', '"1"', True), ('"1"', '"2"', False), ('W/"1"', 'W/"1"', False), ("", "", False)],
)
def test_a_page_is_known_by_a_strong_entity_tag_only(
    page: str, monkeypatch: pytest.MonkeyPatch, first: str, second: str, same: bool
) -> None:
    """A weak one may stay where bytes change (RFC 9110, section 8.8.1)."""
    monkeypatch.setattr(_Page, "tag", first)
    before = fingerprint(page)
    monkeypatch.setattr(_Page, "tag", second)
    assert (fingerprint(page) == before) is same


def test_a_change_while_a_run_reads_is_told(tmp_path: Path) -> None:
    """What was read then is not what an earlier result would be looked up by."""
    path = tmp_path / "a.csv"
    path.write_text("a\n1\n")
    told = fingerprint(str(path))
    confirm(str(path), told)
    path.write_text("a\n22\n")
    with pytest.raises(InputError, match=r"a\.csv must stay as it is while the run reads it; .* run it again\.$"):
        confirm(str(path), told)


def test_a_small_file_is_fetched_from_wherever_it_lies(store: StoreSettings, tmp_path: Path, page: str) -> None:
    """With the name that it has there, for as long as it is read."""
    connect(store).put_bytes("agreed/contract.yaml", b"name: x\n")
    with one_file(f"s3://{store.bucket}/agreed/contract.yaml") as path:
        assert (path.name, path.read_text()) == ("contract.yaml", "name: x\n")
    assert not path.exists()
    with one_file(page) as path:
        assert path.read_text() == "a\n1\n"
    with one_file(str(tmp_path / "mine.yaml")) as path:
        assert path == tmp_path / "mine.yaml"


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("s3://headrace/agreed/none.yaml", MissingError, "there is no object s3://headrace/agreed/none.yaml"),
        ("s3://headrace/two/", InputError, "must be one file; got 2: name one of them"),
        ("postgresql://db/x#t", InputError, "a file must be named by a path, http"),
    ],
)
def test_what_is_no_small_file_is_refused(
    store: StoreSettings, address: str, error: type[Exception], says: str
) -> None:
    """In one sentence that names it."""
    for name in "ab":
        connect(store).put_bytes(f"two/{name}.yaml", b"name: x\n")
    with pytest.raises(error, match=says), one_file(address):
        pass
