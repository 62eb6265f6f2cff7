"""The port of streams: batches of events come in, answers and positions go out in one transaction.

Two adapters have the same semantics, which one suite of tests runs over both: ``folder`` on a laptop and ``kafka``.

- Events of a partition come in the order of their offsets, each at least once.
- ``commit`` writes all records and the positions of the batch, or none of them. A reader that sees only what is
  committed therefore finds each event answered once, whatever ends the process.
- A worker whose partitions were given to another one cannot commit what it had read of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from headrace.core.base.errors import StoreError

Headers = Sequence[tuple[str, Any]]
"""Pairs of a name and bytes, or None; a name may occur more than once."""


class TransactionAborted(StoreError):  # noqa: N818 - what happened, not a fault: the batch is read again
    """A transaction was aborted; nothing of it is visible, and its events come again with the next batches."""


class OutcomeUnknown(TransactionAborted):
    """Nobody answered when a transaction was to end; its events come again unless it was committed."""


class FencedError(StoreError):
    """Another worker has taken the place of this one, which must end."""


@dataclass(frozen=True, slots=True)
class EventBatch:
    """n events, in the order of their offsets within each partition; each attribute has n entries but the last.

    Attributes:
        values: Values; None for a tombstone.
        keys: Keys; None for an event without a key.
        headers: Headers; None or empty for an event without headers.
        timestamps: Times in milliseconds since 1970; 0 if unknown.
        partitions: Partitions.
        offsets: Offsets.
        group: What the adapter needs to know of the group at the time of reading.
    """

    values: list[bytes | None]
    keys: list[bytes | None]
    headers: list[Headers | None]
    timestamps: list[int]
    partitions: list[int]
    offsets: list[int]
    group: Any = None

    def __len__(self) -> int:
        """Return n."""
        return len(self.values)

    @property
    def starts(self) -> dict[int, int]:
        """The first offset by partition."""
        return dict(zip(reversed(self.partitions), reversed(self.offsets), strict=True))

    @property
    def ends(self) -> dict[int, int]:
        """The last offset by partition, plus one: where reading goes on."""
        last = dict(zip(self.partitions, self.offsets, strict=True))
        return {partition: offset + 1 for partition, offset in last.items()}


class OutgoingRecord(NamedTuple):
    """A record to write.

    Attributes:
        topic: Name of the topic.
        partition: Partition.
        value: Value; None for a tombstone.
        key: Key, or None.
        headers: Headers, or None.
        timestamp: Time in milliseconds since 1970; 0 for now.
    """

    topic: str
    partition: int
    value: bytes | None
    key: bytes | None
    headers: Headers | None
    timestamp: int


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """What has not been read of a partition.

    Attributes:
        rows: Events that a reader of committed events will get; exact at the end of the partition (0), else estimated
            from the share of the offsets that were events so far: markers of transactions and aborted events take
            offsets, too.
        offsets: Offsets up to the end of the partition, as tools that subtract count them.
    """

    rows: int
    offsets: int


class Broker(Protocol):
    """A worker's connection to topics; one thread uses it.

    Attributes:
        answers: Name of the topic of the answers.
        dead_letters: Name of the dead-letter topic.
    """

    answers: str
    dead_letters: str

    def poll(self, *, rows: int, seconds: float) -> EventBatch:
        """Return the next events; partitions may be given and taken away meanwhile, which loses and repeats none.

        Args:
            rows: Most events.
            seconds: Longest time to fill the batch once there is one event.

        Returns:
            The events; none after a fraction of a second without events.

        Raises:
            FencedError: If another worker has the name of this one.
            StoreError: If the topic may not be read.
        """

    def commit(self, batch: EventBatch, records: Sequence[OutgoingRecord]) -> None:
        """Write records and the positions after a batch in one transaction.

        Raises:
            TransactionAborted: If nothing was written; the events come again, if their partitions are still this
                worker's.
            FencedError: If another worker has the name of this one.
            StoreError: If the records will never be accepted, such as for the lack of a right.
        """

    def give_back(self, batch: EventBatch) -> None:
        """Let the events of a batch come again with the next ones, if their partitions are still this worker's."""

    @property
    def assigned(self) -> frozenset[int] | None:
        """The partitions of this worker; None before the group has given it any, or decided to give none."""

    @property
    def held(self) -> frozenset[int]:
        """Partitions of this worker that wait because the topic of answers has no such partition."""

    @property
    def reachable(self) -> bool:
        """Whether the broker answers."""

    @property
    def lost_offsets(self) -> int:
        """Offsets that the broker had deleted before they were read."""

    @property
    def at_end(self) -> bool:
        """Whether all that this worker's partitions but those that wait (``held``) had at first has been read."""

    def lags(self) -> dict[int, PartitionLag]:
        """Return what has not been read, by partition of this worker."""

    def partition_counts(self) -> dict[str, int]:
        """Return the number of partitions of the topics of answers and dead letters, by name."""

    def largest_records(self) -> dict[str, int]:
        """Return the most bytes that a record of the topics of answers and dead letters may have, by name."""

    def close(self) -> None:
        """Leave the group; an open transaction is aborted."""
