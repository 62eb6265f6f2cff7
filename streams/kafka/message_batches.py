"""Batches of messages from a consumer, and what comes among them: ends of partitions, offsets that are gone, errors."""

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message

from headrace.core.base.errors import InputError
from headrace.streams.broker import EventBatch, FencedError
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.partition_positions import PartitionPositions

IDLE_SECONDS = 0.2
_CHUNK = 500
_MOST_BATCH_BYTES = 64 << 20
_logger = logging.getLogger(__name__)


class MessageBatches:
    """Takes messages from a consumer.

    Attributes:
        unplaced: Partitions whose next offset the broker does not have.
    """

    def __init__(self, consumer: Consumer, positions: PartitionPositions, *, place: str) -> None:
        """Prepare to take messages.

        Args:
            consumer: The consumer.
            positions: Where ends of partitions are noted.
            place: The brokers, for messages.
        """
        self._consumer, self._positions, self._place = consumer, positions, place
        self.unplaced: set[int] = set()

    def take(self, *, rows: int, seconds: float) -> list[Message]:
        """Return the next messages; none after a fraction of a second without messages.

        Args:
            rows: Most messages.
            seconds: Longest time to fill the batch once there is one message.

        Raises:
            FencedError: If another member has the name of this one.
            StoreError: If the topic may not be read.
        """
        messages = self._take(1, IDLE_SECONDS)
        if not messages:
            return []
        deadline, size = time.monotonic() + seconds, len(messages[0])
        while len(messages) < rows and size < _MOST_BATCH_BYTES:
            wanted = min(_CHUNK, rows - len(messages))
            taken = self._take(wanted, max(deadline - time.monotonic(), 0))
            messages += taken
            size += sum(map(len, taken))
            if len(taken) < wanted and time.monotonic() >= deadline:
                break
        return messages

    def _take(self, count: int, seconds: float) -> list[Message]:
        """Return the next messages; ends of partitions and errors among them are handled."""
        taken = self._consumer.consume(count, seconds)
        found = [message for message in taken if message.error() is None]
        if len(found) == len(taken):
            return found
        for message in taken:
            error = message.error()
            if error is None:
                continue
            if error.code() == KafkaError._PARTITION_EOF:
                self._positions.end(message.partition() or 0, message.offset() or 0)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                self.unplaced.add(message.partition() or 0)
            else:
                self._handle(error)
        return found

    def _handle(self, error: KafkaError) -> None:
        if error.code() == kafka_errors.FENCED_INSTANCE:
            raise FencedError(
                "a worker must be alone under its name; another one has joined the group with the same --instance."
            )
        permanent = kafka_errors.permanent([error], self._place)
        if permanent:
            raise permanent
        _logger.info("Kafka at %s: %s.", self._place, kafka_errors.describe(error))


def connect_consumer(config: Mapping[str, Any]) -> Consumer:
    """Return a consumer.

    Args:
        config: Its settings.

    Raises:
        InputError: If a setting is unknown to the client.
    """
    try:
        return Consumer(dict(config))
    except KafkaException as error:
        found = kafka_errors.describe(kafka_errors.error_of(error))
        raise InputError(f"settings of Kafka must be those of librdkafka; {found}.") from error


def build_batch(messages: Sequence[Message], group: Any = None) -> EventBatch:
    """Return messages as a batch.

    Args:
        messages: n messages.
        group: What the adapter needs to know of the group at the time of reading.
    """
    return EventBatch(
        [message.value() for message in messages],
        [message.key() for message in messages],
        [message.headers() for message in messages],  # type: ignore[misc]  # a message that came has it
        [message.timestamp()[1] for message in messages],
        [message.partition() for message in messages],  # type: ignore[misc]  # a message that came has it
        [message.offset() for message in messages],  # type: ignore[misc]  # a message that came has it
        group,
    )
