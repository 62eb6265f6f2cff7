"""A transactional producer: records and positions together, or none of them.

librdkafka reports a transaction that the broker gave up after ``transaction.timeout.ms`` in the words in which it
reports a producer that another one has replaced (seen with 2.16.0 and Kafka 4.4.0: fatal ``_FENCED``). The first is
harmless, so the producer is replaced by a new one; after a second time in succession the worker ends.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from headrace.core.base.errors import StoreError
from headrace.streams.broker import FencedError, OutgoingRecord, TransactionAborted
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.client_settings import producer_settings

_TRY_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_START_SECONDS = 60.0


class TransactionWriter:
    """Writes transactions under one transactional id."""

    def __init__(
        self, common: Mapping[str, Any], transactional_id: str, *, place: str, ended: Callable[[], bool]
    ) -> None:
        """Connect, and end what a predecessor of the same id left open.

        Args:
            common: Settings of clients.
            transactional_id: The id.
            place: The brokers, for messages.
            ended: Returns whether to give up what waits for a broker.

        Raises:
            StoreError: If the broker does not answer, or refuses transactions.
        """
        settings = producer_settings(common, transactional_id=transactional_id)
        self._config = {**settings, "delivery.report.only.error": True, "on_delivery": self._note_delivery}
        self._place, self._ended = place, ended
        self._failures: list[KafkaError] = []
        self._fenced = 0
        self._producer = self._connect()

    def write(self, records: Sequence[OutgoingRecord], positions: list[TopicPartition], group: Any) -> None:
        """Write records and positions in one transaction.

        Args:
            records: The records.
            positions: Positions after the events that the records answer.
            group: The group's metadata at the time when these events were read.

        Raises:
            TransactionAborted: If nothing was written.
            FencedError: If another producer has this one's id.
            StoreError: If the records will never be accepted.
        """
        self._failures.clear()
        producer = self._producer
        try:
            producer.begin_transaction()
            produce = producer.produce
            for topic, partition, value, key, headers, timestamp in records:
                produce(topic, value, key, partition, timestamp=timestamp, headers=list(headers) if headers else None)
            self._repeat(lambda: producer.send_offsets_to_transaction(positions, group, _TRY_SECONDS))
            self._repeat(lambda: producer.commit_transaction(_TRY_SECONDS))
        except (KafkaException, BufferError) as raised:
            self._abort(kafka_errors.error_of(raised))
        self._fenced = 0

    def close(self) -> None:
        """Give up what is open; nothing of it becomes visible."""
        self._producer.purge()
        self._producer.flush(1)

    def _abort(self, error: KafkaError) -> None:
        """Abort the transaction, and raise what follows from its error."""
        try:
            if not kafka_errors.is_fenced(error):
                self._repeat(lambda: self._producer.abort_transaction(_TRY_SECONDS))
        except KafkaException as raised:
            error = kafka_errors.error_of(raised)
        permanent = kafka_errors.permanent([*self._failures, error], self._place)
        if permanent:
            raise permanent
        if kafka_errors.is_fenced(error):
            self._replace(error)
        raise TransactionAborted(f"Kafka at {self._place} aborted a transaction; {kafka_errors.describe(error)}.")

    def _replace(self, error: KafkaError) -> None:
        self._fenced += 1
        if self._fenced > 1:
            raise FencedError(
                f"a worker must be alone under its name; Kafka at {self._place} has refused it twice "
                f"({kafka_errors.describe(error)}): give each worker an --instance of its own."
            )
        self.close()
        self._producer = self._connect()

    def _connect(self) -> Producer:
        producer = Producer(self._config)
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                producer.init_transactions(_TRY_SECONDS)
            except KafkaException as raised:
                error = kafka_errors.error_of(raised)
                if error.retriable() and time.monotonic() < deadline and not self._ended():
                    continue
                raise kafka_errors.permanent([error], self._place) or StoreError(
                    f"Kafka at {self._place} must accept transactions; {kafka_errors.describe(error)}."
                ) from raised
            return producer

    def _repeat(self, call: Callable[[], None]) -> None:
        """Call until the broker has answered; what waits for it is given up when the worker is to end."""
        while True:
            try:
                call()
            except KafkaException as raised:
                if not kafka_errors.error_of(raised).retriable() or self._ended():
                    raise
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _note_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)
