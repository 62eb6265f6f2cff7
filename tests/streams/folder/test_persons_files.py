"""Topics that a person has made of files: what their names, times and sizes say."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.streams.broker import EventBatch
from headrace.streams.folder import folder_broker
from headrace.streams.folder.batch_filling import list_partitions
from headrace.streams.folder.folder_broker import FolderBroker
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.open_reader import connect_reader
from headrace.streams.topic_address import TopicAddress


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty poll does not wait."""
    monkeypatch.setattr(folder_broker, "_IDLE_SECONDS", 0.0)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # for a loss of power, which no test brings about


@pytest.fixture
def partition(tmp_path: Path) -> Path:
    """The only partition of a topic, without files."""
    folder = tmp_path / "events" / "0"
    folder.mkdir(parents=True)
    return folder


@contextlib.contextmanager
def _worker(root: Path) -> Iterator[FolderBroker]:
    with contextlib.closing(FolderBroker(root, "events", answers="answers", dead_letters="letters", group="g")) as one:
        yield one


def _poll(broker: FolderBroker) -> EventBatch:
    return broker.poll(rows=100, seconds=0)


@pytest.mark.parametrize("name", ["01", "x", "-1", "１"])  # noqa: RUF001 - a digit of another script
def test_a_partition_has_the_shortest_name_of_its_number(partition: Path, name: str) -> None:
    """What would never be read is named; hidden folders are no partitions."""
    (partition.parent / ".hidden").mkdir()
    assert list_partitions(partition.parent) == [0]
    (partition.parent / name).mkdir()
    with pytest.raises(InputError, match=f"0, 1, 2 and so on; got .*/{name} instead"):
        list_partitions(partition.parent)


def test_an_empty_file_holds_no_event_and_may_be_filled(tmp_path: Path, partition: Path) -> None:
    """Its first event is read when it comes."""
    (partition / "0.jsonl").touch()
    with _worker(tmp_path) as broker:
        assert len(_poll(broker)) == 0
        assert broker.at_end
        assert broker.lags()[0].offsets == 0
        (partition / "0.jsonl").write_bytes(b"{}\n")
        batch = _poll(broker)
        assert (batch.offsets, batch.values) == ([0], [b"{}"])
        assert broker.lost_offsets == 0


def test_files_that_overlap_are_refused(tmp_path: Path, partition: Path) -> None:
    """From the beginning, and where the group begins in the second one: an offset has one event."""
    (partition / "0.jsonl").write_bytes(b"1\n2\n3\n")
    (partition / "2.jsonl").write_bytes(b"4\n5\n6\n")
    sentence = r"0\.jsonl has the offsets 0 to 2, and .*2\.jsonl begins at 2"
    with _worker(tmp_path) as broker, pytest.raises(InputError, match=sentence):
        _poll(broker)
    FolderState(tmp_path).commit("g", "events", {0: 3}, {})
    with _worker(tmp_path) as broker, pytest.raises(InputError, match=sentence):
        _poll(broker)


def test_a_gap_is_counted_once(tmp_path: Path, partition: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whether it is before an event or before an empty file, and however often its events come again."""
    (partition / "0.jsonl").write_bytes(b'1\n"commit"\n')
    (partition / "10.jsonl").write_bytes(b"2\n")
    (partition / "20.jsonl").touch()
    with _worker(tmp_path) as broker:
        for _ in range(2):
            batch = _poll(broker)
            assert batch.offsets == [0, 10]
            assert broker.lost_offsets == 8
            broker.give_back(batch)
        while not broker.at_end:
            _poll(broker)
        assert broker.lost_offsets == 8 + 9
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert (
        "partition 0 of events has offsets 0 to 20, and 2 was to be read: it goes on at 10; 8 are lost." in caplog.text
    )


def test_a_reader_that_begins_in_a_gap_has_lost_nothing(tmp_path: Path, partition: Path) -> None:
    """Its beginning was counted back from the end, and nobody was to read it."""
    (partition / "0.jsonl").write_bytes(b"1\n")
    (partition / "10.jsonl").write_bytes(b"2\n")
    reader = connect_reader(TopicAddress("", tmp_path, "events"), start="end", last=5)
    assert reader.poll(rows=9, seconds=0).offsets == [10]
    assert reader.lost_offsets == 0


def test_a_topic_that_was_begun_again_is_said(
    tmp_path: Path, partition: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The group's position lies beyond its end."""
    (partition / "0.jsonl").write_bytes(b"1\n")
    FolderState(tmp_path).commit("g", "events", {0: 5}, {})
    with _worker(tmp_path) as broker:
        for _ in range(2):
            broker.give_back(_poll(broker))
        assert broker.lost_offsets == 0
    assert [record.getMessage() for record in caplog.records] == [
        "partition 0 of events has offsets 0 to 1, and 5 was to be read: it goes on at 0; 0 are lost."
    ]


def test_an_event_without_a_time_has_that_of_its_file(tmp_path: Path, partition: Path) -> None:
    """For a worker as for a reader, so that its answer has the time of the event."""
    (partition / "0.jsonl").write_bytes(b'{"a": 1}\n[5000, null, "{}", []]\n')
    os.utime(partition / "0.jsonl", (1_700_000_000, 1_700_000_000))
    with _worker(tmp_path) as broker:
        assert _poll(broker).timestamps == [1_700_000_000_000, 5000]
