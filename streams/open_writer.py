"""Opens the port of writers that belongs to the address of a topic."""

from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.streams.topic_address import TopicAddress
from headrace.streams.topic_writer import TopicWriter


def open_writer(address: TopicAddress) -> TopicWriter:
    """Return a producer of the topics in a place.

    Args:
        address: A topic in the place.

    Raises:
        InputError: If a setting cannot be used, or the client of Kafka is not installed.
    """
    if address.folder is not None:
        from headrace.streams.folder.folder_writer import FolderWriter  # noqa: PLC0415 - Kafka needs no Polars

        return FolderWriter(address.folder)
    try:
        from headrace.streams.kafka.kafka_writer import KafkaWriter  # noqa: PLC0415 - an extra, which a folder does not need
    except ModuleNotFoundError as error:
        raise InputError(
            "topics of Kafka need the package confluent-kafka, which is not installed: pip install 'headrace[kafka]'."
        ) from error
    return KafkaWriter(address.servers, settings.kafka_settings())
