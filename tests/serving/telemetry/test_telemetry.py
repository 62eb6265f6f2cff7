"""Metrics, logs and traces, of parts and of a real server."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from headrace.core.base.errors import InputError
from headrace.core.bundles.bundle import Bundle
from headrace.core.contracts.contract import Column, Contract
from headrace.core.features import bins
from headrace.serving.model.options import PayloadOptions
from headrace.serving.model.served_model import ScoredRows
from headrace.serving.telemetry import slots, trace_context
from headrace.serving.telemetry.feature_histograms import FeatureHistograms
from headrace.serving.telemetry.log_queue import LogQueue
from headrace.serving.telemetry.payload_log import PayloadLog, _poster, find_request_id, redact_rows
from headrace.serving.telemetry.process_usage import read_usage
from headrace.serving.telemetry.shared_counters import CounterWriter, SharedCounters
from tests.serving.conftest import GOOD, Running, running

CONTRACT = Contract(
    name="t",
    task="binary",
    columns=(
        Column("size", "number", minimum=0, maximum=10),
        Column("free", "number"),
        Column("c", "string", categories=("a", "b")),
        Column("mail", "string", role="feature", categories=("x", "y"), personal="keep"),
        Column("y", "string", role="target", categories=("no", "yes")),
    ),
)
KIND = FeatureHistograms(CONTRACT, ("no", "yes"))
NUMBERS = st.floats(-1e30, 1e30) | st.just(np.nan) | st.floats(-1, 12)


def scored(matrix: list[list[float]], scores: list[list[float]]) -> ScoredRows:
    """Answers as a model gives them."""
    return ScoredRows(scores, [int(row[1] >= 0.5) for row in scores], (), np.array(matrix))


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.sampled_from([0.0, 1.0, -1.0, np.nan])), min_size=1, max_size=20))
def test_each_value_is_counted_once(rows: list[tuple[float, ...]]) -> None:
    """In one bin, or as missing; the bins of a column add up to the rows."""
    matrix = np.array([[*row, 0.0] for row in rows])
    counts = KIND.count(matrix, [[0.4, 0.6]] * len(rows), [1] * len(rows))
    for start, place, kind in KIND.columns:
        assert counts[start : start + kind.count + 1].sum() == len(rows)
        assert counts[start + kind.count] == np.isnan(matrix[:, place]).sum()
        if kind.edges:
            below = counts[start]
            assert below == (matrix[:, place] <= kind.edges[0]).sum()
    assert counts[KIND.chosen :].tolist() == [0, len(rows)]


def test_personal_columns_are_not_counted() -> None:
    """What is personal is neither a bin nor a label."""
    assert [kind.name for _, _, kind in KIND.columns] == ["size", "free", "c"]


def test_bins_follow_the_contract() -> None:
    """Ten equal bins between the bounds; decades without them; categories by name."""
    by_name = {kind.name: kind for _, kind in bins.features(CONTRACT)}
    assert by_name["size"].edges == tuple(map(float, range(11)))
    assert by_name["free"].edges[0] == -1e6
    assert by_name["c"].categories == ("a", "b")
    wide = Contract(
        name="t",
        task="regression",
        columns=(
            *(Column(f"x{place}", "number") for place in range(300)),
            Column("c", "string", categories=tuple(map(str, range(400)))),
            Column("y", "number", role="target"),
        ),
    )
    found = bins.features(wide)
    assert len(found) == bins.MOST_COLUMNS
    assert FeatureHistograms(wide, ()).size < slots.SLAB - slots.DISTRIBUTIONS


def test_counts_of_workers_add_up_and_outlive_them() -> None:
    """A worker that takes another's place goes on with its counts, but not with its requests in flight."""
    board = SharedCounters(2)
    first, second = CounterWriter(board.slab(0)), CounterWriter(board.slab(1))
    for recorder in (first, second):
        recorder.model(KIND)
        recorder.count_start()
        recorder.count_request("v1", 200, 0.003)
        recorder.count_start()
        recorder.count_rows(scored([[1, 2, 0, 0]], [[0.2, 0.8]]))
        recorder.flush()
    total = board.total(KIND.id)
    assert total[slots.request("v1", 200)] == 2
    assert total[slots.IN_FLIGHT] == 2
    CounterWriter(board.slab(0)).model(KIND)
    total = board.total(KIND.id)
    assert total[slots.IN_FLIGHT] == 1
    assert total[slots.request("v1", 200)] == 2
    assert total[slots.DISTRIBUTIONS + KIND.chosen + 1] == 2


