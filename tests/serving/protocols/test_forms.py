"""Requests in every form that clients send: one row in each of them gives one answer, and what is broken a sentence."""

import base64
import gzip
import io
import json
import re
import time
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pyarrow as pa
import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http

from headrace.core.bundles.bundle import Bundle
from tests.serving.conftest import GOOD, Running, running

V1, V2, MLFLOW = "/v1/models/customers:predict", "/v2/models/customers/infer", "/invocations"
ROWS = [GOOD, {**GOOD, "age": 60, "spend": None, "plan": "basic"}]
BODY = json.dumps({"instances": ROWS}).encode()
TYPED = {**pl.DataFrame(ROWS).to_dict(as_series=False)}
CSV = b"age,spend,plan,joined\n31,20.5,premium,2024-03-02 23:15:00\n60,,basic,2024-03-02 23:15:00\n"
STREAM, FILE = "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.file"
EVENT = "application/cloudevents+json"
ATTRIBUTES = {"type": "customers.asked", "source": "/shop", "id": "7"}
Sent = tuple[bytes, dict[str, str]]


def table(**columns: Any) -> pa.Table:
    """The rows as a table of Arrow, with some columns of other types."""
    return pa.table({**TYPED, **columns})


def ipc(found: pa.Table, *, file: bool = False, compression: str | None = None) -> bytes:
    """A table as a stream or a file."""
    sink, options = io.BytesIO(), pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_file if file else pa.ipc.new_stream
    with make(sink, found.schema, options=options) as writer:
        writer.write_table(found)
    return sink.getvalue()


def polars(frame: pl.DataFrame) -> bytes:
    """A frame as Polars streams it, with views of texts."""
    sink = io.BytesIO()
    frame.write_ipc_stream(sink)
    return sink.getvalue()


def raw_deflate(body: bytes) -> bytes:
    """Deflate without its frame, as some clients send it."""
    made = zlib.compressobj(wbits=-15)
    return made.compress(body) + made.flush()


def event(data: Any, *, binary: bool, **attributes: str) -> Sent:
    """An event by the CloudEvents SDK."""
    headers, body = (to_binary if binary else to_structured)(CloudEvent({**ATTRIBUTES, **attributes}, data))
    return bytes(body), dict(headers)


def kind(name: str, body: bytes, **headers: str) -> Sent:
    """A body of a type."""
    return body, {"Content-Type": name, **headers}


def packed(coding: str, body: bytes, name: str = "application/json") -> Sent:
    """A compressed body."""
    return body, {"Content-Type": name, "Content-Encoding": coding}


