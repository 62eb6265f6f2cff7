"""The receiver as a process: what it answers, what it keeps, and how it ends."""

import concurrent.futures
import contextlib
import gzip
import json
import os
import random
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.core.runtime.processes import free_port
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from tests.made_bundle import copy_bundle
from tests.monitoring.collect.made_events import START, RunningCollector, attributes, collector, headers, response_body

ROW = {"age": 30, "spend": 2.5, "plan": "basic", "joined": "2024-05-01 10:15:00", "email": "a@b.example"}
BODY = json.dumps({"instances": [ROW]}).encode()
_BATCH = {b"content-type": b"application/cloudevents-batch+json"}
pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The usual bundle, named customers."""
    return copy_bundle(tmp_path_factory.mktemp("bundle")).folder


@pytest.fixture(scope="module")
def shared(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    """A receiver for tests that do not end it."""
    with collector(bundle, tmp_path_factory.mktemp("receiver"), "--store-seconds", "0.2") as running:
        yield running


def rows(folder: Path) -> pl.DataFrame:
    """All rows of a store, each once."""
    store = WindowStore(open_objects(str(folder / "store")), "customers")
    window = TimeWindow(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    frames = list(store.read(window))
    return concat_rows(frames) if frames else pl.DataFrame(schema={"request_id": pl.String(), "row": pl.Int32()})


def wait_for(check: Any) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_event_is_stored_without_what_is_not_in_the_contract(bundle: Path, tmp_path: Path) -> None:
    """No byte of a column outside the contract reaches journal or store; SIGTERM stores what is there."""
    with collector(bundle, tmp_path) as running:
        assert running.post(BODY, headers("request", "a")) == (200, "")
        assert running.post(response_body({"label": "yes"}), headers("response", "a")) == (200, "")
        kept = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())
        assert b'[30,2.5,"basic"' in kept
        assert b"a@b.example" not in kept
    assert running.process.returncode == 0, running.log.read_text()
    (row,) = rows(tmp_path).to_dicts()
    assert (row["request_id"], row["input_age"], row["label"], row["time"]) == ("a", 30, "yes", START)
    assert "input_email" not in row
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert (counts["events"], counts["rows"], counts["removed_values"], counts["refused"]) == (2, 1, 1, {})
    assert list((tmp_path / "journal").glob("segment-*")) == []


def test_a_batch_is_taken_whole_or_not_at_all(shared: RunningCollector) -> None:
    """One wrong event refuses the batch, by its index; nothing of it is kept."""
    before = shared.metric("events_total")
    good = {**attributes("request", "batch-1"), "data": {"instances": [ROW]}}
    bad = {**good, "id": ""}
    status, text = shared.post(json.dumps([good, bad]).encode(), _BATCH)
    assert status == 400
    assert "event 1 of the batch" in text
    assert shared.metric("events_total") == before
    assert shared.post(json.dumps([good, {**good, "id": "batch-2"}]).encode(), _BATCH) == (200, "")
    assert shared.metric("events_total") == before + 2
    assert shared.post(json.dumps(good).encode(), {b"content-type": b"application/cloudevents+json"})[0] == 200
    wait_for(lambda: shared.metric("duplicate_events_total") >= 1)


@pytest.mark.parametrize(
    ("named", "status", "sentence"),
    [
        (headers("request", inferenceservicename="others"), 400, "must be of the service"),
        (headers("request", component="transformer"), 400, "of a predictor"),
        (headers("request", time=(datetime.now(UTC) + timedelta(hours=1)).isoformat()), 400, "ahead of this collector"),
        (headers("request", time="1970-01-01T00:00:09Z"), 400, "after the year 2000"),
        ({b"content-type": b"application/json"}, 400, "specversion is absent"),
        ({b"content-type": b"application/cloudevents+avro"}, 400, "JSON"),
        (headers("request", content_type="image/png"), 415, "Content-Type"),
        (headers("request") | {b"content-encoding": b"br"}, 415, "compressed"),
    ],
)
def test_what_is_no_event_of_this_model_is_refused(
    shared: RunningCollector, named: dict[bytes, bytes], status: int, sentence: str
) -> None:
    """In one sentence of JSON, and counted by its reason."""
    got, text = shared.post(BODY if b"ce-id" in named else b"{", named)
    assert (got, sentence in json.loads(text)["error"]) == (status, True), text


def test_a_compressed_body_and_a_long_one_are_read(shared: RunningCollector) -> None:
    """By threads, so that others do not wait."""
    named = headers("request", "zipped") | {b"content-encoding": b"gzip"}
    assert shared.post(gzip.compress(BODY), named)[0] == 200
    long = json.dumps({"instances": [ROW] * 5000}).encode()
    assert len(long) > 256 << 10
    assert shared.post(long, headers("request", "long"))[0] == 200


def test_a_hundred_megabytes_are_refused_before_they_are_read(shared: RunningCollector) -> None:
    """Its length alone refuses a body; the response comes before the client has sent it."""
    with shared.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n")
        answer = connection.recv(4096).decode()
    assert answer.startswith("HTTP/1.1 413")
    assert "at most 16777216 bytes" in answer
    with shared.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
        piece = b"%x\r\n%b\r\n" % (1 << 20, b"x" * (1 << 20))
        for _ in range(17):
            connection.sendall(piece)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_bytes_that_are_not_http_are_refused(shared: RunningCollector) -> None:
    """And a head that is too long, and an unknown page."""
    with shared.connect() as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")
    with shared.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nx: " + b"y" * 40_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431")
    assert shared.get("/other")[0] == 404
    assert shared.get("/readyz") == (200, '{"ready":true}')


def bare(body: bytes, request_id: str, kind: str = "request", *, seconds: float = 0) -> bytes:
    """An event as bytes on a connection."""
    named = headers(kind, request_id, seconds=seconds) | {b"host": b"x", b"content-length": b"%d" % len(body)}
    return b"POST / HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in named.items()) + b"\r\n" + body


def test_responses_come_in_the_order_of_the_requests(shared: RunningCollector) -> None:
    """An event waits for the disk; a refused one behind it waits for its turn."""
    requests = b"".join(bare(BODY if index % 2 == 0 else b"{", f"pipelined-{index}") for index in range(10))
    with shared.connect() as connection:
        connection.sendall(requests)
        received = b""
        while received.count(b"HTTP/1.1 ") < 10 or received.count(b"error") < 5:
            received += connection.recv(65_536)
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"] * 5


def test_there_is_back_pressure_instead_of_growth(bundle: Path, tmp_path: Path) -> None:
    """Beyond a bound of bytes that are not stored a client is asked to come again; nothing acknowledged is lost."""
    (tmp_path / "store").write_text("a file where the store should be")
    body = json.dumps({"instances": [ROW] * 2000}).encode()
    with collector(bundle, tmp_path, "--unwritten-bytes", str(1 << 20), "--store-seconds", "0.1") as running:
        statuses: list[int] = []
        while len(statuses) < 200 and (not statuses or statuses[-1] == 200):
            name = f"r{len(statuses)}"
            running.post(response_body({"label": "no"}), headers("response", name))
            statuses.append(running.post(body, headers("request", name))[0])
        accepted = statuses.count(200)
        assert (statuses[-1], running.headers["retry-after"]) == (503, "1")
        assert running.metric("unwritten_bytes") <= 1 << 20
        wait_for(lambda: running.metric("store_failures_total") >= 1)
        (tmp_path / "store").unlink()
        wait_for(lambda: running.metric("rows_total") > 0)
        assert running.post(BODY, headers("request", "last"))[0] == 200
    kept = rows(tmp_path).filter(pl.col("input_age").is_not_null())
    assert kept["request_id"].n_unique() == accepted + 1


def test_a_full_disk_is_back_pressure_too(bundle: Path, tmp_path: Path) -> None:
    """Nothing is acknowledged that is not on disk; when there is room again, the same process goes on."""
    with collector(bundle, tmp_path) as running:
        assert running.post(BODY, headers("request", "before"))[0] == 200
        (segment,) = (tmp_path / "journal").glob("segment-*")
        before = resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
        limit = segment.stat().st_size + 10
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
        status, text = running.post(BODY, headers("request", "refused"))
        assert (status, "make room" in text, running.get("/readyz")[0]) == (503, True, 503)
        resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE, before)
        assert running.post(BODY, headers("request", "after"))[0] == 200
        wait_for(lambda: running.get("/readyz")[0] == 200)
    assert running.process.returncode == 0, running.log.read_text()
    assert sorted(rows(tmp_path)["request_id"]) == ["after", "before"]


def test_times_that_go_back_are_counted(bundle: Path, tmp_path: Path) -> None:
    """They are stored in the hour that they name; an event without a time has that of its arrival."""
    with collector(bundle, tmp_path) as running:
        running.post(BODY, headers("request", "a", seconds=7200))
        running.post(BODY, headers("request", "b", seconds=0))
        named = headers("request", "c")
        del named[b"ce-time"]
        running.post(BODY, named)
        assert (running.metric("late_events_total"), running.metric("events_without_time_total")) == (1, 1)
    found = {row["request_id"]: row["time"] for row in rows(tmp_path).to_dicts()}
    assert (found["a"] - found["b"]).total_seconds() == 7200
    assert abs((found["c"] - datetime.now(UTC)).total_seconds()) < 300


_AT_ONCE = 20
_STORED = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


def _send_until_killed(running: RunningCollector, number: int, acknowledged: list[tuple[str, str]], seed: int) -> None:
    """Send events of one client, some at once on one connection, until it breaks; note which were acknowledged."""
    draw = random.Random(f"{seed}-{number}")  # noqa: S311 - test data
    bodies = {"request": BODY, "response": response_body({"label": "no"})}
    with contextlib.suppress(ConnectionRefusedError), running.connect() as connection:
        for count in range(100_000):
            kinds = draw.sample(["request", "response"], 2)
            sent = [(f"{seed}-{number}-{count}-{place}", kind) for place in range(_AT_ONCE // 2) for kind in kinds]
            events = b"".join(bare(bodies[kind], name, kind, seconds=count) for name, kind in sent)
            received = _exchange(connection, events, len(sent))
            assert received.replace(_STORED, b"") in {b"", _STORED[: len(received) % len(_STORED)]}
            acknowledged += sent[: received.count(_STORED)]
            if received.count(_STORED) < len(sent):
                return


def _exchange(connection: socket.socket, events: bytes, count: int) -> bytes:
    """Send events; return the responses until there are that many, or the connection breaks."""
    received = b""
    with contextlib.suppress(OSError):
        connection.sendall(events)
        while received.count(_STORED) < count and (more := connection.recv(65_536)):
            received += more
    return received


def _kill_again_and_again(bundle: Path, folder: Path, times: int) -> None:
    """Kill a receiver under load at random points; each acknowledged event is in the store once afterwards."""
    draw = random.Random(times)  # noqa: S311 - test data
    acknowledged, port = list[tuple[str, str]](), free_port()
    for turn in range(times):
        with (
            collector(bundle, folder, "--store-seconds", "0.1", port=port) as running,
            concurrent.futures.ThreadPoolExecutor(4) as pool,
        ):
            killer = threading.Timer(draw.uniform(0.05, 0.8), os.kill, (running.process.pid, signal.SIGKILL))
            jobs = [pool.submit(_send_until_killed, running, one, acknowledged, turn) for one in range(4)]
            killer.start()
            for job in jobs:
                job.result()
            assert running.process.wait(30) == -signal.SIGKILL
    with collector(bundle, folder, port=port) as running:
        pass
    assert running.process.returncode == 0
    found = rows(folder)
    assert found.select("request_id", "row").is_unique().all()
    with_request = set(found.filter(pl.col("input_age") == 30)["request_id"])
    with_answer = set(found.filter(pl.col("label") == "no")["request_id"])
    assert acknowledged
    assert {name for name, kind in acknowledged if kind == "request"} <= with_request
    assert {name for name, kind in acknowledged if kind == "response"} <= with_answer
    assert found.height <= len({name for name, _ in acknowledged}) + 4 * _AT_ONCE * times
    assert list((folder / "journal").glob("segment-*")) == []


def test_nothing_acknowledged_is_lost_by_a_kill(bundle: Path, tmp_path: Path) -> None:
    """Three times, at random points under load."""
    _kill_again_and_again(bundle, tmp_path, 3)


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_fifty_kills(bundle: Path, tmp_path: Path) -> None:
    """Fifty times."""
    _kill_again_and_again(bundle, tmp_path, 50)
