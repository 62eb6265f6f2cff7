"""Queries of ksqlDB, against a stand-in that answers as its source says: ksqlDB itself cannot be had here."""

import base64
import gc
import json
import threading
from pathlib import Path
from typing import Any

import pytest

import headrace.api as hr
from headrace.core.base.errors import BusyError
from headrace.core.runtime.processes import free_port
from tests.streams.ksqldb.fake_ksqldb import (
    DELIMITED,
    SCHEMA,
    FakeKsqldb,
    failed,
    fake_ksqldb,
    final,
    header,
    make_certificate,
    row,
)

PUSH = "SELECT * FROM scores EMIT CHANGES LIMIT 2;"
_COLUMNS = b'{"queryId":"transient_SCORES_1","columnNames":["ID","LABEL"],"columnTypes":["BIGINT","STRING"]}\n'


def test_a_push_query_ends_when_the_limit_is_reached() -> None:
    """Its rows come as dicts; nothing is left to close."""
    with fake_ksqldb(header(), row(1, "yes"), row(2, None), final()) as server:
        rows = hr.ksql_query(server.url, PUSH, properties={"auto.offset.reset": "earliest"}, variables={"a": "b"})
        assert (rows.columns, rows.types, rows.query_id) == (
            ("ID", "LABEL"),
            ("BIGINT", "STRING"),
            "transient_SCORES_1",
        )
        assert rows.final_message == ""
        assert list(rows) == [{"ID": 1, "LABEL": "yes"}, {"ID": 2, "LABEL": None}]
        assert rows.final_message == "Limit Reached"
        assert list(rows) == []
        rows.close()
    ((path, body, headers),) = server.requests
    assert path == "/query-stream"
    assert body == {"sql": PUSH, "properties": {"auto.offset.reset": "earliest"}, "sessionVariables": {"a": "b"}}
    assert headers["accept"].startswith("application/vnd.ksql.v1+json")
    assert "authorization" not in headers


def test_a_pull_query_ends_with_its_last_row() -> None:
    """Its array ends without a message; names are unquoted, types may hold commas, large numbers stay exact."""
    last = row(9007199254740993, 1.25, {"LAT": 1.0, "LON": 2.0}, "x").replace(b",\n", b"]")
    with fake_ksqldb(header(SCHEMA, "query_7"), last) as server, hr.ksql_query(server.url, "SELECT 1;") as rows:
        assert rows.columns == ("ID", "PAID", "AT", "odd `name`")
        assert rows.types == ("BIGINT", "DECIMAL(8, 2)", "STRUCT<`LAT` DOUBLE, `LON` DOUBLE>", "STRING")
        (found,) = rows
        assert found["ID"] == 9007199254740993
        assert not found.deleted
    assert server.paths == ["/query-stream"]


def test_a_query_without_rows_is_empty() -> None:
    """Whatever the form."""
    with fake_ksqldb(header().replace(b",\n", b"]")) as server:
        assert list(hr.ksql_query(server.url, "SELECT 1;")) == []
    with fake_ksqldb(_COLUMNS, content_type=DELIMITED) as server:
        assert list(hr.ksql_query(server.url, "SELECT 1;")) == []


def test_a_deleted_row_of_a_table_says_so() -> None:
    """It has its key columns only."""
    with fake_ksqldb(header(), row(1, "yes"), row(1, None, tombstone=True), final()) as server:
        assert [(one["ID"], one.deleted) for one in hr.ksql_query(server.url, PUSH)] == [(1, False), (1, True)]


def test_the_delimited_form_is_read_too() -> None:
    """A server may choose it; it has no last message, and its end is that of the chunks."""
    parts = _COLUMNS, b'[1,"yes"]\n[2', b',"no"]\n', b'{"continuationToken":"abc"}\n', b"\n"
    with fake_ksqldb(*parts, content_type=DELIMITED) as server:
        assert list(hr.ksql_query(server.url, PUSH)) == [{"ID": 1, "LABEL": "yes"}, {"ID": 2, "LABEL": "no"}]


def test_rows_come_before_the_query_ends() -> None:
    """Chunks may be cut anywhere, also within a character."""
    more = threading.Event()
    wide = json.dumps({"row": {"columns": [1, "né"]}}, ensure_ascii=False).encode() + b",\n"
    cut = wide.index("é".encode()) + 1
    parts: tuple[Any, ...] = (header()[:9], header()[9:] + wide[:cut], wide[cut:], more.wait, row(2, "b") + final())
    with fake_ksqldb(*parts) as server:
        rows = hr.ksql_query(server.url, PUSH)
        assert next(rows) == {"ID": 1, "LABEL": "né"}
        more.set()
        assert next(rows)["ID"] == 2
        with pytest.raises(StopIteration):
            next(rows)


