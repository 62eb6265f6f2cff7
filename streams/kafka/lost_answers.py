"""Records of a transaction that was committed, as its positions show, and whose marker a killed broker has dropped."""

import logging
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace.streams.broker import OutgoingRecord
from headrace.streams.kafka import kafka_errors

_SECONDS, _PAUSE_SECONDS = 10.0, 0.05
_CHUNK = 1000
# Offsets that a partition may have after a transaction: attempts that were aborted, and markers.
_MARGIN = 1000
_ATTEMPTS = 4
_logger = logging.getLogger(__name__)


def find_lost(
    common: Mapping[str, Any], group: str, records: Sequence[OutgoingRecord], positions: Sequence[TopicPartition]
) -> list[OutgoingRecord]:
    """Return the records that no reader of committed records finds, though the group has committed their positions.

    Args:
        common: Settings of clients.
        group: Name of the group.
        records: All records of a transaction.
        positions: Its positions.

    Returns:
        The lost records; none if the group is elsewhere, or if this user may not read the topics.
    """
    config = {"group.id": group, "isolation.level": "read_committed", "enable.partition.eof": True}
    consumer = Consumer({**common, **config, "enable.auto.commit": False, "auto.offset.reset": "earliest"})
    try:
        committed = consumer.committed([TopicPartition(one.topic, one.partition) for one in positions], _SECONDS)
        if not records or any(one.offset != due.offset for one, due in zip(committed, positions, strict=True)):
            return []
        expected = defaultdict(list)
        for record in records:
            expected[record.topic, record.partition].append(record)
        return [lost for place, written in expected.items() for lost in _find_in(consumer, *place, written)]
    except KafkaException as error:
        _logger.info("whether answers were lost is not known: %s", kafka_errors.describe(kafka_errors.error_of(error)))
        return []
    finally:
        consumer.close()


def _find_in(consumer: Consumer, topic: str, partition: int, written: Sequence[OutgoingRecord]) -> list[OutgoingRecord]:
    """Return the records that are not at the end of a partition."""
    place = TopicPartition(topic, partition)
    low, high = consumer.get_watermark_offsets(place, timeout=_SECONDS)
    place.offset = max(low, high - _ATTEMPTS * len(written) - _MARGIN)
    consumer.assign([place])
    found, deadline = set(), time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        for message in consumer.consume(_CHUNK, _PAUSE_SECONDS):
            error = message.error()
            if (message.topic(), message.partition()) != (topic, partition):
                continue
            if error is None:
                found.add(_identity(message.value(), message.key(), message.headers()))
            elif error.code() == KafkaError._PARTITION_EOF:
                return [one for one in written if _identity(one.value, one.key, one.headers) not in found]
            else:
                raise KafkaException(error)
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT))


def _identity(value: bytes | None, key: bytes | None, headers: Any) -> tuple[Any, ...]:
    """An answer has the offset of its event in its value, a dead letter in its headers."""
    return value, key, tuple(map(tuple, headers or ()))
