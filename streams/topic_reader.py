"""The port of readers of a topic, which write no records: batches of committed events, and positions to go on from.

Where ``broker.Broker`` is a member of a group that shares the partitions and writes in transactions, a reader reads all
partitions of its topic, new ones too, and keeps its group's positions where it is asked to. Two adapters have the same
semantics: ``folder`` and ``kafka``.

- Events of a partition come in the order of their offsets; what was not committed by its writer never comes.
- Two readers of one group do not share: both read everything, and the positions are those of the last ``commit``.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

from headrace.streams.broker import EventBatch

ReadFrom = Literal["group", "beginning", "end"]
"""Where a reader begins: where its group has committed (a new group with the first event), or at one of the ends."""


class TopicReader(Protocol):
    """A reader's connection to one topic; one thread uses it.

    Attributes:
        topic: Name of the topic.
    """

    topic: str

    def poll(self, *, rows: int, seconds: float) -> EventBatch:
        """Return the next events.

        Args:
            rows: Most events.
            seconds: Longest time to fill the batch once there is one event.

        Returns:
            The events; none after a fraction of a second without events.

        Raises:
            StoreError: If the topic may not be read.
        """

    def rewind(self, positions: Mapping[int, int]) -> None:
        """Read on from other positions.

        Args:
            positions: Offsets by partition; partitions that are absent go on where they are.
        """

    def commit(self, positions: Mapping[int, int]) -> None:
        """Keep positions as those of the group, where its next reader begins.

        Args:
            positions: Offsets by partition, such as ``positions``, or the ``ends`` of a batch.

        Raises:
            StoreError: If they were not kept, which the next commit may do.
        """

    @property
    def positions(self) -> dict[int, int]:
        """The offset after the last one that was read, by partition; markers of transactions are passed over."""

    @property
    def at_end(self) -> bool:
        """Whether all that was committed when the reader was opened has been read."""

    @property
    def lost_offsets(self) -> int:
        """Offsets that were deleted before they were read."""

    @property
    def reachable(self) -> bool:
        """Whether the topic's place answers."""

    def close(self) -> None:
        """End the connection; nothing is committed."""
