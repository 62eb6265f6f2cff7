"""Readers of topics: the same behaviour on the folder and on a real broker."""

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headrace.core.base.errors import MissingError
from headrace.streams.broker import EventBatch, OutgoingRecord
from headrace.streams.folder.folder_broker import append_events
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.folder.partition_log import PartitionLog
from headrace.streams.folder.segment_lines import StoredRecord
from headrace.streams.open_reader import connect_reader
from headrace.streams.topic_address import TopicAddress
from headrace.streams.topic_reader import ReadFrom, TopicReader

_PARTITIONS = 2


@dataclass
class Place:
    """Topics in a place.

    Attributes:
        address: Address of a topic with two partitions, which is empty at first.
        write: Appends values to a partition.
        write_transaction: Appends values and an end of a transaction to a partition.
        delete: Deletes what lies before an offset of a partition.
        grow: Adds a partition.
    """

    address: TopicAddress
    write: Callable[[int, list[bytes]], None]
    write_transaction: Callable[[int, list[bytes]], None]
    delete: Callable[[int, int], None]
    grow: Callable[[], None]


def _folder_place(root: Path) -> Place:
    topic = root / "events"
    for partition in range(_PARTITIONS):
        (topic / str(partition)).mkdir(parents=True)

    def write(partition: int, values: list[bytes]) -> None:
        append_events(root, "events", [OutgoingRecord("events", partition, one, b"k", (), 1000) for one in values])

    def write_transaction(partition: int, values: list[bytes]) -> None:
        state = FolderState(root)
        lines = b"".join(b'[1000, "k", "%s", []]\n' % one for one in values) + b'"commit"\n'

        log = PartitionLog(topic / str(partition))
        with state.lock():
            state.commit("writer", "nothing", {}, {log.name_segment(log.end_offset): lines})

    def delete(partition: int, before: int) -> None:
        for path in (topic / str(partition)).iterdir():
            if int(path.stem) < before:
                path.unlink()

    def grow() -> None:
        (topic / str(_PARTITIONS)).mkdir()

    return Place(TopicAddress("", root, "events"), write, write_transaction, delete, grow)


@pytest.fixture(scope="module")
def server() -> Iterator[object]:
    """A broker."""
    from tests.real.kafka_server import kafka_server

    with kafka_server() as running:
        yield running


def _kafka_place(server: object) -> Place:
    from confluent_kafka import TopicPartition

    from tests.real.kafka_server import KafkaServer

    assert isinstance(server, KafkaServer)
    topic = f"events-{uuid.uuid4().hex}"
    server.create(topic, partitions=_PARTITIONS)

    def write(partition: int, values: list[bytes]) -> None:
        producer = server.producer()
        for value in values:
            producer.produce(topic, value, b"k", partition, timestamp=1000)
        assert not producer.flush(30)

    def write_transaction(partition: int, values: list[bytes]) -> None:
        producer = server.producer(**{"transactional.id": topic})
        producer.init_transactions(30)
        for commits in (False, True):
            producer.begin_transaction()
            for value in values if commits else [b"aborted"]:
                producer.produce(topic, value, b"k", partition, timestamp=1000)
            producer.flush(30)
            (producer.commit_transaction if commits else producer.abort_transaction)(30)

    def delete(partition: int, before: int) -> None:
        admin = server.admin()
        for future in admin.delete_records([TopicPartition(topic, partition, before)]).values():
            future.result(30)

    return Place(
        TopicAddress(server.address, None, topic), write, write_transaction, delete, lambda: server.grow(topic, 3)
    )


