"""Topics of a real broker as sources, with real kills."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import polars as pl
import pytest

from headrace.core.monitors.data.column_types import concat_rows
from headrace.core.monitors.reports.time_window import TimeWindow
from headrace.monitoring.collect.topics.topic_records import read_payload
from headrace.monitoring.labels.label_store import LabelStore, latest_labels
from headrace.monitoring.windows.window_store import HOUR, WindowStore
from headrace.stores.objects.open_objects import open_objects
from tests.conftest import headrace
from tests.monitoring.collect.made_events import attributes, request_body, response_body
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.streams.made_streams import ROW, bundle_folder, event
from tests.streams.stream_process import stream_process

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("default_signals")]


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker."""
    with kafka_server() as running:
        yield running


def rows(store: Path) -> pl.DataFrame:
    """All rows of a store."""
    found = WindowStore(open_objects(str(store)), "customers")
    hours = found.hours()
    frames = list(found.read(TimeWindow(hours[0], hours[-1] + HOUR))) if hours else []
    return concat_rows(frames) if frames else pl.DataFrame(schema={"request_id": pl.String()})


def wait_for(check: Callable[[], bool], *processes: "subprocess.Popen[bytes]", log: Path) -> None:
    """Wait until something is so while processes run."""
    deadline = time.monotonic() + 120
    while not check():
        assert all(process.poll() is None for process in processes), log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@contextmanager
