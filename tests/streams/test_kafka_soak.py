"""A stream under load for long: rebalances, killed workers, swaps; each event once, flat memory."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.submission import ModelSubmission
from tests.conftest import headrace
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.registry.made import variant
from tests.streams.kafka_load import make_topics
from tests.streams.made_streams import GOOD, POISON, bundle_folder
from tests.streams.stream_process import StreamProcess, stream_process

pytestmark = [pytest.mark.kafka, pytest.mark.usefixtures("default_signals")]
_SECONDS = 60.0
_GROWTH_MB = 40.0
_PARTITIONS = 3
_PER_TICK, _TICK_SECONDS = 20, 0.02
_POISON_EVERY = 50
_TURN_SECONDS = 5.0


class Source(threading.Thread):
    """Sends numbered events to the partitions in turn, every fiftieth of them poison, until told to end."""

    def __init__(self, server: KafkaServer, topic: str, ended: threading.Event) -> None:
        super().__init__()
        self.sent, self._server, self._topic, self._ended = 0, server, topic, ended

    def run(self) -> None:
        """Send."""
        producer = self._server.producer(**{"enable.idempotence": True})
        while not self._ended.wait(_TICK_SECONDS):
            for number in range(self.sent, self.sent + _PER_TICK):
                value = POISON if _is_poison(number) else GOOD
                producer.produce(self._topic, value, b"%d" % number, number % _PARTITIONS)
            self.sent += _PER_TICK
            producer.poll(0)
        assert producer.flush(60) == 0


class Reader(threading.Thread):
    """Reads what is committed in a topic, and keeps what does not follow from what it has read of the partition."""

    def __init__(self, server: KafkaServer, topic: str, *, poison: bool) -> None:
        super().__init__(daemon=True)
        self.count, self.wrong, self.ended = 0, [""][:0], threading.Event()
        self._expected = [_numbers(partition, poison=poison) for partition in range(_PARTITIONS)]
        config = {"bootstrap.servers": server.address, "group.id": "soak", "isolation.level": "read_committed"}
        self._consumer = Consumer({**config, "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(_PARTITIONS)])

    def run(self) -> None:
        """Read until told to end."""
        while not self.ended.is_set():
            for message in self._consumer.consume(1000, 0.2):
                self._check(message)
        self._consumer.close()

    def _check(self, message: Any) -> None:
        expected = next(self._expected[message.partition()])
        if int(message.key()) != expected and len(self.wrong) < 10:
            self.wrong.append(f"{message.key()} at {message.partition()}/{message.offset()} instead of {expected}")
        self.count += 1


def _is_poison(number: int) -> bool:
    return number % _POISON_EVERY == 7


def _numbers(partition: int, *, poison: bool) -> Iterator[int]:
    """The numbers of a partition's events, of one kind."""
    return (number for number in itertools.count(partition, _PARTITIONS) if _is_poison(number) == poison)


def _memory(worker: StreamProcess) -> float:
    """Resident set size in MB."""
    lines = Path(f"/proc/{worker.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000


def _register(folder: Path, address: str) -> list[str]:
    """Register two versions, with the first in production; return both."""
    registry = open_registry(address)
    for number in range(2):
        variant(bundle_folder(), folder / f"bundle-{number}", mark=str(number))
        registry.register(
            ModelSubmission.read(folder / f"bundle-{number}", uri=str(folder / f"bundle-{number}")), by="a"
        )
    versions = [version.version for version in registry.model("customers").versions]
    registry.promote("customers", versions[0], stage="production", by="a")
    return versions


@pytest.mark.timeout(600)
def test_a_stream_under_load_keeps_its_memory_and_answers_each_event_once(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second worker comes and goes, in order and by kill -9, and a version is swapped, every few seconds.

    Memory is flat: the first worker has at most 40 MB more in the second half of the time than in the first, after a
    warm-up of a sixth of it.
    """
    seconds = request.config.getoption("--soak-seconds") or _SECONDS
    monkeypatch.setenv("HEADRACE_REGISTRY", str(tmp_path / "registry.db"))
    versions = _register(tmp_path, str(tmp_path / "registry.db"))
    with kafka_server() as server:
        source, target = make_topics(server, "soak", _PARTITIONS)
        ended = threading.Event()
        load = Source(server, "soak", ended)
        letters = Reader(server, "soak-answers-dead-letter", poison=True)
        readers = [Reader(server, "soak-answers", poison=False), letters]
        options = ("--version-seconds", "0.5")
        with stream_process(source, target, tmp_path / "log", *options, model="customers@production") as worker:
            worker.wait_ready()
            for thread in (load, *readers):
                thread.start()
            try:
                peaks = _disturb(worker, source, target, tmp_path, versions, seconds)
            finally:
                ended.set()
                load.join(60)
            swaps = worker.metric("model_swaps_total")
            assert worker.end() == 0, worker.log.read_text()
        last = headrace("stream", "customers@production", "--from", source, "--to", target, "--until-end")
        assert last.returncode == 0, last.stderr
        deadline = time.monotonic() + 60
        while sum(reader.count for reader in readers) < load.sent and time.monotonic() < deadline:
            time.sleep(0.1)
        for reader in readers:
            reader.ended.set()
            reader.join(30)
            assert reader.wrong == []
        assert sum(reader.count for reader in readers) == load.sent
        assert letters.count == sum(map(_is_poison, range(load.sent)))
    assert swaps >= seconds / _TURN_SECONDS / 2
    assert "Traceback" not in worker.log.read_text()
    warm = peaks[len(peaks) // 6 :]
    half = len(warm) // 2
    assert max(warm[half:]) <= max(warm[:half]) + _GROWTH_MB, peaks


def _disturb(
    worker: StreamProcess, source: str, target: str, folder: Path, versions: list[str], seconds: float
) -> list[float]:
    """Let a second worker come and go, and swap versions; return the memory of the first, each second."""
    registry = open_registry()
    deadline, memory = time.monotonic() + seconds, []
    for turn in itertools.count(1):
        if time.monotonic() > deadline:
            return memory
        registry.promote("customers", versions[turn % 2], stage="production", by="a")
        with stream_process(source, target, folder / "second", model="customers@production") as second:
            turn_ends = time.monotonic() + _TURN_SECONDS
            while time.monotonic() < turn_ends:
                time.sleep(1)
                memory.append(_memory(worker))
            second.wait_until(lambda second=second: second.metric("assigned_partitions") > 0)
            second.kill() if turn % 3 == 0 else second.end()
    return memory
