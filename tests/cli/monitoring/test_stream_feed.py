"""What a stream has scored feeds the monitor: stream, collect, labels, monitor; in a folder and on a real broker."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

import headrace.api as hr
from headrace.cli.monitoring.pumps import TARGET, PumpWeek, draw_week
from headrace.core.base.errors import InputError, UserError
from headrace.core.contracts import contract_yaml
from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.labelled_rows import labelled_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import open_objects
from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder.folder_broker import append_events
from tests.conftest import headrace
from tests.fork_server import python
from tests.monitoring.monitors.pump_store import pump_bundle
from tests.streams.made_streams import POISON, bundle_folder, event

if TYPE_CHECKING:
    from tests.real.kafka_server import KafkaServer

pytestmark = pytest.mark.usefixtures("default_signals")
_POLICY = "format: 1\nwindow: day\nmonitors:\n  missing: {}\n  measured_performance: {}\n  label_coverage: {}\n"
_DAY = timedelta(days=1)
Write = Callable[[str, list[OutgoingRecord]], None]


def stored(store: Path, model: str) -> pl.DataFrame:
    """The rows of a store of these days."""
    now = datetime.now(UTC)
    frames = list(WindowStore(open_objects(str(store)), model).read(TimeWindow(now - _DAY, now + _DAY)))
    return concat_rows(frames) if frames else pl.DataFrame(schema={"request_id": pl.String(), "label": pl.String()})


def labelled(store: Path) -> pl.DataFrame:
    """The rows of the pumps of these days, with what became of them if that is known."""
    now, place = datetime.now(UTC), open_objects(str(store))
    contract = contract_yaml.load(pump_bundle().folder / "contract.yaml")
    rows, labels = WindowStore(place, "customers"), LabelStore(place, "customers")
    return labelled_rows(rows, labels, TimeWindow(now - 2 * _DAY, now + _DAY), contract, unlabelled=True)


def run(*arguments: str) -> str:
    """The last line of a command that ends well."""
    ended = headrace(*arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip().splitlines()[-1]


def make_inspections(topic: str, now: datetime) -> tuple[list[OutgoingRecord], list[OutgoingRecord], tuple[int, str]]:
    """Events of 120 pumps and one that is broken, labels of 100 of them, and age and fate of the last of these."""
    frame = draw_week(PumpWeek(1, rows=120))
    rows = frame.drop("time", TARGET, "inspection").to_dicts()
    stamp = int(now.timestamp() * 1000)
    events = [
        OutgoingRecord("", place % 2, json.dumps(row).encode(), b"%d" % place, (), stamp + place)
        for place, row in enumerate(rows)
    ]
    events.append(OutgoingRecord("", 0, POISON, b"bad", (), stamp))
    labels: list[dict[str, Any]] = []
    for place, actual in enumerate(frame.get_column(TARGET).head(100)):
        named = {"topic": topic, "partition": place % 2, "offset": place // 2}
        by_id = {"request_id": f"{topic}/{place % 2}/{place // 2}"}
        labels.append({**(by_id if place % 3 else named), TARGET: actual})
    labels.append({"request_id": "nobody", TARGET: "maybe"})
    records = [OutgoingRecord("", 0, json.dumps(label).encode(), None, (), stamp + 500) for label in labels]
    return events, records, frame.select("age_days", TARGET).row(99)


def feed_monitor(address: Callable[[str], str], write: Write, folder: Path) -> None:
    """Score a topic, collect, take labels, and look at the report."""
    bundle, store = str(pump_bundle().folder), str(folder / "store")
    start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    events, labels, last = make_inspections("pumps", start - _DAY / 2)
    write("pumps", events)
    write("outcomes", labels)
    topics = ("--from", address("pumps"), "--to", address("scores"), "--until-end")
    assert run("stream", bundle, *topics).startswith("121 events, 120 answers; 1 dead letter (value 1)")
    collect = ("collect", bundle, store, "--from", address("pumps"), "--answers", address("scores"))
    assert run(*collect) == "241 events, 120 rows stored; 1 dead letter (value 1); 1 refused (value 1)"
    assert run(*collect) == "0 events, 0 rows stored"
    taken = run("labels", bundle, address("outcomes"), "--to", store)
    assert taken.startswith("101 labels, 100 matched, 0 unknown, 0 corrected, 0 repeated, 1 refused (1 because")
    joined = labelled(folder / "store")
    assert joined.height == joined.get_column("label").count() == 120
    assert joined.get_column("actual").count() == 100
    age = joined.filter(pl.col("request_id") == "pumps/1/49").row(0, named=True)
    assert (age["input_age_days"], age["actual"]) == last
    (folder / "policy.yaml").write_text(_POLICY)
    moments = ("--at", start.isoformat(), "--trained", (start - 2 * _DAY).isoformat())
    summary = folder / "summary.json"
    run("monitor", bundle, store, "--policy", str(folder / "policy.yaml"), *moments, "--summary", str(summary))
    report = json.loads(summary.read_text())["report"]
    assert report["rows"] == 120


def test_a_stream_in_a_folder_feeds_the_monitor(tmp_path: Path) -> None:
    """Events, answers, dead letters and labels, to the report."""
    topics = tmp_path / "topics"
    feed_monitor(
        lambda name: str(topics / name), lambda topic, records: append_events(topics, topic, records), tmp_path
    )


@pytest.mark.parametrize(
    ("sources", "topics", "sentence"),
    [
        (["a/events"], {"dead_letter": "a/letters"}, "add --answers TOPIC"),
        (["a/b", "a/c"], {"answers": "a/d"}, "answers belong to the events of one topic"),
        (["a/b"], {"answers": "a/b"}, "must be three topics"),
        (["a/b"], {"answers": "a/c"}, "a topic must be a folder with a folder for each partition"),
        (["kafka://u:p@h:1/a"], {}, "must hold no login"),
        (["kafka://h:1/a"], {"group": "a/b"}, "--group must be"),
    ],
)
def test_topics_that_cannot_be_collected_are_one_sentence(
    tmp_path: Path, sources: list[str], topics: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stored."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        hr.collect(bundle_folder(), "store", sources, **topics)  # type: ignore[arg-type]
    assert not Path("store").exists()


def test_options_of_topics_are_not_those_of_tables(tmp_path: Path) -> None:
    """A table is not followed; refused labels of a topic that is followed are not written."""
    (tmp_path / "topics" / "labels" / "0").mkdir(parents=True)
    (tmp_path / "labels.csv").write_text("request_id,churn\na,yes\n")
    with pytest.raises(InputError, match="are for a topic of labels"):
        hr.add_labels(bundle_folder(), str(tmp_path / "labels.csv"), tmp_path / "store", follow=True)
    place = str(tmp_path / "topics" / "labels")
    with pytest.raises(InputError, match=r"the option delimiter is for CSV only; omit it, for the labels of the topic"):
        hr.add_labels(bundle_folder(), place, tmp_path / "store", delimiter=",")
    with pytest.raises(InputError, match="leave out --follow"):
        hr.add_labels(bundle_folder(), place, tmp_path / "store", follow=True, refused=tmp_path / "refused.parquet")


@contextmanager
def following(log: Path, *arguments: str, **environment: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that runs until the end of the block."""
    command = [python(), "-m", "headrace.cli.main", *arguments]
    with log.open("ab") as stream:
        process = subprocess.Popen(
            command, stdout=stream, stderr=stream, env={**os.environ, **environment}, cwd=log.parent
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)