WORDS = pa.array(TYPED["plan"]).dictionary_encode()
MOMENTS = [datetime.fromisoformat(text) for text in TYPED["joined"]]
SAME: dict[str, Sent] = {
    "JSON": kind("application/json", BODY),
    "JSON of another spelling": kind("Application/JSON ; charset=UTF-8", BODY),
    "JSON as curl sends it": kind("application/x-www-form-urlencoded", BODY),
    "JSON without a type": (BODY, {}),
    "JSON of a vendor": kind("application/vnd.shop+json", BODY),
    "gzip": packed("gzip", gzip.compress(BODY)),
    "gzip in capitals": packed("GZIP", gzip.compress(BODY)),
    "gzip in two members": packed("x-gzip", gzip.compress(BODY[:50]) + gzip.compress(BODY[50:])),
    "deflate": packed("deflate", zlib.compress(BODY)),
    "deflate without a frame": packed("deflate", raw_deflate(BODY)),
    "identity": packed("identity", BODY),
    "CSV": kind("text/csv", CSV),
    "CSV of another order": kind("text/csv; charset=utf-8", b"\xef\xbb\xbfplan,joined,age,spend\r\n"
        b'premium,"2024-03-02 23:15:00", 31 ,20.5\r\n\r\n"basic",2024-03-02 23:15:00,60,\r\n'),
    "CSV without a header": kind("text/csv; header=absent", CSV.partition(b"\n")[2]),
    "CSV, gzip": packed("gzip", gzip.compress(CSV), "text/csv"),
    "Arrow stream": kind(STREAM, ipc(table())),
    "Arrow file": kind(FILE, ipc(table(), file=True)),
    "Arrow, lz4": kind(STREAM, ipc(table(), compression="lz4")),
    "Arrow, zstd": kind(FILE, ipc(table(), compression="zstd", file=True)),
    "Arrow, gzip": packed("gzip", gzip.compress(ipc(table())), STREAM),
    "Arrow by Polars": kind(STREAM, polars(pl.DataFrame(ROWS))),
    "Arrow, dictionary": kind(STREAM, ipc(table(plan=WORDS))),
    "Arrow, categories": kind(STREAM, polars(pl.DataFrame(ROWS).cast({"plan": pl.Categorical}))),
    "Arrow, small integers": kind(STREAM, ipc(table(age=pa.array(TYPED["age"], pa.uint8())))),
    "Arrow, decimals": kind(STREAM, ipc(table(spend=pa.array([20.5, None]).cast(pa.decimal128(5, 2))))),
    "Arrow, timestamps": kind(STREAM, ipc(table(joined=pa.array(MOMENTS, pa.timestamp("ns"))))),
    "Arrow, large texts": kind(STREAM, ipc(table(plan=pa.array(TYPED["plan"], pa.large_string())))),
    "structured event": event({"instances": ROWS}, binary=False),
    "binary event": event({"instances": ROWS}, binary=True),
    "structured event with base64": kind(EVENT, json.dumps({**ATTRIBUTES, "specversion": "1.0",
        "data_base64": base64.b64encode(BODY).decode()}).encode()),
    "structured event with CSV": kind(EVENT, json.dumps({**ATTRIBUTES, "specversion": "1.0",
        "datacontenttype": "text/csv", "data": CSV.decode()}).encode()),
    "structured event, gzip": packed("gzip", gzip.compress(event({"instances": ROWS}, binary=False)[0]), EVENT),
    "binary event with CSV": (CSV, {**{f"ce-{key}": value for key, value in ATTRIBUTES.items()},
        "ce-specversion": "1.0", "Content-Type": "text/csv"}),
    "an event that does not say so": kind("application/json", json.dumps({**ATTRIBUTES, "specversion": "1.0",
        "time": "2026-11-28T00:00:00Z", "data": {"instances": ROWS}}).encode()),
}  # fmt: skip


def test_the_rows_are_those_of_the_table() -> None:
    """What the cases send."""
    assert pl.DataFrame(TYPED).to_dicts() == ROWS


@pytest.mark.parametrize("path", [V1, MLFLOW])
@pytest.mark.parametrize("case", SAME)
def test_each_form_gives_the_same_answer(server: Running, case: str, path: str) -> None:
    """To the bit, for all go through the same door."""
    expected = server.ask("POST", V1, BODY)[1]["predictions"]
    body, headers = SAME[case]
    status, document, content = server.ask("POST", path, body, **headers)
    assert status == 200, content
    found = document["data"] if headers.get("Content-Type") == EVENT or "structured" in case else document
    assert found["predictions"] == expected


def test_v2_is_inflated_too(server: Running) -> None:
    """Compression belongs to HTTP, not to a protocol."""
    names = {"age": "INT64", "spend": "FP64", "plan": "BYTES", "joined": "BYTES"}
    inputs = [{"name": n, "shape": [2], "datatype": names[n], "data": values} for n, values in TYPED.items()]
    body = json.dumps({"inputs": inputs}).encode()
    plain, packed_ = (server.ask("POST", V2, sent, **headers) for sent, headers in
                      ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})))  # fmt: skip
    assert plain[0] == packed_[0] == 200
    assert plain[1] == packed_[1]


@pytest.mark.parametrize("binary", [True, False])
def test_an_event_is_answered_by_an_event(server: Running, binary: bool) -> None:
    """Of the same kind, with the attributes that KServe's server gives, as the CloudEvents SDK reads them."""
    body, headers = event({"instances": ROWS}, binary=binary)
    url = f"http://{server.host}{V1}"
    seen = set()
    for _ in range(2):
        reply = server.remote.pool.request("POST", url, body=body, headers=headers)
        answer = from_http(dict(reply.headers), reply.data)
        assert answer["type"] == "io.kserve.inference.response"
        assert answer["source"] == "io.kserve.inference.customers"
        assert datetime.fromisoformat(answer["time"]).tzinfo is not None
        assert reply.headers["content-type"] == ("application/json" if binary else EVENT)
        assert len(answer.get_data()["predictions"]) == 2
        seen.add(answer["id"])
    assert len(seen) == 2


