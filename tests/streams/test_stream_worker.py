"""The loop of a worker, on a topic in a folder."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.streams.broker import TransactionAborted
from headrace.streams.event_scorer import EventScorer
from headrace.streams.folder.folder_broker import FolderBroker, append_events, read_records
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.schema_registry import SchemaRegistry
from headrace.streams.stream_metrics import StreamStatus
from headrace.streams.stream_model import StreamModels
from headrace.streams.stream_worker import BatchLimits, StreamWorker
from headrace.streams.values.avro_values import AvroValues
from headrace.streams.values.json_values import JsonValues
from headrace.streams.values.value_codec import MixedValues
from tests.streams.made_streams import GOOD, POISON, models, record, stream_model
from tests.streams.registry_server import registry_server
from tests.streams.values.made_avro import CUSTOMER, text, write


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[FolderBroker]:
    """A connection to ten events, one of them poison."""
    values = [GOOD] * 9 + [POISON]
    append_events(tmp_path, "events", [record(value, key=b"%d" % place) for place, value in enumerate(values)])
    broker = FolderBroker(tmp_path, "events", answers="answers", dead_letters="letters", group="g")
    yield broker
    broker.close()


def test_a_new_version_takes_over_between_two_batches(broker: FolderBroker, tmp_path: Path) -> None:
    """No batch has answers of two versions."""
    versions = iter(["1.0.0", "1.0.0", "2.0.0", "2.0.0", "2.0.0"])
    status = StreamStatus()
    worker = StreamWorker(
        broker,
        EventScorer(JsonValues()),
        lambda: StreamModels(stream_model(next(versions))),
        source="events",
        status=status,
        limits=BatchLimits(rows=5, seconds=0),
    )
    worker.run(until_end=True)
    answers = [json.loads(one.value or b"")["model_version"] for _, _, one in read_records(tmp_path, "answers")]
    assert answers == ["1.0.0"] * 5 + ["2.0.0"] * 4
    assert (status.counts.swaps, status.counts.batches, status.counts.events) == (1, 2, 10)
    assert [model.version for model in status.models] == ["2.0.0"]
    assert status.find_obstacle() == ""


def test_an_aborted_transaction_is_done_again_and_said_once(
    broker: FolderBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its events count once; the pause between two tries grows."""
    commit, failures = FolderState.commit, iter([True, True, False])

    def sometimes(self: FolderState, *arguments: object) -> None:
        if next(failures):
            raise TransactionAborted("the broker is busy.")
        commit(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(FolderState, "commit", sometimes)
    status = StreamStatus()
    worker = StreamWorker(broker, EventScorer(JsonValues()), models, source="events", status=status)
    with caplog.at_level(logging.WARNING):
        worker.run(until_end=True)
    assert caplog.text.count("the broker is busy") == 1
    counts = status.counts
    assert (counts.aborted, counts.events, counts.answers, counts.rejects["value"]) == (2, 10, 9, 1)
    assert len(read_records(tmp_path, "answers")) == 9


def test_a_schema_registry_that_is_gone_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is answered or refused meanwhile; the events come again, each is answered once, and it is said once."""
    row = {"age": 30, "spend": None, "plan": "basic", "joined": datetime(2024, 5, 1, tzinfo=UTC)}
    with registry_server() as registry:
        number = registry.add(text(CUSTOMER))
        value = b"\0" + number.to_bytes(4, "big") + write(CUSTOMER, row)
        append_events(tmp_path, "events", [record(one) for one in (value, POISON, value)])
        broker = FolderBroker(tmp_path, "events", answers="answers", dead_letters="letters", group="g")
        codec = MixedValues(AvroValues(None, SchemaRegistry(registry.url)), JsonValues())
        status = StreamStatus()
        worker = StreamWorker(broker, EventScorer(codec), models, source="events", status=status)
        registry.stop()
        with caplog.at_level(logging.WARNING):
            assert [worker.work_once() for _ in range(3)] == [0, 0, 0]
            assert "does not answer" in status.find_obstacle()
            assert not read_records(tmp_path, "answers") + read_records(tmp_path, "letters")
            registry.start()
            assert worker.work_once() == 3
        broker.close()
    assert status.find_obstacle() == ""
    assert (status.counts.answers, status.counts.rejects, status.counts.aborted) == (2, {"value": 1}, 0)
    assert [offset for _, offset, _ in read_records(tmp_path, "answers")] == [0, 1]
    assert caplog.text.count("waits for its schemas") == caplog.text.count("answers again") == 1


@pytest.mark.parametrize("limits", [{"rows": 0}, {"rows": 50_001}, {"seconds": -1}, {"seconds": 61}])
def test_limits_are_checked(limits: dict[str, int]) -> None:
    """By the names of the options."""
    with pytest.raises(InputError, match="--batch-"):
        BatchLimits(**limits)
