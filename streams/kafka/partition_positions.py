"""Where a consumer stands in each of its partitions."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from headrace.streams.broker import EventBatch, PartitionLag


@dataclass
class _Position:
    """A partition: next offset, offset to read up to, offset of its end if that is reached, and what was seen."""

    limit: int
    next_offset: int = -1
    end: int = -1
    first_offset: int = -1
    rows: int = 0


class PartitionPositions:
    """Positions of the partitions of one worker."""

    def __init__(self) -> None:
        """Initialize without partitions."""
        self._partitions: dict[int, _Position] | None = None
        self.lost_offsets = 0

    @property
    def assigned(self) -> frozenset[int] | None:
        """The partitions; None before the first assignment."""
        return None if self._partitions is None else frozenset(self._partitions)

    def assign(self, limits: Mapping[int, int]) -> None:
        """Add partitions, with the offsets of their ends."""
        added = {partition: _Position(limit) for partition, limit in limits.items()}
        self._partitions = {**(self._partitions or {}), **added}

    def revoke(self, partitions: Iterable[int]) -> None:
        """Remove partitions."""
        for partition in partitions:
            (self._partitions or {}).pop(partition, None)

    def read(self, batch: EventBatch) -> None:
        """Note that events were read."""
        if not len(batch) or self._partitions is None:
            return
        counts, ends = Counter(batch.partitions), batch.ends
        for partition, start in batch.starts.items():
            place = self._partitions[partition]
            place.first_offset = start if place.first_offset < 0 else place.first_offset
            place.next_offset = ends[partition]
            place.rows += counts[partition]

    def end(self, partition: int, offset: int) -> None:
        """Note that a partition has nothing to read from an offset on."""
        if self._partitions and partition in self._partitions:
            self._partitions[partition].end = offset

    def rewind(self, partition: int, offset: int) -> None:
        """Note that events from an offset on are read again; -1 for wherever the group has committed."""
        if self._partitions and partition in self._partitions:
            place = self._partitions[partition]
            place.next_offset, place.end = offset, -1

    @property
    def offsets(self) -> dict[int, int]:
        """The next offset of each partition that has begun, behind the markers at its end if that is reached."""
        return {
            partition: max(place.next_offset, place.end)
            for partition, place in (self._partitions or {}).items()
            if place.next_offset >= 0 or place.end >= 0
        }

    @property
    def unbegun(self) -> frozenset[int]:
        """The partitions of which neither an event nor the end was seen since they were given, or given back."""
        found = (self._partitions or {}).items()
        return frozenset(partition for partition, place in found if place.next_offset < 0 and place.end < 0)

    @property
    def at_end(self) -> bool:
        """Whether everything is read that was there at the assignment; see ``Broker``."""
        return self.is_at_end()

    def is_at_end(self, *, without: Collection[int] = ()) -> bool:
        """Check whether everything is read that was there at the assignment; see ``Broker``.

        Args:
            without: Partitions that are left out.
        """
        if self._partitions is None:
            return False
        return all(
            0 <= place.end >= place.next_offset or place.next_offset >= place.limit
            for partition, place in self._partitions.items()
            if partition not in without
        )

    def lags(self, highs: Mapping[int, int]) -> dict[int, PartitionLag]:
        """Return what is unread; see ``PartitionLag``.

        Args:
            highs: Offsets of the ends, as the client knows them; negative if unknown.
        """
        found = {}
        for partition, place in (self._partitions or {}).items():
            reached = place.end >= 0 and place.end >= place.next_offset
            high = highs.get(partition, -1)
            high = place.limit if high < 0 else high
            start = place.end if reached else max(place.next_offset, 0)
            offsets = max(high - start, 0)
            advanced = place.next_offset - place.first_offset
            share = place.rows / advanced if place.rows and advanced > 0 else 1.0
            found[partition] = PartitionLag(0 if reached else round(offsets * min(share, 1.0)), offsets)
        return found


def choose_offset(committed: int, low: int, high: int) -> int:
    """Return where to begin a partition: where the group has committed, or with its first event if that is not there.

    Args:
        committed: What the group has committed; negative for nothing.
        low: Offset of the first event.
        high: Offset after the last one; what lies beyond was committed in an earlier topic of the name.
    """
    return committed if low <= committed <= high else low