def test_another_model_s_bins_are_not_mixed_in() -> None:
    """After a swap counts of other bins begin at zero."""
    board = SharedCounters(1)
    recorder = CounterWriter(board.slab(0))
    recorder.model(KIND)
    recorder.count_rows(scored([[1, 2, 0, 0]], [[0.2, 0.8]]))
    other = FeatureHistograms(Contract(name="t", task="binary", columns=CONTRACT.columns[1:]), ("no", "yes"))
    recorder.model(other)
    assert board.total(other.id)[slots.DISTRIBUTIONS :].sum() == 0
    assert board.total(KIND.id)[slots.DISTRIBUTIONS :].sum() == 0


def test_the_metrics_of_a_server(server: Running) -> None:
    """Prometheus' own parser reads them; each kind of request is where it belongs."""
    before = {
        name: server.metric(name)
        for name in ("headrace_rows_total", 'headrace_rejected_requests_total{reason="category"}')
    }
    assert server.remote.predict([GOOD] * 3).status == 200
    assert server.remote.predict([{**GOOD, "plan": "gold"}]).status == 400
    text = server.ask("GET", "/metrics")[2].decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert server.metric("headrace_rows_total") - before["headrace_rows_total"] == 3
    refused = 'headrace_rejected_requests_total{reason="category"}'
    assert server.metric(refused) - before[refused] == 1
    info = families["headrace_model_info"].samples[0].labels
    assert (info["name"], info["engine"], info["digest"]) == ("customers", "onnx", server.remote.digest())
    for name in ("headrace_request_duration_seconds", "request_predict_seconds", "headrace_feature_value"):
        assert families[name].type == "histogram"
    buckets = [
        sample.value for sample in families["request_predict_seconds"].samples if sample.name.endswith("_bucket")
    ]
    assert buckets == sorted(buckets)
    for family, count in (("headrace_requests", 52), ("headrace_rejected_requests", 27), ("headrace_model_reloads", 2)):
        assert len(families[family].samples) == count, "a counter that begins at its first error hides it"
    status, _, body = server.ask("GET", "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert body.endswith(b"# EOF\n")


def test_the_metrics_of_a_servers_processes(server: Running) -> None:
    """Under the names of Prometheus' own clients: time that grows, memory of megabytes, a start before now."""
    before = server.metric("process_cpu_seconds_total")
    for _ in range(200):
        assert server.remote.predict([GOOD]).status == 200
    assert server.metric("process_cpu_seconds_total") > before > 0
    assert 20e6 < server.metric("process_resident_memory_bytes") < 4e9
    assert time.time() - 3600 < server.metric("process_start_time_seconds") < time.time() + 1


def test_no_process_has_no_usage() -> None:
    """A process that does not exist, as where there is no such /proc."""
    assert read_usage(2**30) is None


PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (PARENT, True),
        (PARENT + b"-more", True),
        (PARENT.upper(), False),
        (b"ff" + PARENT[2:], False),
        (b"00-" + b"0" * 32 + PARENT[35:], False),
        (PARENT[:-1], False),
        (PARENT + b"\r\nset-cookie: x", False),
        (b"", False),
    ],
)
def test_only_a_valid_trace_context_comes_back(value: bytes, valid: bool) -> None:
    """Nothing that a client sends can become another header."""
    found = trace_context.context([(b"traceparent", value), (b"tracestate", b"a=1")])
    assert bool(found) is valid
    assert trace_context.trace_id(found) == ("0af7651916cd43dd8448eb211c80319c" if valid else "")


@pytest.mark.parametrize("path", ["/v1/models/customers:predict", "/v2/health/live"])
def test_the_trace_context_comes_back_with_the_answer(server: Running, path: str) -> None:
    """By the short way and by the long one."""
    body = json.dumps({"instances": [GOOD]}).encode() if path.startswith("/v1") else None
    reply = server.remote.pool.request(
        "POST" if body else "GET", f"http://{server.host}{path}", body=body, headers={"traceparent": PARENT.decode()}
    )
    assert reply.status == 200
    assert reply.headers["traceparent"] == PARENT.decode()


