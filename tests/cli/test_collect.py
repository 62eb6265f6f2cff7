"""``headrace collect`` over what real servers log."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import headrace.api as hr
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from tests.conftest import headrace
from tests.made_bundle import copy_bundle
from tests.monitoring.collect.made_events import (
    RunningCollector,
    attributes,
    collector,
    go_record,
    headers,
    response_body,
)

pytestmark = pytest.mark.usefixtures("default_signals")
ROW = {"age": 30, "spend": 2.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The usual bundle, named customers."""
    return copy_bundle(tmp_path_factory.mktemp("bundle")).folder


def rows(store: Path) -> pl.DataFrame:
    """The rows of a store of the last day."""
    now = datetime.now(UTC)
    window = TimeWindow(now - timedelta(days=1), now + timedelta(days=1))
    return concat_rows(list(WindowStore(open_objects(str(store)), "customers").read(window)))


@pytest.fixture(params=["file", "receiver"])
def logged(request: pytest.FixtureRequest, bundle: Path, tmp_path: Path) -> Iterator[tuple[Any, str]]:
    """A real server that logs to a file, which is collected afterwards, or to a receiver."""
    if request.param == "file":
        yield (lambda: hr.serve(bundle, log_url=str(tmp_path / "log.jsonl"))), str(tmp_path / "log.jsonl")
        return
    with collector(bundle, tmp_path, "--store-seconds", "0.2") as running:
        yield (lambda: hr.serve(bundle, log_url=running.url)), ""


def test_what_the_server_answers_is_stored(logged: tuple[Any, str], bundle: Path, tmp_path: Path) -> None:
    """Inputs, answers and the digest of each row, as the client has seen them."""
    serve, log = logged
    sent = [{**ROW, "age": age} for age in range(20, 40)]
    with serve() as endpoint:
        answers = [endpoint.predict([row])[0] for row in sent[:10]] + endpoint.predict(sent[10:])
        digest = endpoint.digest
    if log:
        ended = headrace("collect", str(bundle), str(tmp_path / "store"), "--from", log)
        assert ended.returncode == 0, ended.stderr
        assert ended.stdout.strip() == "22 events, 20 rows stored"
    deadline = time.monotonic() + 60
    while not (tmp_path / "store").exists() or rows(tmp_path / "store").height < 20:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = rows(tmp_path / "store")
    ordered = found.sort("input_age")
    assert ordered["input_age"].to_list() == [row["age"] for row in sent]
    assert ordered["label"].to_list() == [answer["label"] for answer in answers]
    assert ordered["probability_yes"].to_list() == [answer["probabilities"]["yes"] for answer in answers]
    assert set(ordered["model_digest"]) == {digest}


def test_a_folder_of_kserves_logger_is_stored(bundle: Path, tmp_path: Path) -> None:
    """Read again, it changes nothing; another service is set aside and counted, unless it is named."""
    logs, store = tmp_path / "logs", tmp_path / "store"
    logs.mkdir()
    request = json.dumps({"instances": [ROW]}).encode()
    (logs / "a1-request.json").write_text(json.dumps(go_record("request", request, "a1")))
    (logs / "a1-response.json").write_text(json.dumps(go_record("response", response_body({"label": "no"}), "a1")))
    other = {**go_record("request", request, "b1"), "InferenceService": "customers-eu"}
    (logs / "b1-request.json").write_text(json.dumps(other))
    for stored in (1, 0):
        counts = hr.collect(bundle, store, [logs])
        assert (counts.events, counts.rows, counts.stored_before) == (2, stored, 1 - stored)
        assert (counts.without_time, counts.refused, counts.other_services) == (2, {"service": 1}, {"customers-eu": 1})
        assert rows(store).height == 1
        assert len(list(store.rglob("*.parquet"))) == 1
    counts = hr.collect(bundle, store, [logs], services=["customers-eu"])
    assert (counts.events, counts.incomplete) == (1, 1)
    assert rows(store).sort("request_id")["label"].to_list() == ["no", None]


def test_a_log_that_was_read_before_has_no_new_rows(bundle: Path, tmp_path: Path) -> None:
    """What was appended to it has; and a log of another service is named, so that its owner knows what to do."""
    log, now = tmp_path / "log.jsonl", datetime.now(UTC).isoformat()

    def append(name: str, **others: str) -> None:
        lines = [
            {**attributes("request", name, time=now, **others), "data": {"instances": [ROW]}},
            {**attributes("response", name, time=now, **others), "data": {"predictions": [{"label": "no"}]}},
        ]
        with log.open("a") as stream:
            stream.writelines(f"{json.dumps(line)}\n" for line in lines)

    def collect() -> tuple[str, str]:
        ended = headrace("collect", str(bundle), str(tmp_path / "store"), "--from", str(log))
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip(), ended.stderr.strip()

    append("a")
    append("b")
    assert collect() == ("4 events, 2 rows stored", "")
    assert collect() == ("4 events, 0 new rows, 2 were stored before", "")
    append("c")
    append("d", inferenceservicename="customers-eu")
    assert collect() == (
        "6 events, 1 new row, 2 were stored before; 2 refused (service 2)",
        "headrace: 2 events were of other services: 'customers-eu' (2); name one with --service if it serves this model.",  # noqa: E501 - one line of output
    )
    assert sorted(rows(tmp_path / "store")["request_id"]) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        (["--from", "none.jsonl"], "there is no file or folder none.jsonl"),
        (["--from", "http://nowhere"], "http://HOST:PORT"),
        (["--from", "ftp://topic"], "a folder or s3://BUCKET/PREFIX"),
        (["--from", "kafka://topic"], "kafka://HOST:PORT/TOPIC"),
        (["--from", "http://127.0.0.1:0", "--from", "http://127.0.0.1:0"], "at most one http://"),
    ],
)
def test_a_wrong_source_is_one_sentence(bundle: Path, tmp_path: Path, sources: list[str], sentence: str) -> None:
    """With exit code 2."""
    ended = headrace("collect", str(bundle), str(tmp_path / "store"), *sources)
    assert (ended.returncode, sentence in ended.stderr) == (2, True), ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_log_is_followed_beside_a_receiver(bundle: Path, tmp_path: Path) -> None:
    """Through a kill and a restart: what was appended meanwhile is read, and nothing is stored twice."""
    log = tmp_path / "log.jsonl"

    def append(*names: str) -> None:
        now = datetime.now(UTC).isoformat()
        with log.open("ab") as stream:
            for name in names:
                request = {**attributes("request", name, time=now), "data": {"instances": [ROW]}}
                response = {**attributes("response", name, time=now), "data": {"predictions": [{"label": "no"}]}}
                stream.write(json.dumps(request).encode() + b"\n" + json.dumps(response).encode() + b"\n")

    def wait_for_rows(running: RunningCollector, count: int) -> None:
        deadline = time.monotonic() + 60
        while running.metric("rows_total") < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    options = ("--from", str(log), "--follow", "--store-seconds", "0.2")
    with collector(bundle, tmp_path, *options) as running:
        append("a", "b")
        wait_for_rows(running, 2)
        running.process.kill()
        running.process.wait(30)
    append("c")
    with collector(bundle, tmp_path, *options) as running:
        body = json.dumps({"instances": [ROW]}).encode()
        assert running.post(body, headers("request", "d", time=datetime.now(UTC).isoformat()))[0] == 200
        wait_for_rows(running, 1)
    assert running.process.returncode == 0, running.log.read_text()
    assert sorted(rows(tmp_path / "store")["request_id"]) == ["a", "b", "c", "d"]
