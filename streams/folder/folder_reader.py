"""The port of readers on a folder."""

import time
from collections.abc import Mapping
from pathlib import Path

from headrace.streams.broker import EventBatch
from headrace.streams.folder.batch_filling import fill_batch, find_start, list_partitions, require_partitions
from headrace.streams.folder.folder_state import FolderState
from headrace.streams.folder.lost_offsets import LostOffsets
from headrace.streams.folder.partition_log import PartitionLog
from headrace.streams.topic_reader import ReadFrom

_IDLE_SECONDS = 0.1
_POLL_SECONDS = 0.02


class FolderReader:
    """A reader's connection to a topic in a folder; see ``TopicReader``."""

    reachable = True

    def __init__(
        self, root: Path, topic: str, *, group: str = "", start: ReadFrom = "beginning", last: int = 0
    ) -> None:
        """Look where to begin.

        Args:
            root: Folder of the topics.
            topic: Name of the topic.
            group: Name of the group; empty for none, which commits nothing.
            start: Where to begin.
            last: With ``end``, how many offsets before the end of each partition to begin.

        Raises:
            MissingError: If there is no such topic.
            StoreError: If the folder cannot be written, where its state is kept.
        """
        self.topic = topic
        self._lost = LostOffsets()
        self._folder, self._group = root / topic, group
        require_partitions(self._folder)
        self._state = FolderState(root)
        self._logs: dict[int, PartitionLog] = {}
        self._positions: dict[int, int] = {}
        self._turn = 0
        with self._state.lock():
            self._find_new(start, last)
        self._ends = {partition: self._log(partition).end_offset for partition in self._positions}

    def poll(self, *, rows: int, seconds: float) -> EventBatch:
        """Return the next events; see ``TopicReader``."""
        batch = EventBatch([], [], [], [], [], [])
        deadline = time.monotonic() + _IDLE_SECONDS
        while True:
            before = len(batch)
            with self._state.lock():
                self._find_new("group", 0)
                self._turn += 1
                fill_batch(batch, self._positions, self._log, self._lost, rows=rows, turn=self._turn)
            if len(batch) and not before:
                deadline = time.monotonic() + seconds
            if len(batch) >= rows or time.monotonic() >= deadline:
                return batch
            time.sleep(min(_POLL_SECONDS, max(deadline - time.monotonic(), 0)))

    def rewind(self, positions: Mapping[int, int]) -> None:
        """Read on from other positions; see ``TopicReader``."""
        self._positions |= positions

    def commit(self, positions: Mapping[int, int]) -> None:
        """Keep positions as those of the group; see ``TopicReader``."""
        if self._group and positions:
            with self._state.lock():
                self._state.commit(self._group, self.topic, positions, {})

    @property
    def positions(self) -> dict[int, int]:
        """The offset after the last one that was read, by partition; see ``TopicReader``."""
        return dict(self._positions)

    @property
    def at_end(self) -> bool:
        """Whether all that was there when the reader was opened has been read; see ``TopicReader``."""
        return all(self._positions[partition] >= end for partition, end in self._ends.items())

    @property
    def lost_offsets(self) -> int:
        """Offsets that were gone before they were read; see ``TopicReader``."""
        return self._lost.count

    def close(self) -> None:
        """See ``TopicReader``; there is nothing to end."""

    def _find_new(self, start: ReadFrom, last: int) -> None:
        """Begin the partitions that are new; under the lock."""
        new = set(list_partitions(self._folder)) - self._positions.keys()
        if not new:
            return
        committed = self._state.positions(self._group, self.topic) if self._group and start == "group" else {}
        for partition in new:
            log = self._log(partition)
            self._positions[partition] = find_start(log, committed.get(partition), self._lost)
            if start == "end":
                begin = max(self._positions[partition], log.end_offset - last)
                gaps = dict(log.find_gaps(begin, log.end_offset))
                self._positions[partition] = gaps.get(begin, begin)  # nobody was to read what is gone

    def _log(self, partition: int) -> PartitionLog:
        return self._logs.setdefault(partition, PartitionLog(self._folder / str(partition)))