@pytest.mark.parametrize("how", ["block", "close", "forgotten"])
def test_a_caller_who_stops_ends_the_query(how: str) -> None:
    """At the end of the block, by ``close``, and when the rows are forgotten within a loop."""
    with fake_ksqldb(header(), row(1, "yes"), lambda: server.closed.wait(30), end="lost") as server:
        rows: Any = hr.ksql_query(server.url, PUSH)
        for _ in rows:
            break
        if how == "block":
            with rows:
                pass
        elif how == "close":
            rows.close()
            assert list(rows) == []
        del rows
        gc.collect()
        assert server.closed.wait(30)
    assert server.requests[-1][:2] == ("/close-query", {"queryId": "transient_SCORES_1"})
    assert len(server.paths) == 2


@pytest.mark.parametrize("end", ["lost", "cut"])
@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [(header(), row(1, "yes"), ""), (_COLUMNS, b'[1,"yes"]\n', DELIMITED), (header(), row(1, "yes") + b'{"ro', "")],
)
def test_a_lost_connection_is_never_the_end(end: str, first: bytes, second: bytes, kind: str) -> None:
    """After a whole row, within one, and within a chunk; the rows before it have come."""
    settings = {"content_type": kind} if kind else {}
    with fake_ksqldb(first, second, end=end, **settings) as server:
        rows = hr.ksql_query(server.url, PUSH)
        assert next(rows) == {"ID": 1, "LABEL": "yes"}
        with pytest.raises(hr.StoreError, match="the connection broke off before the server ended the query"):
            next(rows)
        assert list(rows) == []


