"""The port of streams on a folder: topics, groups and transactions without a broker.

A topic is a folder with a folder for each partition (``PartitionLog``). Offsets, groups, generations, transactions and
their markers follow Kafka's rules; partitions go to members in turn, and a member that is killed leaves at once.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from headrace.core.base.errors import StoreError
from headrace.streams.broker import EventBatch, OutgoingRecord, PartitionLag, TransactionAborted
from headrace.streams.folder.batch_filling import fill_batch, find_start, list_partitions, require_partitions
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.folder.lost_offsets import LostOffsets
from headrace.streams.folder.partition_log import PartitionLog
from headrace.streams.folder.segment_lines import COMMIT, StoredRecord, write_line

_IDLE_SECONDS = 0.1
_POLL_SECONDS = 0.02
_LARGEST_RECORD = 64 << 20


class FolderBroker:
    """A worker's connection to topics in a folder; see ``Broker``."""

    held: frozenset[int] = frozenset()
    reachable = True

    def __init__(
        self, root: Path, source: str, *, answers: str, dead_letters: str, group: str, instance: str = ""
    ) -> None:
        """Join the group; topics of answers and dead letters that do not exist get the partitions of the source.

        Args:
            root: Folder of the topics.
            source: Name of the topic of the events.
            answers: Name of the topic of the answers.
            dead_letters: Name of the dead-letter topic.
            group: Name of the group.
            instance: Name of this worker; empty for a new one.

        Raises:
            MissingError: If there is no topic of events.
            InputError: If another process works under the same name.
            StoreError: If the folder cannot be written.
        """
        self.answers, self.dead_letters = answers, dead_letters
        self._root, self._source, self._group = root, source, group
        require_partitions(root / source)
        missing = [topic for topic in (answers, dead_letters) if not list_partitions(root / topic)]
        self._state = FolderState(root)
        for topic in missing:
            self._make_partitions(topic)
        self._member = instance or uuid.uuid4().hex
        self._membership = self._state.join(group, self._member)
        self._logs: dict[tuple[str, int], PartitionLog] = {}
        self._generation = 0
        self._positions: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._turn = 0
        self.assigned: frozenset[int] | None = None
        self._lost = LostOffsets()

    def poll(self, *, rows: int, seconds: float) -> EventBatch:
        """Return the next events; see ``Broker``."""
        batch = EventBatch([], [], [], [], [], [])
        deadline = time.monotonic() + _IDLE_SECONDS
        while True:
            before = len(batch)
            with self._state.lock():
                self._refresh()
                # A batch is of one generation; what was read in an earlier one is read again.
                batch = batch if batch.group == self._generation else _start_batch(self._generation)
                self._turn += 1
                fill_batch(batch, self._positions, self._find_source_log, self._lost, rows=rows, turn=self._turn)
            if len(batch) and not before:
                deadline = time.monotonic() + seconds
            if len(batch) >= rows or time.monotonic() >= deadline:
                return batch
            time.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0)))

    def commit(self, batch: EventBatch, records: Sequence[OutgoingRecord]) -> None:
        """Write records and positions; see ``Broker``."""
        try:
            with self._state.lock():
                self._refresh()
                self._require_generation(batch)
                self._state.commit(self._group, self._source, batch.ends, self._build_segments(records))
        except StoreError:
            self.give_back(batch)
            raise

    def give_back(self, batch: EventBatch) -> None:  # noqa: ARG002 - all that is not committed comes again
        """Let events come again; see ``Broker``."""
        self._generation, self._positions = -1, {}  # what is committed is looked up again by the next poll

    @property
    def at_end(self) -> bool:
        """Whether all is read that was there when the partitions were assigned; see ``Broker``."""
        return self.assigned is not None and all(self._positions.get(one, -1) >= end for one, end in self._ends.items())

    @property
    def lost_offsets(self) -> int:
        """Offsets that were gone before they were read; see ``Broker``."""
        return self._lost.count

    def lags(self) -> dict[int, PartitionLag]:
        """Return what has not been read; see ``Broker``."""
        return {
            partition: PartitionLag(log.count_rows(offset), max(log.end_offset - offset, 0))
            for partition, offset in self._positions.items()
            for log in (self._log(self._source, partition),)
        }

    def partition_counts(self) -> dict[str, int]:
        """Return the numbers of partitions; see ``Broker``."""
        return {topic: len(list_partitions(self._root / topic)) for topic in (self.answers, self.dead_letters)}

    def largest_records(self) -> dict[str, int]:
        """Return the most bytes of records; see ``Broker``."""
        return dict.fromkeys((self.answers, self.dead_letters), _LARGEST_RECORD)

    def close(self) -> None:
        """Leave the group."""
        self._membership.close()

    def _refresh(self) -> None:
        """Take over what the group has decided; positions start again where it has committed."""
        count = len(list_partitions(self._root / self._source))
        view = self._state.view(self._group, self._source, member=self._member, partitions=count)
        if view.generation == self._generation:
            return
        if count > len(list_partitions(self._root / self.answers)):
            self._make_partitions(self.answers)
        self._generation, self.assigned = view.generation, frozenset(view.partitions)
        self._positions = {}
        for partition in view.partitions:
            log = self._log(self._source, partition)
            self._positions[partition] = find_start(log, view.positions.get(partition), self._lost)
        self._ends = {one: self._log(self._source, one).end_offset for one in view.partitions}

    def _require_generation(self, batch: EventBatch) -> None:
        if batch.group != self._generation:
            raise TransactionAborted(f"the members of the group {self._group} have changed.")

    def _build_segments(self, records: Sequence[OutgoingRecord]) -> dict[Path, bytes]:
        now = int(time.time() * 1000)
        lines: dict[tuple[str, int], list[bytes]] = defaultdict(list)
        for record in records:
            lines[record.topic, record.partition].append(write_line(record, record.timestamp or now))
        return {
            log.name_segment(log.end_offset): b"\n".join([*written, COMMIT, b""])
            for place, written in lines.items()
            for log in (self._log(*place),)
        }

    def _make_partitions(self, topic: str) -> None:
        for partition in list_partitions(self._root / self._source):
            (self._root / topic / str(partition)).mkdir(parents=True, exist_ok=True)

    def _find_source_log(self, partition: int) -> PartitionLog:
        return self._log(self._source, partition)

    def _log(self, topic: str, partition: int) -> PartitionLog:
        return self._logs.setdefault((topic, partition), PartitionLog(self._root / topic / str(partition)))


