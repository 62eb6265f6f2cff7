"""Reading the partitions of a topic in a folder in turn, from positions on."""

from collections.abc import Callable, MutableMapping
from pathlib import Path

from headrace.core.base.errors import InputError, MissingError
from headrace.streams.broker import EventBatch
from headrace.streams.folder.partition_log import PartitionLog
from headrace.streams.folder.segment_lines import StoredRecord

_MOST_PARTITIONS = 10_000


def list_partitions(topic: Path) -> list[int]:
    """Return the partitions of a topic in a folder; none if there is no such topic.

    Raises:
        InputError: If their numbers are not 0, 1, 2 and so on.
    """
    if not topic.is_dir():
        return []
    found = sorted(int(path.name) for path in topic.iterdir() if path.is_dir() and path.name.isdecimal())
    if found != list(range(len(found))) or len(found) > _MOST_PARTITIONS:
        raise InputError(
            f"the partitions of {topic} must be folders named 0, 1, 2 and so on; got {found[:20]} instead."
        )
    return found


def require_partitions(topic: Path) -> list[int]:
    """Return the partitions of a topic in a folder.

    Raises:
        MissingError: If there is no such topic.
        InputError: If their numbers are not 0, 1, 2 and so on.
    """
    found = list_partitions(topic)
    if not found:
        raise MissingError(
            f"a topic must be a folder with a folder for each partition, such as 0; {topic} has none: "
            f"mkdir -p {topic}/0 and put files of events there, the first one named 0.jsonl."
        )
    return found


def find_start(log: PartitionLog, committed: int | None) -> tuple[int, int]:
    """Return where to begin a partition, and how many offsets were deleted before they were read.

    Args:
        log: The partition.
        committed: Where its group has committed; None for nothing. What lies beyond the end was committed in an earlier
            topic of the name.
    """
    first = log.first_offset
    if committed is None or committed > log.end_offset:
        return first, 0
    return max(first, committed), max(first - committed, 0)


def fill_batch(
    batch: EventBatch,
    positions: MutableMapping[int, int],
    find_log: Callable[[int], PartitionLog],
    *,
    rows: int,
    turn: int,
) -> None:
    """Read events into a batch, and move the positions behind them.

    Args:
        batch: The batch.
        positions: Next offsets by partition.
        find_log: Returns the log of a partition.
        rows: Most events of the batch.
        turn: Number of the call, by which another partition is the first each time.
    """
    order = sorted(positions)
    for place in range(len(order)):
        partition = order[(place + turn) % len(order)]
        log = find_log(partition)
        found = log.read(positions[partition], rows=rows - len(batch))
        for offset, record in found:
            _append(batch, partition, offset, record)
        if found:
            positions[partition] = found[-1][0] + 1
        elif len(batch) < rows:
            end = log.end_offset
            # A file that somebody has moved there meanwhile must not be passed over.
            if not log.read(positions[partition], rows=1):
                positions[partition] = max(positions[partition], end)
        if len(batch) >= rows:
            return


def _append(batch: EventBatch, partition: int, offset: int, record: StoredRecord) -> None:
    batch.values.append(record.value)
    batch.keys.append(record.key)
    batch.headers.append(record.headers)
    batch.timestamps.append(record.timestamp)
    batch.partitions.append(partition)
    batch.offsets.append(offset)
