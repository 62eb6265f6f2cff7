"""Flink SQL scores a topic of a real broker with the guide's script, each event once, whatever kills it."""

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jvm.conftest import ExportedModel
from tests.jvm.java_parts import PROJECT, compile_java, engine_jars
from tests.jvm.java_process import JavaProcess, java_process
from tests.jvm.topic_events import LARGE, TopicEvents
from tests.real.kafka_server import KafkaServer, kafka_server

pytestmark = [pytest.mark.jvm, pytest.mark.kafka]

SCRIPT = PROJECT / "examples" / "flink_topic.sql"
RUNNER = Path(__file__).parent / "java" / "FlinkJob.java"


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    """A broker."""
    with kafka_server() as running:
        yield running


class FlinkRuns:
    """Runs of one script, each from the last checkpoint of the one before.

    Attributes:
        log: What all of them say.
    """

    def __init__(self, server: KafkaServer, events: TopicEvents, jar: Path, folder: Path) -> None:
        self.log = folder / "log"
        self._checkpoints = folder / "checkpoints"
        self._script = folder / "script.sql"
        text = SCRIPT.read_text()
        for said, used in (
            ("127.0.0.1:9092", server.address),
            ("/tmp/checkpoints'", f"{self._checkpoints}'"),  # noqa: S108 - a text of the script
            ("'topic' = 'payments'", f"'topic' = '{events.topic}'"),
            ("'topic' = 'scores'", f"'topic' = '{events.answers}'"),
            ("'topic' = 'scores-dead-letter'", f"'topic' = '{events.letters}'"),
            ("'flink-payments-", f"'{events.topic}-"),
        ):
            assert said in text
            text = text.replace(said, used)
        self._script.write_text(text)
        flink = f"{engine_jars('flink')}/*:{engine_jars('flink_kafka')}/*"
        self._classpath = f"{compile_java(folder, RUNNER, classpath=flink)}:{flink}:{jar}"

    def checkpoints(self) -> list[Path]:
        """Folders of the checkpoints that are complete, the latest last."""
        found = [path.parent for path in self._checkpoints.glob("*/chk-*/_metadata")]
        return sorted(found, key=lambda path: (path / "_metadata").stat().st_mtime_ns)

    @contextlib.contextmanager
    def started(self, *settings: str) -> Iterator[JavaProcess]:
        """Run the script until the end of the block."""
        known = self.checkpoints()
        restored = [f"execution.state-recovery.path=file://{known[-1]}"] if known else []
        given = ["execution.checkpointing.interval=700 ms", "parallelism.default=1", *settings, *restored]
        with java_process(self._classpath, "FlinkJob", str(self._script), *given, log=self.log) as job:
            yield job

    def wait_for_checkpoint(self, job: JavaProcess) -> None:
        """Wait until one more is complete."""
        known = set(self.checkpoints())
        job.wait_until(lambda: bool(set(self.checkpoints()) - known))


def _run_with_kills(server: KafkaServer, exported: ExportedModel, topic: str, folder: Path, kills: int) -> FlinkRuns:
    """Kill a job under load again and again, and go on from its last checkpoint."""
    events = TopicEvents(server, topic)
    runs = FlinkRuns(server, events, exported.jar.path, folder)
    draw = random.Random(kills)  # noqa: S311 - test data
    events.send(100)
    events.send_bare(LARGE)
    events.send_bare(None)
    with contextlib.closing(events), events:
        for _ in range(kills):
            done = events.done()
            with runs.started() as job:
                job.wait_until(lambda done=done: events.done() > done)
                time.sleep(draw.random())
                job.kill()
        with runs.started() as job:
            done = events.done()
            job.wait_until(lambda: events.done() > done)
            events.stop()
            job.wait_until(lambda: events.done() >= events.sent + 2)
            runs.wait_for_checkpoint(job)
    assert events.cut_rows() > 0, "no kill cut a transaction"
    events.assert_once(exported)
    return runs


@pytest.mark.timeout(900)
def test_each_event_is_answered_once_across_a_kill(
    server: KafkaServer, exported: ExportedModel, tmp_path: Path
) -> None:
    """The next run begins at the last checkpoint; bad, large and empty events stop nothing; a row is scored once."""
    runs = _run_with_kills(server, exported, "flink", tmp_path, 1)
    plans = runs.log.read_text()
    assert plans.count("Reused(reference_id=[1])") == 2 * 2, "in both runs both topics share one ML_PREDICT"


@pytest.mark.exhaustive
@pytest.mark.timeout(1200)
def test_each_event_is_answered_once_across_ten_kills(
    server: KafkaServer, exported: ExportedModel, tmp_path: Path
) -> None:
    """The same at ten random moments."""
    _run_with_kills(server, exported, "flink10", tmp_path, 10)