def append_events(root: Path, topic: str, records: Sequence[OutgoingRecord]) -> None:
    """Append records to their partitions, as a producer without transactions does.

    Args:
        root: Folder of the topics.
        topic: Name of the topic.
        records: The records; their own topic is ignored.
    """
    state = FolderState(root)
    now = int(time.time() * 1000)
    lines: dict[int, list[bytes]] = defaultdict(list)
    for record in records:
        lines[record.partition].append(write_line(record, record.timestamp or now))
    with state.lock():
        for partition, written in lines.items():
            log = PartitionLog(root / topic / str(partition))
            log.folder.mkdir(parents=True, exist_ok=True)
            path = log.name_segment(log.end_offset)
            part = path.with_name(f".{path.name}")
            part.write_bytes(b"\n".join([*written, b""]))
            part.replace(path)


def read_records(root: Path, topic: str) -> list[tuple[int, int, StoredRecord]]:
    """Return all committed records of a topic with partition and offset, in this order."""
    with FolderState(root).lock():
        return [
            (partition, offset, record)
            for partition in list_partitions(root / topic)
            for offset, record in PartitionLog(root / topic / str(partition)).read(0, rows=1 << 60)
        ]


def _start_batch(generation: int) -> EventBatch:
    return EventBatch([], [], [], [], [], [], generation)