def wait_for(check: Callable[[], bool], process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until something is so while a process runs."""
    deadline = time.monotonic() + 90
    while not check():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_topics_are_followed_until_sigterm(tmp_path: Path) -> None:
    """What was read when the end comes is stored, and its position kept."""
    topics, log = tmp_path / "topics", tmp_path / "log"
    now = int(time.time() * 1000)

    def write(topic: str, *values: bytes) -> None:
        append_events(topics, topic, [OutgoingRecord("", 0, value, b"k", (), now) for value in values])

    write("events", event(age=30))
    write("answers", b'{"label": "no", "event_offset": 0}')
    write("labels", b'{"topic": "events", "partition": 0, "offset": 0, "churn": "no"}')
    bundle, store = str(bundle_folder()), str(tmp_path / "store")
    answers = ("--answers", str(topics / "answers"), "--store-seconds", "0.2", "--follow")
    with following(log, "collect", bundle, store, "--from", str(topics / "events"), *answers) as process:
        wait_for(lambda: stored(tmp_path / "store", "customers").height == 1, process, log)
        write("events", event(age=31))
        write("answers", b'{"label": "yes", "event_offset": 1}')
        wait_for(lambda: stored(tmp_path / "store", "customers").height == 2, process, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "4 events, 2 rows stored" in log.read_text()
    labels = ("labels", bundle, str(topics / "labels"), "--to", store, "--follow", "--store-seconds", "0.2")
    with following(log, *labels) as process:
        wait_for(lambda: any((tmp_path / "store").rglob("labels/*.parquet")), process, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "1 label, 1 matched" in log.read_text()


@pytest.fixture(scope="module")
def server() -> Iterator["KafkaServer"]:
    """A broker."""
    from tests.real.kafka_server import kafka_server

    with kafka_server() as running:
        yield running


def produce(server: "KafkaServer", topic: str, records: list[OutgoingRecord]) -> None:
    """Produce records."""
    producer = server.producer()
    for one in records:
        producer.produce(topic, one.value, one.key, one.partition, timestamp=one.timestamp)
    assert not producer.flush(60)


@pytest.mark.kafka
def test_a_stream_on_a_broker_feeds_the_monitor(server: "KafkaServer", tmp_path: Path) -> None:
    """The same, with the marks of transactions among the answers."""
    server.create("pumps", "scores", "scores-dead-letter", "outcomes", partitions=2)
    feed_monitor(
        lambda name: f"kafka://{server.address}/{name}",
        lambda topic, records: produce(server, topic, records),
        tmp_path,
    )
