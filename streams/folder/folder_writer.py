"""The port of writers on a folder."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from headrace.core.base.errors import InputError, StoreError
from headrace.streams.broker import OutgoingRecord
from headrace.streams.folder.folder_broker import append_events


class FolderWriter:
    """A producer's connection to a folder of topics; see ``TopicWriter``."""

    def __init__(self, root: Path) -> None:
        """Initialize.

        Args:
            root: Folder of the topics.
        """
        self._root = root

    def create(self, topics: Sequence[str], *, partitions: int) -> None:
        """Create topics; see ``TopicWriter``."""
        for topic in topics:
            if (self._root / topic).exists():
                raise InputError(f"a new topic must have a new name; {self._root / topic} is there already.")
        try:
            for topic in topics:
                for partition in range(partitions):
                    (self._root / topic / str(partition)).mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"the folder of topics {self._root} must be writable: {error.strerror}.") from error

    def write(self, records: Sequence[OutgoingRecord]) -> None:
        """Append records; see ``TopicWriter``."""
        by_topic: dict[str, list[OutgoingRecord]] = defaultdict(list)
        for record in records:
            by_topic[record.topic].append(record)
        try:
            for topic, written in by_topic.items():
                append_events(self._root, topic, written)
        except OSError as error:
            raise StoreError(f"the folder of topics {self._root} must be writable: {error.strerror}.") from error