@pytest.mark.parametrize(
    ("parts", "kind", "sentence"),
    [
        ((header(), row(1, "a")), "", "must end a query with a whole line; the answer broke off: query again"),
        ((header(), row(1, "a")[:-6]), "", "the answer broke off at"),
        ((_COLUMNS, b'[1,"ye'), DELIMITED, "the answer broke off at"),
        ((header(), row(1, "a", 3)), "", "must answer with lines of JSON"),
        ((_COLUMNS, b'{"row": \n'), DELIMITED, "must answer with lines of JSON"),
        ((_COLUMNS, b"7\n"), DELIMITED, "must answer with lines of JSON"),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(parts: tuple[bytes, ...], kind: str, sentence: str) -> None:
    """Even if its chunks end as they should."""
    with fake_ksqldb(*parts, **({"content_type": kind} if kind else {})) as server:
        rows = hr.ksql_query(server.url, PUSH)
        with pytest.raises(hr.StoreError, match=sentence):
            list(rows)


@pytest.mark.parametrize("first", [b"", b"<html>\n", b"{}\n", b"[1]\n", b'{"columnNames":["A"],"columnTypes":[]}\n'])
def test_what_is_no_answer_is_refused_at_once(first: bytes) -> None:
    """Before a row is asked for."""
    with fake_ksqldb(first or b"\n") as server, pytest.raises(hr.StoreError):
        hr.ksql_query(server.url, PUSH)


def test_an_error_within_the_rows_is_raised() -> None:
    """In one sentence, without what would steer a terminal."""
    message = "java.lang.Oops:\n \x1b[31mred.\x00"
    array = json.dumps({"errorMessage": failed(message)}).encode() + b",\n]"
    plain = json.dumps(failed(message)).encode() + b"\n"
    for parts, kind in (((header(), array), ""), ((_COLUMNS, plain), DELIMITED)):
        with fake_ksqldb(*parts, **({"content_type": kind} if kind else {})) as server:
            with pytest.raises(hr.StoreError) as raised:
                list(hr.ksql_query(server.url, PUSH))
            assert str(raised.value).endswith("it reports: java.lang.Oops: [31mred.")


@pytest.mark.parametrize(
    ("status", "body", "kind", "sentence"),
    [
        (400, {"@type": "statement_error", "message": "line 1:1: Syntax Error\nSELEC"},
         hr.InputError, "must understand the query; it says: line 1:1: Syntax Error SELEC."),
        (400, failed("only available when using HTTP2", 40004), hr.StoreError, "must be 0.24 or newer"),
        (401, failed("Unauthorized", 40100), hr.StoreError, "set HEADRACE_KSQLDB_USER and HEADRACE_KSQLDB_PASSWORD"),
        (403, failed("You are forbidden"), hr.StoreError, "must allow this user the query"),
        (404, "Not Found", hr.StoreError, "must know /query-stream"),
        (429, failed("Host is at rate limit"), BusyError, "must have room for the query"),
        (503, failed("Server initializing"), hr.StoreError, "must have room for the query"),
        (500, failed("The server encountered an internal error"), hr.StoreError, "with status 200; got 500"),
        (302, "moved", hr.StoreError, "got 302"),
    ],
)  # fmt: skip
def test_a_refusal_is_one_sentence(status: int, body: Any, kind: type[Exception], sentence: str) -> None:
    """The server's words, and what to do about it."""
    text = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    with fake_ksqldb(text, status=status) as server, pytest.raises(kind) as raised:
        hr.ksql_query(server.url, PUSH)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_login_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent as basic authentication to both endpoints, and is in no message."""
    monkeypatch.setenv("HEADRACE_KSQLDB_USER", "reader")
    monkeypatch.setenv("HEADRACE_KSQLDB_PASSWORD", "s3cret")
    with fake_ksqldb(header(), row(1, "yes"), lambda: server.closed.wait(30)) as server:
        hr.ksql_query(server.url, PUSH).close()
        assert server.closed.wait(30)
    sent = {headers["authorization"] for _, _, headers in server.requests}
    assert sent == {f"Basic {base64.b64encode(b'reader:s3cret').decode()}"}
    with fake_ksqldb(json.dumps(failed("no")).encode(), status=401) as server, pytest.raises(hr.StoreError) as raised:
        hr.ksql_query(server.url, PUSH)
    assert "s3cret" not in str(raised.value)


def test_certificates_are_those_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the server is not trusted, and no login is sent; with it the query is ended by TLS, too."""
    path = make_certificate(tmp_path / "server.pem")
    with fake_ksqldb(header(), row(1, "yes"), lambda: server.closed.wait(30), certificate=path) as server:
        with pytest.raises(hr.StoreError, match="must show a certificate that this machine trusts"):
            hr.ksql_query(server.url, PUSH)
        assert server.paths == []
        monkeypatch.setenv("HEADRACE_KSQLDB_CA_FILE", str(path))
        with hr.ksql_query(server.url, PUSH) as rows:
            assert next(rows) == {"ID": 1, "LABEL": "yes"}
        assert server.paths == ["/query-stream", "/close-query"]
    monkeypatch.setenv("HEADRACE_KSQLDB_CA_FILE", str(tmp_path / "gone.pem"))
    with pytest.raises(hr.InputError, match=r"HEADRACE_KSQLDB_CA_FILE must be a file of certificates; .*gone\.pem"):
        hr.ksql_query("https://127.0.0.1:1", PUSH)


@pytest.mark.parametrize(
    "url", ["http://u:p@127.0.0.1:1", "127.0.0.1:8088", "ftp://h", "http://", "http://h:x", "http://h/?a=b", "http://["]
)
def test_an_address_that_cannot_be_is_refused(url: str) -> None:
    """A login in it, too, which is not repeated."""
    with pytest.raises(hr.InputError, match="the address of ksqlDB must") as raised:
        hr.ksql_query(url, PUSH)
    assert "u:p" not in str(raised.value)


@pytest.mark.parametrize("sql", ["", " \n", 5])
def test_a_query_that_says_nothing_is_refused(sql: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(hr.InputError, match="a query of ksqlDB must be a text"):
        hr.ksql_query("http://127.0.0.1:9", sql)


def test_a_server_that_is_not_there_is_named() -> None:
    """With what to do."""
    with pytest.raises(hr.StoreError, match="nobody answers: start it, or correct the address"):
        hr.ksql_query(f"http://127.0.0.1:{free_port()}", PUSH)


def test_silence_has_limits() -> None:
    """Before the columns always; between rows only if a limit is asked for, and the query is ended then."""
    silent = threading.Event()
    with fake_ksqldb(silent.wait) as server:
        with pytest.raises(hr.StoreError, match="nothing came for as long as"):
            hr.ksql_query(server.url, PUSH, seconds=0.2)
        silent.set()
    with fake_ksqldb(header(), row(1, "yes"), lambda: server.closed.wait(2), end="lost") as server:
        rows = hr.ksql_query(server.url, PUSH, idle_seconds=0.2)
        assert next(rows)["ID"] == 1
        with pytest.raises(hr.StoreError, match="nothing came for as long as"):
            next(rows)
        server.closed.set()


def test_an_answer_without_chunks_is_refused() -> None:
    """Its end would be no different from a lost connection."""
    with (
        fake_ksqldb(header(), final(), end="open") as server,
        pytest.raises(hr.StoreError, match="must answer in chunks"),
    ):
        hr.ksql_query(server.url, PUSH)


def test_two_columns_of_one_name_are_refused() -> None:
    """A dict would lose one."""
    schema = header("`A` INTEGER, `A` STRING")
    with fake_ksqldb(schema, final()) as server, pytest.raises(hr.InputError, match="got A twice: use AS"):
        hr.ksql_query(server.url, PUSH)


def test_a_fake_says_what_it_is() -> None:
    """Whoever reads its class knows that no SQL is run."""
    assert FakeKsqldb.__doc__