def structured(**changes: Any) -> Sent:
    """A structured event, changed; None takes an attribute away."""
    made = {**ATTRIBUTES, "specversion": "1.0", "data": {"instances": ROWS}, **changes}
    return kind(EVENT, json.dumps({key: value for key, value in made.items() if value is not None}).encode())


def binary_event(**changes: str | None) -> Sent:
    """A binary event, changed; None takes an attribute away."""
    made = {**ATTRIBUTES, "specversion": "1.0", **changes}
    return BODY, {f"ce-{key}": value for key, value in made.items() if value is not None}


def cut(body: bytes, share: float) -> bytes:
    """The beginning of a body."""
    return body[: int(len(body) * share)]


NESTED = pa.array([[1], [2]])
WRONG: dict[str, tuple[Sent, int, str]] = {
    "brotli": (packed("br", BODY), 415, "compressed once, by gzip or deflate; got the Content-Encoding 'br'"),
    "twice": (packed("gzip, gzip", gzip.compress(gzip.compress(BODY))), 415, "compressed once"),
    "not gzip": (packed("gzip", BODY), 400, "must be gzip, as its Content-Encoding says; it is not"),
    "not deflate": (packed("deflate", b"\xff\xff" + BODY), 400, "must be deflate"),
    "half a gzip": (packed("gzip", cut(gzip.compress(BODY), 0.5)), 400, "ends too early"),
    "one byte of gzip": (packed("gzip", b"\x1f"), 400, "ends too early"),
    "no gzip at all": (packed("gzip", b""), 400, "ends too early"),
    "gzip and more": (packed("gzip", gzip.compress(BODY) + b"more"), 400, "must be gzip"),
    "deflate and more": (packed("deflate", zlib.compress(BODY) + b"more"), 400, "goes on after its end"),
    "gzip of a wrong sum": (packed("gzip", gzip.compress(BODY)[:-8] + b"\0" * 8), 400, "must be gzip"),
    "many empty members": (packed("gzip", gzip.compress(b"") * 2000), 400, "goes on after its end"),
    "gzip of no JSON": (packed("gzip", gzip.compress(b"{")), 400, "must be JSON"),
    "XML": (kind("application/xml", b"<a/>"), 415, "must be one of application/json, text/csv, application/vnd.apache"),
    "a form": (kind("multipart/form-data; boundary=x", b"--x--"), 415, "got 'multipart/form-data' instead"),
    "Parquet": (kind("application/vnd.apache.parquet", b"PAR1"), 415, "must be one of"),
    "a batch of events": (kind("application/cloudevents-batch+json", b"[]"), 415, "must be one of"),
    "CSV in Latin-1": (kind("text/csv; charset=iso-8859-1", CSV), 415, "must be UTF-8; got the charset 'iso-8859-1'"),
    "CSV with a label": (kind("text/csv; label_size=1", CSV), 415, "may have charset and header; got 'label_size'"),
    "CSV with another header": (kind("text/csv; header=maybe", CSV), 415, "must be present or absent"),
    "no CSV": (kind("text/csv", b""), 400, "must begin with the names"),
    "a header alone": (kind("text/csv", b"age,spend,plan,joined\n"), 400, "at least one row"),
    "a ragged CSV": (kind("text/csv", CSV + b"1,2\n"), 400, "line 4 of the CSV table must hold 4 fields"),
    "a name twice": (kind("text/csv", CSV.replace(b"spend", b"age")), 400, "a name occurs twice"),
    "no header": (kind("text/csv", CSV.partition(b"\n")[2]), 400, "must be present|must be one of"),
    "a quote too many": (kind("text/csv", CSV + b'"1"x,2,3,4\n'), 400, "line 4 of the CSV table cannot be read"),
    "a quote never closed": (kind("text/csv", CSV + b'"1'), 400, "cannot be read"),
    "CSV of bytes": (kind("text/csv", b"age\n\xff\xfe\n"), 400, "must be UTF-8; byte 4 is not"),
    "a long field": (kind("text/csv", b"age\n" + b"1" * 300_000), 400, "cannot be read|'spend' must be present"),
    "CSV against the contract": (kind("text/csv", CSV.replace(b"basic", b"gold")), 400, "row 1, column 'plan' must be"),
    "too many rows of CSV": (kind("text/csv", b"age\n" + b"1\n" * 100_001), 413, "at most 100000 rows"),
    "no Arrow": (kind(STREAM, b"hello, world"), 400, "must be an Arrow IPC stream or file"),
    "nothing of Arrow": (kind(STREAM, b""), 400, "must be an Arrow IPC stream or file"),
    "the mark alone": (kind(FILE, b"ARROW1\0\0"), 400, "must be an Arrow IPC stream or file"),
    "half an Arrow": (kind(STREAM, cut(ipc(table()), 0.7)), 400, "must be an Arrow IPC stream or file"),
    "nested Arrow": (kind(STREAM, ipc(table(age=NESTED))), 400, "the column 'age' must be of a plain type"),
    "Arrow of bytes": (kind(STREAM, ipc(table(plan=pa.array([b"a", b"b"])))), 400, "'plan' must be of a plain type"),
    "two schemas": (kind(STREAM, ipc(table())[:-8] + ipc(table())), 400, "must be an Arrow IPC stream or file"),
    "Arrow without rows": (kind(STREAM, ipc(table().slice(0, 0))), 400, "at least one row"),
    "Arrow with infinity": (kind(STREAM, ipc(table(spend=[1.0, float("inf")]))), 400, "'spend' must be finite"),
    "Arrow against the contract": (kind(STREAM, ipc(table(age=[-5, 1]))), 400, "row 0, column 'age' must be from"),
    "Arrow of nothing, long": (kind(STREAM, ipc(pa.table({"age": pa.nulls(200_000)}))), 413, "at most 100000 rows"),
    "an event without an id": (structured(id=None), 400, "each a text; id is absent"),
    "an event with a number": (structured(type=5), 400, "each a text; type is not"),
    "an event of tomorrow": (structured(specversion="2.0"), 400, "specversion of a CloudEvent must be 1.0 or 0.3"),
    "an event without data": (structured(data=None), 400, "must hold the request in data, or in data_base64"),
    "an event with both": (structured(data_base64="e30="), 400, "in data, or in data_base64"),
    "an event with no base64": (structured(data=None, data_base64="!"), 400, "must be a text in base64"),
    "an event with a number in base64": (structured(data=None, data_base64=5), 400, "must be a text in base64"),
    "an event with XML": (structured(datacontenttype="text/xml", data="<a/>"), 415, "got 'text/xml' instead"),
    "an event with a typed number": (structured(datacontenttype=5), 400, "datacontenttype of a CloudEvent"),
    "an event with CSV rows": (structured(datacontenttype="text/csv"), 400, "must be a text; got an object"),
    "an event in no JSON": (kind(EVENT, b"{"), 400, "must be JSON"),
    "an event in an event": (structured(datacontenttype=EVENT), 415, "got 'application/cloudevents.json' instead"),
    "a binary event without a type": (binary_event(type=None), 400, "each a text; type is absent"),
    "a binary event of tomorrow": (binary_event(specversion="9"), 400, "got '9' instead"),
    "an event against the contract": (structured(data={"instances": [[1]]}), 400, "row 0 must hold 4 values"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_gets_a_sentence(server: Running, case: str) -> None:
    """A 4xx that says what was expected, never a 5xx, and the server goes on."""
    (body, headers), expected, says = WRONG[case]
    status, answer, content = server.ask("POST", V1, body, **headers)
    assert status == expected, content
    assert list(answer) == ["error"]
    assert re.search(says, answer["error"]), answer
    assert re.fullmatch(r"[^\n]{10,600}\.", answer["error"])
    assert server.ask("POST", V1, BODY)[0] == 200


@pytest.mark.parametrize("sent", [kind("text/csv", CSV), kind(STREAM, ipc(table())), structured()])
def test_v2_says_what_it_takes(server: Running, sent: Sent) -> None:
    """Tensors in JSON; tables and events belong to V1."""
    status, answer, _ = server.ask("POST", V2, sent[0], **sent[1])
    assert status == 415
    assert "must be one of application/json here" in answer["error"]


def test_a_refused_encoding_names_those_that_are_taken(server: Running) -> None:
    """In the header that RFC 7694 gives for it."""
    reply = server.remote.pool.request(
        "POST", f"http://{server.host}{V1}", body=BODY, headers={"Content-Encoding": "zstd"}
    )
    assert (reply.status, reply.headers["accept-encoding"]) == (415, "gzip, deflate")


@pytest.fixture(scope="module")
def strict(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that takes 200 kB."""
    with running(bundle.folder, tmp_path_factory.mktemp("strict"), "--max-body-bytes", "200000") as found:
        assert found.ask("POST", V1, CSV, **{"Content-Type": "text/csv"})[0] == 200
        yield found


def bomb(size: int) -> bytes:
    """A gzip of very many blanks."""
    made, blank = zlib.compressobj(9, wbits=31), b" " * (1 << 20)
    return b"".join([*(made.compress(blank) for _ in range(size >> 20)), made.flush()])


def long_text(rows: int) -> bytes:
    """Many rows that share one long text, by a dictionary."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 100_000]))
    return ipc(pa.table({"age": [1] * rows, "spend": [1.0] * rows, "plan": text, "joined": ["2024-03-02"] * rows}))


BOMBS = {
    "gzip": packed("gzip", bomb(150 << 20)),
    "gzip of CSV": packed("gzip", gzip.compress(b"age\n" + b"1\n" * 10_000_000), "text/csv"),
    "deflate": packed("deflate", zlib.compress(b"\0" * (50 << 20), 9)),
    "Arrow, zstd": kind(STREAM, ipc(pa.table({"age": [0] * 5_000_000}), compression="zstd")),
    "Arrow, lz4": kind(STREAM, ipc(pa.table({"age": [0] * 5_000_000}), compression="lz4")),
    "Arrow, one text": kind(STREAM, long_text(5000)),
    "Arrow in gzip": packed("gzip", gzip.compress(ipc(pa.table({"age": [0] * 5_000_000}))), STREAM),
    "events in gzip": packed("gzip", gzip.compress(b'{"data_base64": "' + b"A" * 5_000_000 + b'"}'), EVENT),
}


@pytest.mark.parametrize("case", BOMBS)
def test_a_bomb_costs_nothing(strict: Running, case: str) -> None:
    """It is a 413 before it is inflated: neither memory nor time, and others are answered."""
    body, headers = BOMBS[case]
    assert len(body) < 400_000
    memory = psutil.Process(strict.process.pid).memory_info().rss
    began = time.monotonic()
    status, answer, content = strict.ask("POST", V1, body, **headers)
    assert status == 413, content
    assert "at most 200000 bytes" in answer["error"]
    assert time.monotonic() - began < 5
    assert psutil.Process(strict.process.pid).memory_info().rss - memory < 40 << 20
    assert strict.ask("POST", V1, BODY)[0] == 200


def test_a_bomb_is_refused_before_it_is_whole(strict: Running) -> None:
    """As soon as too much has come out of what has arrived."""

    def parts() -> Iterator[bytes]:
        body = bomb(100 << 20)
        yield body[:2000]
        yield from (body[start : start + 2000] for start in range(2000, len(body), 2000))

    reply = strict.remote.pool.request(
        "POST", f"http://{strict.host}{V1}", body=parts(), headers={"Content-Encoding": "gzip"}, retries=False
    )
    assert reply.status == 413


def test_broken_arrow_is_never_more_than_refused(server: Running) -> None:
    """Whichever byte of a body is another one."""
    whole = ipc(table(plan=WORDS), compression="lz4")
    for place in range(0, len(whole), 7):
        for value in (0, 0x7F, 0xFF):
            broken = whole[:place] + bytes([value]) + whole[place + 1 :]
            status, answer, _ = server.ask("POST", V1, broken, **{"Content-Type": STREAM})
            assert status in {200, 400, 413}, (place, value, answer)
    assert server.ask("POST", V1, BODY)[0] == 200


def test_the_log_of_the_server_is_clean(server: Running, server_log: Path) -> None:
    """Nothing of the above has been our mistake."""
    assert server.ask("GET", "/v2/health/ready")[0] == 200
    assert "Traceback" not in server_log.read_text()
