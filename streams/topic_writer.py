"""The port of producers: new topics, and events without transactions, as most producers send them."""

from collections.abc import Sequence
from typing import Protocol

from headrace.streams.broker import OutgoingRecord


class TopicWriter(Protocol):
    """A producer's connection to a place of topics; one thread uses it."""

    def create(self, topics: Sequence[str], *, partitions: int) -> None:
        """Create topics.

        Args:
            topics: Their names.
            partitions: Number of partitions of each.

        Raises:
            InputError: If there is such a topic already.
            StoreError: If the place is not reached or refuses.
        """

    def write(self, records: Sequence[OutgoingRecord]) -> None:
        """Append records to their topics and partitions; return when they are stored.

        Args:
            records: The records.

        Raises:
            StoreError: If some were not stored.
        """