def following(log: Path, name: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A command that follows a topic, killed at the end of the block unless it has ended."""
    command = [sys.executable, "-m", "headrace.cli.main", name, str(bundle_folder()), *arguments, "--follow"]
    with log.open("ab") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=log.parent, env={**os.environ})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(30)


def outcome(age: int) -> str:
    """What turned out to be true of an event."""
    return "yes" if age % 3 else "no"


class Load:
    """Events that are produced all the time, and a label for each one that the broker has acknowledged.

    Attributes:
        acknowledged: Age by partition and offset of each event that the broker has acknowledged.
    """

    def __init__(self, server: KafkaServer, topic: str, partitions: int) -> None:
        self.labels = f"{topic}-labels"
        self.acknowledged: dict[tuple[int, int], int] = {}
        self._producer = server.producer()
        self._topic, self._partitions = topic, partitions
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def _work(self) -> None:
        number = 0
        while not self._ended.wait(0.02):
            for _ in range(5):
                number += 1
                age = number % 90

                def note(error: object, message: object, age: int = age) -> None:
                    assert error is None
                    partition, offset = message.partition(), message.offset()  # type: ignore[attr-defined]
                    self.acknowledged[partition, offset] = age
                    label = {"topic": self._topic, "partition": partition, "offset": offset, "churn": outcome(age)}
                    self._producer.produce(self.labels, json.dumps(label).encode())

                self._producer.produce(
                    self._topic, event(age=age), b"%d" % number, number % self._partitions, on_delivery=note
                )
            self._producer.poll(0)

    def end(self) -> None:
        """Produce no more, and wait for what is not acknowledged yet."""
        self._ended.set()
        self._thread.join()
        while self._producer.flush(60):
            pass  # the labels of the last events


def _kill_collectors(server: KafkaServer, topic: str, folder: Path, kills: int) -> None:
    """A stream under load, and what collects it and its labels, killed again and again."""
    answers, letters = f"{topic}-answers", f"{topic}-answers-dead-letter"
    server.create(topic, answers, letters, f"{topic}-labels", partitions=2)
    draw = random.Random(kills)  # noqa: S311 - test data
    source, target = f"kafka://{server.address}/{topic}", f"kafka://{server.address}/{answers}"
    store, log = folder / "store", folder / "log"
    collect = (str(store), "--from", source, "--answers", target)
    labels = (f"{source}-labels", "--to", str(store))
    with ExitStack() as stack:
        load = Load(server, topic, 2)
        stack.callback(load.end)
        worker = stack.enter_context(stream_process(source, target, folder / "stream.log"))
        for _ in range(kills):
            before = progress(store)
            with ExitStack() as both:
                commands = (("collect", *collect), ("labels", *labels))
                running = [both.enter_context(following(log, *one, "--store-seconds", "0.3")) for one in commands]
                wait_for(lambda before=before: all(map(int.__lt__, before, progress(store))), *running, log=log)  # type: ignore[misc]
                time.sleep(draw.uniform(0, 0.6))
        load.end()
        worker.wait_until(lambda: worker.metric("events_total") == len(load.acknowledged))
        assert worker.end() == 0
    # What a killed one has left in its journal is stored by one that ends.
    for name, arguments in (("collect", collect), ("labels", labels)):
        command = [sys.executable, "-m", "headrace.cli.main", name, str(bundle_folder()), *arguments]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
    found = rows(store)
    assert found.get_column("request_id").is_unique().all()
    answered = {
        (one.partition(), json.loads(one.value())["event_offset"]): json.loads(one.value())["label"]
        for one in server.read(answers)
    }
    names = {f"{topic}/{partition}/{offset}": (partition, offset) for partition, offset in load.acknowledged}
    assert {
        name: (age, label) for name, age, label in found.select("request_id", "input_age", "label").iter_rows()
    } == {name: (load.acknowledged[place], answered[place]) for name, place in names.items()}
    known = latest_labels(LabelStore(open_objects(str(store)), "customers").read()["request_id", "row"], ["request_id"])
    assert dict(known.select("request_id", "actual").iter_rows()) == {
        name: outcome(load.acknowledged[place]) for name, place in names.items()
    }


def progress(store: Path) -> tuple[int, int]:
    """Number of rows, and of files of labels."""
    return rows(store).height, len(list(store.rglob("labels/*.parquet")))


def test_killed_collectors_store_each_event_once(server: KafkaServer, tmp_path: Path) -> None:
    """Kill -9 under load: each acknowledged event is in the store once, with its answer."""
    _kill_collectors(server, "kills", tmp_path, 3)


@pytest.mark.exhaustive
def test_twenty_killed_collectors_store_each_event_once(server: KafkaServer, tmp_path: Path) -> None:
    """The same at twenty random moments."""
    _kill_collectors(server, "kills20", tmp_path, 20)


def test_payloads_of_loggers_are_collected(server: KafkaServer, tmp_path: Path) -> None:
    """In binary mode by headers; what an aborted transaction has written does not count; retention is counted."""
    from confluent_kafka import TopicPartition

    server.create("logged", partitions=2)
    producer = server.producer(**{"transactional.id": "logger"})
    producer.init_transactions(30)

    def produce(name: str, *, commits: bool = True) -> None:
        producer.begin_transaction()
        for partition, (kind, body) in enumerate({"request": request_body(ROW), "response": response_body()}.items()):
            headers = [(f"ce_{key}", text.encode()) for key, text in attributes(kind, name).items()]
            headers.append(("content-type", b"application/json"))
            assert not isinstance(read_payload(body, headers), Exception)
            producer.produce("logged", body, name.encode(), partition, headers=headers)
        producer.flush(30)
        (producer.commit_transaction if commits else producer.abort_transaction)(30)

    def collect(**group: str) -> str:
        options = [text for name, value in group.items() for text in (f"--{name}", value)]
        ended = headrace("collect", str(bundle_folder()), str(tmp_path / "store"), "--from", address, *options)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    address = f"kafka://{server.address}/logged"
    produce("a")
    produce("never", commits=False)
    produce("b")
    assert collect() == "4 events, 2 rows stored"
    assert set(rows(tmp_path / "store").get_column("request_id")) == {"a", "b"}
    produce("c")
    produce("d")
    # Offsets 6 and 8 of each partition are c and d, with a marker behind each.
    admin = server.admin()
    for future in admin.delete_records([TopicPartition("logged", one, 8) for one in range(2)]).values():
        future.result(30)
    assert collect() == "2 events, 1 row stored; 4 offsets deleted before reading"
    assert collect(group="again") == "2 events, 0 new rows, 1 was stored before"


def test_a_broker_that_is_gone_is_waited_for(server: KafkaServer, tmp_path: Path) -> None:
    """The collector lives on, stores what comes when it is back, and ends in order while it is gone.

    With librdkafka 2.16.0 a commit returned 45 s after the broker had gone, or not in 120, and
    ``AdminClient.alter_consumer_group_offsets``, which takes a timeout, ends the process by a failed assertion when the
    broker goes (its issue 4605, open).
    """
    log, store = tmp_path / "log", tmp_path / "store"
    server.create("gone", "gone-answers", partitions=1)

    def produce(offset: int) -> None:
        producer = server.producer()
        producer.produce("gone", event(age=offset), b"k", 0)
        producer.produce("gone-answers", b'{"label": "no", "event_offset": %d}' % offset, b"k", 0)
        assert not producer.flush(60)

    produce(0)
    places = [f"kafka://{server.address}/{topic}" for topic in ("gone", "gone-answers")]
    options = (str(store), "--from", places[0], "--answers", places[1], "--store-seconds", "0.3")
    with following(log, "collect", *options) as process:
        wait_for(lambda: rows(store).height == 1, process, log=log)
        produce(1)
        server.kill()
        try:
            wait_for(lambda: "does not answer" in log.read_text(), process, log=log)
        finally:
            server.start()
        produce(2)
        wait_for(lambda: rows(store).height == 3, process, log=log)
        produce(3)
        wait_for(lambda: rows(store).height == 4, process, log=log)
        server.kill()
        try:
            process.terminate()
            assert process.wait(60) == 0, log.read_text()
        finally:
            server.start()
    assert rows(store).get_column("label").to_list() == ["no"] * 4