@pytest.fixture(params=["folder", pytest.param("kafka", marks=pytest.mark.kafka)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place of topics."""
    if request.param == "kafka":
        from headrace.streams.kafka import kafka_reader

        monkeypatch.setattr(kafka_reader, "_LOOK_SECONDS", 0.0)
        return _kafka_place(request.getfixturevalue("server"))
    monkeypatch.setattr(os, "fsync", lambda _: None)  # for a loss of power, which no test brings about
    return _folder_place(tmp_path)


_OPENED: list[TopicReader] = []


@pytest.fixture(autouse=True)
def _close() -> Iterator[None]:
    yield
    while _OPENED:
        _OPENED.pop().close()


def _open(place: Place, *, group: str = "g", start: ReadFrom = "group", last: int = 0) -> TopicReader:
    reader = connect_reader(place.address, group=group, start=start, last=last)
    _OPENED.append(reader)
    return reader


def _read(reader: TopicReader, *, rows: int = 100) -> list[tuple[int, int, bytes | None]]:
    """Read to the end of what was there; give partition, offset and value of each event, by partition."""
    found: list[tuple[int, int, bytes | None]] = []
    while True:
        batch = reader.poll(rows=rows, seconds=0)
        found += _describe(batch)
        if not len(batch) and reader.at_end:
            return sorted(found)


def _describe(batch: EventBatch) -> list[tuple[int, int, bytes | None]]:
    return list(zip(batch.partitions, batch.offsets, batch.values, strict=True))


def test_all_partitions_are_read_and_the_next_reader_goes_on_where_one_has_committed(place: Place) -> None:
    """What was read and not committed comes again; a group of its own begins with the first event."""
    place.write(0, [b"a", b"b", b"c"])
    place.write(1, [b"d"])
    reader = _open(place)
    assert not reader.at_end
    assert _read(reader, rows=2) == [(0, 0, b"a"), (0, 1, b"b"), (0, 2, b"c"), (1, 0, b"d")]
    reader.commit({0: 2, 1: 1})
    place.write(1, [b"e"])
    assert _read(_open(place)) == [(0, 2, b"c"), (1, 1, b"e")]
    assert len(_read(_open(place, group="other"))) == 5
    # A reader without a group keeps nothing.
    free = _open(place, group="", start="beginning")
    assert len(_read(free)) == 5
    free.commit(free.positions)
    assert len(_read(_open(place, group="", start="group"))) == 5


def test_a_reader_begins_at_an_end_or_before_it(place: Place) -> None:
    """From the end only what comes later is read; ``last`` counts offsets of each partition."""
    place.write(0, [b"a", b"b", b"c"])
    place.write(1, [b"d"])
    at_end, before = _open(place, group="", start="end"), _open(place, group="", start="end", last=2)
    assert _read(at_end) == []
    assert _read(before) == [(0, 1, b"b"), (0, 2, b"c"), (1, 0, b"d")]
    place.write(1, [b"e"])
    seen: list[tuple[int, int, bytes | None]] = []
    while not seen:
        seen = _describe(at_end.poll(rows=10, seconds=0))
    assert seen == [(1, 1, b"e")]


def test_markers_of_transactions_are_passed_over(place: Place) -> None:
    """Positions at the end lie behind the marker, so nothing is left for a tool that subtracts offsets."""
    place.write_transaction(0, [b"a", b"b"])
    reader = _open(place)
    assert [value for _, _, value in _read(reader)] == [b"a", b"b"]
    end = reader.positions
    assert end[0] >= 3
    assert end[1] == 0
    reader.commit(end)
    place.write(0, [b"c"])
    assert _read(_open(place)) == [(0, end[0], b"c")]


def test_a_reader_goes_back_when_told(place: Place) -> None:
    """Partitions that are not named go on where they are."""
    place.write(0, [b"a", b"b"])
    place.write(1, [b"c"])
    reader = _open(place)
    assert len(_read(reader)) == 3
    reader.rewind({0: 1})
    seen: list[tuple[int, int, bytes | None]] = []
    while not seen:
        seen = _describe(reader.poll(rows=10, seconds=0))
    assert seen == [(0, 1, b"b")]


def test_events_that_were_deleted_before_they_were_read_are_counted(place: Place) -> None:
    """Retention loses nothing in silence; a group that is new has lost nothing."""
    place.write(0, [b"a", b"b"])
    first = _open(place)
    first.commit({0: 1})
    place.write(0, [b"c"])
    place.write(0, [b"d"])
    place.delete(0, 3)
    reader = _open(place)
    assert reader.lost_offsets == 2
    assert _read(reader) == [(0, 3, b"d")]
    fresh = _open(place, group="fresh")
    assert fresh.lost_offsets == 0
    assert _read(fresh) == [(0, 3, b"d")]


def test_a_group_of_an_earlier_topic_of_the_name_begins_anew(place: Place) -> None:
    """A position beyond the end belongs to a topic that was deleted since."""
    place.write(0, [b"a"])
    _open(place).commit({0: 5})
    assert _read(_open(place)) == [(0, 0, b"a")]


def test_a_partition_that_is_new_is_read_from_its_beginning(place: Place) -> None:
    """Also by a reader that began at the end."""
    reader = _open(place, group="", start="end")
    assert _read(reader) == []
    place.grow()
    place.write(2, [b"new"])
    seen: list[tuple[int, int, bytes | None]] = []
    while not seen:
        seen = _describe(reader.poll(rows=10, seconds=0))
    assert seen == [(2, 0, b"new")]
    assert set(reader.positions) == {0, 1, 2}


def test_a_topic_must_exist(place: Place) -> None:
    """The sentence says how to make it."""
    with pytest.raises(MissingError, match="missing"):
        connect_reader(place.address.beside("missing"))


def test_a_record_without_a_time_has_that_of_its_file(tmp_path: Path) -> None:
    """So it is the same whenever it is read, as the time at which a broker got a record."""
    folder = tmp_path / "events" / "0"
    folder.mkdir(parents=True)
    (folder / "0.jsonl").write_bytes(b'{"a": 1}\n[5000, null, "{}", []]\n')
    (folder / "2.jsonl").write_bytes(b'{"a": 2}\n')
    os.utime(folder / "0.jsonl", (1_700_000_000, 1_700_000_000))
    os.utime(folder / "2.jsonl", (1_700_000_060, 1_700_000_060))
    reader = connect_reader(TopicAddress("", tmp_path, "events"))
    batch = reader.poll(rows=10, seconds=0)
    assert batch.timestamps == [1_700_000_000_000, 5000, 1_700_000_060_000]


def test_a_file_that_is_moved_in_while_a_partition_is_read_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever moves it takes no lock: it may come between reading and asking for the end."""
    (tmp_path / "events" / "0").mkdir(parents=True)
    reader = connect_reader(TopicAddress("", tmp_path, "events"))
    read, moved = PartitionLog.read, tmp_path / "events" / "0" / "0.jsonl"

    def read_early(self: PartitionLog, offset: int, *, rows: int) -> list[tuple[int, StoredRecord]]:
        found = read(self, offset, rows=rows)
        if not moved.exists():
            moved.write_bytes(b"{}\n")
        return found

    monkeypatch.setattr(PartitionLog, "read", read_early)
    assert _describe(reader.poll(rows=10, seconds=0)) == [(0, 0, b"{}")]
