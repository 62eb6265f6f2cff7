"""Kafka Streams scores a topic of a real broker with the guide's program, each event once, whatever kills it."""

import contextlib
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.jvm.conftest import ExportedModel
from tests.jvm.java_parts import PROJECT, compile_java, engine_jars
from tests.jvm.java_process import JavaProcess, java_process
from tests.jvm.topic_events import LARGE, TopicEvents
from tests.real.kafka_server import KafkaServer, kafka_server

pytestmark = [pytest.mark.jvm, pytest.mark.kafka]

PROGRAM = PROJECT / "examples" / "KafkaStreamsScorer.java"
SIGTERM = 143
"""Exit code of a JVM that ended by SIGTERM."""


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker."""
    with kafka_server() as running:
        yield running


class Instances:
    """Instances of one application, each with a folder of its own."""

    def __init__(self, server: KafkaServer, events: TopicEvents, jar: Path, folder: Path) -> None:
        self._folder = folder
        self._server = server
        self._topics = (events.topic, events.answers, events.letters)
        jars = f"{engine_jars('kafka')}/*:{jar}"
        self._classpath = f"{compile_java(folder, PROGRAM, classpath=jars)}:{jars}"

    def start(self, name: str, stack: ExitStack) -> JavaProcess:
        """Run one until it is ended, or the stack closes."""
        settings = {
            "bootstrap.servers": self._server.address,
            "application.id": self._topics[0],
            "state.dir": str(self._folder / name),
            "session.timeout.ms": "3000",
            "heartbeat.interval.ms": "500",
        }
        path = self._folder / f"{name}.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        program = java_process(
            self._classpath, "KafkaStreamsScorer", str(path), *self._topics, log=self._folder / f"{name}.log"
        )
        return stack.enter_context(program)


def _run_with_kills(server: KafkaServer, exported: ExportedModel, topic: str, folder: Path, kills: int) -> None:
    """Two instances under load, one of which is killed again and again; both are ended in order at last."""
    events = TopicEvents(server, topic)
    instances = Instances(server, events, exported.jar.path, folder)
    draw = random.Random(kills)  # noqa: S311 - test data
    events.send(100)
    events.send_bare(LARGE)
    events.send_bare(None)
    with contextlib.closing(events), events, ExitStack() as stack:
        names = ["one", "two"]
        running = [instances.start(name, stack) for name in names]
        for turn in range(kills):
            victim = turn % 2
            job, done = running[victim], events.done()
            job.wait_until(lambda done=done: events.done() > done)
            time.sleep(draw.random())
            job.kill()
            running[victim] = instances.start(names[victim], stack)
        done = events.done()
        running[0].wait_until(lambda: events.done() > done)
        events.stop()
        running[0].wait_until(lambda: events.done() >= events.sent + 2)
        assert [job.end() for job in running] == [SIGTERM, SIGTERM], [job.log.read_text() for job in running]
    events.assert_once(exported)
    bare = [dict(one.headers()) for one in server.read(events.letters) if one.key() is None]
    assert sorted(headers["headrace-reason"] for headers in bare) == [b"empty", b"value"]
    assert [headers.get("headrace-omitted") for headers in bare if headers["headrace-reason"] == b"value"] == [
        b"value of %d bytes" % len(LARGE)
    ]


@pytest.mark.timeout(900)
def test_each_event_is_answered_once_across_a_kill(
    server: KafkaServer, exported: ExportedModel, tmp_path: Path
) -> None:
    """The other instance takes the partitions over, and gives them back; bad, large and empty events stop nothing."""
    _run_with_kills(server, exported, "streams", tmp_path, 1)


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_each_event_is_answered_once_across_twenty_kills(
    server: KafkaServer, exported: ExportedModel, tmp_path: Path
) -> None:
    """The same at twenty random moments."""
    _run_with_kills(server, exported, "streams20", tmp_path, 20)