@pytest.mark.parametrize(
    "asked",
    [
        [{"size": 1, "mail": "x", "c": "a", "free": None, "y": "no", "secret": 3}],
        [[1, None, "a", "x"]],
        {"size": np.array([1]), "free": [None], "c": ["a"], "mail": ["x"], "y": ["no"]},
    ],
    ids=["objects", "arrays", "columns"],
)
def test_logged_rows_hold_no_personal_data(asked: Any) -> None:
    """Only the contract's inputs are logged, without those that are personal."""
    assert redact_rows(asked, CONTRACT) == {"instances": [{"size": 1, "free": None, "c": "a"}]}


def test_logged_rows_hold_the_contracts_keys() -> None:
    """Where a request holds them: true answers that come later are joined by them. A personal key stays out."""
    keyed = replace(
        CONTRACT,
        columns=(
            Column("id", "string", role="id"),
            Column("ssn", "string", role="id", personal="keep"),
            *CONTRACT.columns,
        ),
        keys=("id", "ssn"),
    )
    row = {"id": "a", "ssn": "1", "size": 1, "free": None, "c": "a", "mail": "x", "more": 7}
    kept = {"size": 1, "free": None, "c": "a", "id": "a"}
    assert redact_rows([row], keyed) == {"instances": [kept]}
    assert redact_rows({name: [value] for name, value in row.items()}, keyed) == {"instances": [kept]}
    assert redact_rows([[1, None, "a", "x"]], keyed) == {"instances": [{"size": 1, "free": None, "c": "a"}]}


def test_an_event_says_how_many_rows_it_lacks() -> None:
    """Request and response are cut at the same row; one of them says what is missing, so that it is counted once."""
    events: list[Any] = []

    class _Served:
        name, digest = "m", "d"

        class scorer:  # noqa: N801 - as the attribute
            contract = CONTRACT

        def objects(self, answers: ScoredRows) -> list[Any]:
            return [{"label": "no"} for _ in answers.scores]

    queue = LogQueue()
    log = PayloadLog(PayloadOptions("unused"), queue)
    log._send = lambda attributes, data: events.append((attributes, data))
    untyped: Any = _Served()
    rows = [{"size": 1}] * 1200
    with queue.open():
        log.log_answer(untyped, rows, scored([[1.0, 1.0, 1.0]] * 1200, [[0.9, 0.1]] * 1200))
        log.log_answer(untyped, rows[:1000], scored([[1.0, 1.0, 1.0]] * 1000, [[0.9, 0.1]] * 1000))
    assert [attributes.get("rowsleftout") for attributes, _ in events] == ["200", None, None, None]
    assert [len(data.get("instances") or data["predictions"]) for _, data in events] == [1000] * 4


def test_an_outbox_drops_instead_of_waiting() -> None:
    """A sink that hangs costs its callers nothing; what is lost is counted."""
    gate = threading.Event()
    outbox = LogQueue(most=5)
    with outbox.open(seconds=1):
        for _ in range(50):
            outbox.put(lambda: gate.wait(60) and None)
        assert outbox.dropped >= 40  # whoever waited for the sink would have lost nothing
        gate.set()


