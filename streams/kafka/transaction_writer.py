"""A transactional producer: records and positions together, or none of them.

What librdkafka 2.16.0 does with Kafka 4.4.0 when a broker is gone for a while decides how this module treats errors:

- A transaction that the broker gave up after ``transaction.timeout.ms`` is reported in the words of a producer that
  another one has replaced (fatal ``_FENCED``). The first is harmless, so the producer is replaced by a new one of the
  same transactional id; after a second time in succession the worker ends.
- ``send_offsets_to_transaction`` may never return, whatever its timeout (librdkafka's issues 5456 and 5511). It runs in
  a thread that is given up, with its producer, after a while.
- Where nobody answers in time, the end of a transaction is unknown. A new producer of the same transactional id waits
  until the broker has decided, so what the group has committed then shows it.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from headrace.core.base.errors import StoreError
from headrace.streams.broker import FencedError, OutcomeUnknown, OutgoingRecord, TransactionAborted
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.client_calls import start_call
from headrace.streams.kafka.client_settings import TRANSACTION_SECONDS, producer_settings

_TRY_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_SLOW_SECONDS = 3.0
_START_SECONDS = 60.0
_WAIT_SECONDS = TRANSACTION_SECONDS + 5.0


class TransactionWriter:
    """Writes transactions under one transactional id."""

    def __init__(
        self,
        common: Mapping[str, Any],
        transactional_id: str,
        *,
        place: str,
        ended: Callable[[], bool],
        note_reachable: Callable[[bool], None],
    ) -> None:
        """Connect, and end what a predecessor of the same id left open.

        Args:
            common: Settings of clients.
            transactional_id: The id.
            place: The brokers, for messages.
            ended: Returns whether to give up what waits for a broker.
            note_reachable: Called with whether the broker answers, whenever that shows.

        Raises:
            StoreError: If the broker does not answer, or refuses transactions.
        """
        settings = producer_settings(common, transactional_id=transactional_id)
        self._config = {**settings, "delivery.report.only.error": True, "on_delivery": self._note_delivery}
        self._place, self._ended, self._note_reachable = place, ended, note_reachable
        self._failures: list[KafkaError] = []
        self._fenced = 0
        self._producer = self._connect(_START_SECONDS)

    def write(self, records: Sequence[OutgoingRecord], positions: list[TopicPartition], group: Any) -> None:
        """Write records and positions in one transaction.

        Args:
            records: The records.
            positions: Positions after the events that the records answer.
            group: The group's metadata at the time when these events were read.

        Raises:
            OutcomeUnknown: If nobody answered, so that all was written or nothing.
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
            self._wait_for(lambda: producer.send_offsets_to_transaction(positions, group, _TRY_SECONDS))
            self._repeat(lambda: producer.commit_transaction(_TRY_SECONDS))
        except (KafkaException, BufferError) as raised:
            self._abort(kafka_errors.error_of(raised))
        except TimeoutError:
            self._replace(f"Kafka at {self._place} did not answer to a transaction.")
        self._fenced = 0
        self._note_reachable(True)

    def close(self) -> None:
        """Give up what is open; nothing of it becomes visible."""
        start_call(lambda: _discard(self._producer), []).join(_TRY_SECONDS)

    def _abort(self, error: KafkaError) -> None:
        """Abort the transaction, and raise what follows from its error."""
        if error.txn_requires_abort() or not (error.retriable() or kafka_errors.is_fenced(error)):
            try:
                self._repeat(lambda: self._producer.abort_transaction(_TRY_SECONDS))
            except KafkaException as raised:
                error = kafka_errors.error_of(raised)
            else:
                raise self._find_permanent(error) or TransactionAborted(self._say(error))
        permanent = self._find_permanent(error)
        if permanent:
            raise permanent
        if kafka_errors.is_fenced(error):
            self._fenced += 1
            if self._fenced > 1:
                raise FencedError(
                    f"a worker must be alone under its name; Kafka at {self._place} has refused it twice "
                    f"({kafka_errors.describe(error)}): give each worker an --instance of its own."
                )
        self._replace(self._say(error))

    def _find_permanent(self, error: KafkaError) -> StoreError | None:
        return kafka_errors.permanent([*self._failures, error], self._place)

    def _say(self, error: KafkaError) -> str:
        return f"Kafka at {self._place} aborted a transaction; {kafka_errors.describe(error)}."

    def _replace(self, reason: str) -> NoReturn:
        """Go on with a new producer, before which the broker ends the transaction one way or the other."""
        old = self._producer
        start_call(lambda: _discard(old), [])
        self._producer = self._connect(math.inf)
        raise OutcomeUnknown(reason)

    def _connect(self, seconds: float) -> Producer:
        producer = Producer(self._config)
        deadline = time.monotonic() + seconds
        while True:
            try:
                producer.init_transactions(_TRY_SECONDS)
            except KafkaException as raised:
                error = kafka_errors.error_of(raised)
                if error.retriable() and time.monotonic() < deadline and not self._ended():
                    self._note_reachable(False)
                    continue
                raise kafka_errors.permanent([error], self._place) or StoreError(
                    f"Kafka at {self._place} must accept transactions; {kafka_errors.describe(error)}."
                ) from raised
            return producer

    def _wait_for(self, call: Callable[[], None]) -> None:
        """Call in a thread, which is left to itself if it takes too long.

        Raises:
            TimeoutError: If it takes too long.
        """
        failures: list[BaseException] = []
        thread = start_call(call, failures)
        thread.join(_SLOW_SECONDS)
        if thread.is_alive():
            self._note_reachable(False)
            thread.join(_WAIT_SECONDS)
        if thread.is_alive():
            raise TimeoutError
        if failures:
            raise failures[0]

    def _repeat(self, call: Callable[[], None]) -> None:
        """Call until the broker has answered, for a while; what waits for it is given up when the worker is to end."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                call()
            except KafkaException as raised:
                late = time.monotonic() > deadline or self._ended()
                if late or not kafka_errors.error_of(raised).retriable():
                    raise
                self._note_reachable(False)
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _note_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)


def _discard(producer: Producer) -> None:
    producer.purge()
    producer.flush(1)
