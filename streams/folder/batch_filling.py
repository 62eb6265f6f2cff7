"""Reading the partitions of a topic in a folder in turn, from positions on."""

from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path

from headrace.core.base.errors import InputError, MissingError
from headrace.streams.broker import EventBatch
from headrace.streams.folder.lost_offsets import LostOffsets
from headrace.streams.folder.partition_log import PartitionLog
from headrace.streams.folder.segment_lines import StoredRecord

_MOST_PARTITIONS = 10_000


def list_partitions(topic: Path) -> list[int]:
    """Return the partitions of a topic in a folder; none if there is no such topic.

    Raises:
        InputError: If its folders are not 0, 1, 2 and so on; hidden ones may be there.
    """
    if not topic.is_dir():
        return []
    names = [path.name for path in topic.iterdir() if path.is_dir() and not path.name.startswith(".")]
    for name in sorted(names):
        if not name.isdecimal() or name != str(int(name)):
            raise InputError(
                f"the partitions of {topic} must be folders named 0, 1, 2 and so on; got {topic / name} instead."
            )
    found = sorted(map(int, names))
    if found != list(range(len(found))) or len(found) > _MOST_PARTITIONS:
        raise InputError(
            f"the partitions of {topic} must be folders named 0, 1, 2 and so on; got {found[:20]} instead."
        )
    return found


def require_partitions(topic: Path) -> list[int]:
    """Return the partitions of a topic in a folder.

    Raises:
        MissingError: If there is no such topic.
        InputError: If its folders are not 0, 1, 2 and so on; hidden ones may be there.
    """
    found = list_partitions(topic)
    if not found:
        raise MissingError(
            f"a topic must be a folder with a folder for each partition, such as 0; {topic} has none: "
            f"mkdir -p {topic}/0 and put files of events there, the first one named 0.jsonl."
        )
    return found


def find_start(log: PartitionLog, committed: int | None, lost: LostOffsets) -> int:
    """Return where to begin a partition.

    Args:
        log: The partition.
        committed: Where its group has committed; None for nothing. What lies beyond the end was committed in an earlier
            topic of the name.
        lost: Where it is noted if that is not there.
    """
    first = log.first_offset
    if committed is None or first <= committed <= log.end_offset:
        return first if committed is None else committed
    lost.note(log, committed, first)
    return first


def fill_batch(
    batch: EventBatch,
    positions: MutableMapping[int, int],
    find_log: Callable[[int], PartitionLog],
    lost: LostOffsets,
    *,
    rows: int,
    turn: int,
) -> None:
    """Read events into a batch, and move the positions behind them.

    An event without a time has that at which its file was written, as a broker gives the time of arrival.

    Args:
        batch: The batch.
        positions: Next offsets by partition.
        find_log: Returns the log of a partition.
        lost: Where gaps between segments are noted.
        rows: Most events of the batch.
        turn: Number of the call, by which another partition is the first each time.
    """
    order = sorted(positions)
    for place in range(len(order)):
        partition = order[(place + turn) % len(order)]
        log, wanted = find_log(partition), positions[partition]
        found = log.read(wanted, rows=rows - len(batch))
        _append(batch, partition, found, log)
        if found:
            positions[partition] = found[-1][0] + 1
        elif len(batch) < rows:
            end = log.end_offset
            # A file that somebody has moved there meanwhile must not be passed over.
            if not log.read(wanted, rows=1):
                positions[partition] = max(wanted, end)
        if positions[partition] > wanted + len(found):
            for first, after in log.find_gaps(wanted, positions[partition]):
                lost.note(log, first, after)
        if len(batch) >= rows:
            return


def _append(batch: EventBatch, partition: int, found: Sequence[tuple[int, StoredRecord]], log: PartitionLog) -> None:
    undated = [offset for offset, record in found if not record.timestamp]
    times = dict(zip(undated, log.written_at(undated), strict=True)) if undated else {}
    for offset, record in found:
        batch.values.append(record.value)
        batch.keys.append(record.key)
        batch.headers.append(record.headers)
        batch.timestamps.append(record.timestamp or times[offset])
        batch.partitions.append(partition)
        batch.offsets.append(offset)
