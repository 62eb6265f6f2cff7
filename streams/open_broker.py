"""Opens the port that belongs to the addresses of topics."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.streams.broker import Broker
from headrace.streams.topic_address import TopicAddress, require_topic_folder


@contextmanager
def open_broker(
    source: TopicAddress,
    *,
    answers: TopicAddress,
    dead_letters: TopicAddress,
    group: str,
    instance: str = "",
    ended: Callable[[], bool] = lambda: False,
) -> Iterator[Broker]:
    """Yield a connection to topics; at the end of the block it leaves the group.

    Args:
        source: Topic of the events.
        answers: Topic of the answers.
        dead_letters: Dead-letter topic.
        group: Name of the group.
        instance: Name of this worker, stable across restarts; empty for a new one.
        ended: Returns whether to give up what waits for a broker.

    Raises:
        InputError: If the topics are not in one place, which one transaction cannot span, or not three of them; or one
            in a folder is a file or a partition.
        MissingError: If a topic does not exist.
        StoreError: If the place is not reached or refuses.
    """
    for address in (source, answers, dead_letters):
        require_topic_folder(address)
    if len({source.place, answers.place, dead_letters.place}) > 1:
        raise InputError(
            f"events, answers and dead letters must be in one place, since one transaction writes all; got "
            f"{source.place}, {answers.place} and {dead_letters.place}."
        )
    if len({source.topic, answers.topic, dead_letters.topic}) < 3:
        raise InputError(
            f"events, answers and dead letters must be three topics; got {source.topic}, {answers.topic} and "
            f"{dead_letters.topic}."
        )
    if source.folder is None:
        broker = _open_kafka(source, answers, dead_letters, group, instance, ended)
    else:
        from headrace.streams.folder.folder_broker import FolderBroker  # noqa: PLC0415 - Kafka needs no Polars

        broker = FolderBroker(
            source.folder,
            source.topic,
            answers=answers.topic,
            dead_letters=dead_letters.topic,
            group=group,
            instance=instance,
        )
    try:
        yield broker
    finally:
        broker.close()


def _open_kafka(
    source: TopicAddress,
    answers: TopicAddress,
    dead_letters: TopicAddress,
    group: str,
    instance: str,
    ended: Callable[[], bool],
) -> Broker:
    try:
        from headrace.streams.kafka.kafka_broker import KafkaBroker  # noqa: PLC0415 - an extra, which a folder does not need
    except ModuleNotFoundError as error:
        raise InputError(
            "topics of Kafka need the package confluent-kafka, which is not installed: pip install 'headrace[kafka]'."
        ) from error
    return KafkaBroker(
        source.servers,
        source.topic,
        answers=answers.topic,
        dead_letters=dead_letters.topic,
        group=group,
        instance=instance,
        settings=settings.kafka_settings(),
        ended=ended,
    )