class Sink:
    """A receiver of CloudEvents."""

    def __init__(self, *statuses: int) -> None:
        """Answer with each status in turn, and then with 200."""
        self.events: list[tuple[dict[str, str], Any]] = []
        sink, left = self, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                sink.events.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
                self.send_response(left.pop(0) if left else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"


@contextlib.contextmanager
def receiving(*statuses: int) -> Iterator[Sink]:
    """Run a receiver that answers with each status in turn, and then with 200."""
    made = Sink(*statuses)
    threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A receiver that takes everything."""
    with receiving() as made:
        yield made


def test_a_receiver_that_restarts_gets_the_event_again() -> None:
    """Its gateway answers 503, 502 or 504 meanwhile; urllib3 2.7 repeats a POST only if its Retry allows the method."""
    with receiving(503, 502, 504) as sink:
        send = _poster(sink.url)
        send({"id": "a"}, {"instances": []})
    assert [headers["ce-id"] for headers, _ in sink.events] == ["a"] * 4


def test_a_receiver_that_refuses_an_event_is_not_asked_again() -> None:
    """What it cannot take now it cannot take later."""
    with receiving(400) as sink, pytest.raises(OSError, match="answered 400"):
        _poster(sink.url)({"id": "a"}, {"instances": []})
    assert len(sink.events) == 1


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_payloads_go_to_a_receiver_of_cloudevents(bundle: Bundle, sink: Sink, tmp_path: Path) -> None:
    """Request and answer under one id, by the short way and the long one; the access log names the trace."""
    with running(bundle.folder, tmp_path, "--log-url", sink.url, "--access-log") as server:
        first = server.remote.predict([GOOD]).document
        server.remote.pool.request(
            "POST",
            server.remote.url,
            body=json.dumps({"instances": [{**GOOD, "age": "31"}]}),
            headers={"traceparent": PARENT.decode()},
        )
        until(lambda: len(sink.events) == 4)
    by_id: dict[str, dict[str, Any]] = {}
    for headers, body in sink.events:
        assert headers["ce-specversion"] == "1.0"
        assert headers["ce-inferenceservicename"] == "customers"
        by_id.setdefault(headers["ce-id"], {})[headers["ce-type"].rpartition(".")[2]] = body
    assert len(by_id) == 2
    for pair in by_id.values():
        assert pair["response"] == first
        assert pair["request"]["instances"][0]["plan"] == "premium"
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    assert [line["status"] for line in lines if line["method"] == "POST"] == [200, 200]
    assert lines[-1]["trace"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("share", ["0", "1"])
def test_payloads_go_to_a_file_too(bundle: Bundle, tmp_path: Path, share: str) -> None:
    """One document a line; a share of nothing logs nothing."""
    path = tmp_path / "payloads.jsonl"
    arguments = ("--log-url", str(path), "--log-sample-rate", share, "--log-mode", "response")
    with running(bundle.folder, tmp_path, *arguments) as server:
        for _ in range(5):
            server.remote.predict([GOOD])
    lines = path.read_text().splitlines() if path.exists() else []
    assert len(lines) == (5 if share == "1" else 0)
    assert all(json.loads(line)["type"] == "org.kubeflow.serving.inference.response" for line in lines)


def test_a_receiver_that_is_away_costs_no_request(bundle: Bundle, tmp_path: Path) -> None:
    """Predictions go on, and the drops are counted."""
    with running(bundle.folder, tmp_path, "--log-url", "http://127.0.0.1:9/") as server:
        for _ in range(5):
            assert server.remote.predict([GOOD]).status == 200
        until(lambda: server.metric("headrace_log_entries_dropped_total") >= 1, 40)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([(b"ce-id", b"my-1"), (b"x-request-id", b"other")], "my-1"),
        ([(b"x-request-id", b"a/b:c=7"), (b"accept", b"*/*")], "a/b:c=7"),
        ([(b"x-request-id", b"two words")], ""),
        ([(b"ce-id", b"x" * 201)], ""),
        ([(b"ce-id", "é".encode())], ""),
        ([], ""),
    ],
)
def test_a_clients_id_is_that_of_its_events(headers: list[tuple[bytes, bytes]], found: str) -> None:
    """A client that gives its requests ids knows those that labels need; an id that is no plain text is ignored."""
    assert find_request_id(headers) == found


def test_the_log_has_the_id_that_a_client_gave(bundle: Bundle, tmp_path: Path) -> None:
    """On the fast path and on the full one, request and response."""
    log = tmp_path / "payloads.jsonl"
    with running(bundle.folder, tmp_path, "--log-url", str(log)) as server:
        body = json.dumps({"instances": [GOOD]}).encode()
        path = "/v1/models/customers:predict"
        for name in ("first", "second"):
            assert server.ask("POST", path, body, **{"Ce-Id": name})[0] == 200
        server.ask("POST", path, body)
        end = time.monotonic() + 20
        while (not log.exists() or log.read_bytes().count(b"\n") < 6) and time.monotonic() < end:
            time.sleep(0.02)
    ids = [json.loads(line)["id"] for line in log.read_text().splitlines()]
    assert ids[:4] == ["first", "first", "second", "second"]
    assert ids[4] == ids[5]


@pytest.mark.parametrize("sink", ["nowhere/log.jsonl", "."])
def test_a_payload_log_that_cannot_be_written_is_refused_at_the_start(sink: str, tmp_path: Path) -> None:
    """Else each payload would be dropped, and only a counter would tell."""
    with pytest.raises(InputError, match="a file that can be written"):
        PayloadOptions(str(tmp_path / sink))
    assert PayloadOptions(str(tmp_path / "log.jsonl")).sink
