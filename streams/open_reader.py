"""Opens the port of readers that belongs to the address of a topic."""

from collections.abc import Iterator
from contextlib import contextmanager

from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.streams.topic_address import TopicAddress, require_topic_folder
from headrace.streams.topic_reader import ReadFrom, TopicReader


@contextmanager
def open_reader(
    address: TopicAddress, *, group: str = "", start: ReadFrom = "beginning", last: int = 0
) -> Iterator[TopicReader]:
    """Yield a reader of a topic, which is closed at the end of the block.

    Args:
        address: The topic.
        group: Name of the group whose positions are kept; empty for none.
        start: Where to begin.
        last: With ``end``, how many offsets before the end of each partition to begin; markers of transactions take
            offsets, too.

    Raises:
        InputError: If a setting cannot be used, or the client of Kafka is not installed.
        MissingError: If there is no such topic.
        StoreError: If the place is not reached or refuses.
    """
    reader = connect_reader(address, group=group, start=start, last=last)
    try:
        yield reader
    finally:
        reader.close()


def connect_reader(
    address: TopicAddress, *, group: str = "", start: ReadFrom = "beginning", last: int = 0
) -> TopicReader:
    """Return a reader of a topic, which the caller closes; see ``open_reader``."""
    if address.folder is not None:
        require_topic_folder(address)
        from headrace.streams.folder.folder_reader import FolderReader  # noqa: PLC0415 - Kafka needs no Polars

        return FolderReader(address.folder, address.topic, group=group, start=start, last=last)
    try:
        from headrace.streams.kafka.kafka_reader import KafkaReader  # noqa: PLC0415 - an extra, which a folder does not need
    except ModuleNotFoundError as error:
        raise InputError(
            "topics of Kafka need the package confluent-kafka, which is not installed: pip install 'headrace[kafka]'."
        ) from error
    return KafkaReader(
        address.servers, address.topic, group=group, start=start, last=last, settings=settings.kafka_settings()
    )
