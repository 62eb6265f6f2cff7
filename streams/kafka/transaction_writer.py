"""A transactional producer: records and positions together, or none of them.

What librdkafka 2.16.0 does with Kafka 4.4.0 when a broker is gone for a while decides how this module treats errors:

- A transaction that the broker gave up after ``transaction.timeout.ms`` is reported in the words of a producer that
  another one has replaced (fatal ``_FENCED``). The producer is replaced by a new one of the same transactional id;
  where a transaction that was not too old for the broker ends so a second time in succession, the worker ends.
- ``send_offsets_to_transaction`` may never return, whatever its timeout (librdkafka's issues 5456 and 5511). It runs in
  a thread that is given up, with its producer, after a while.
- Where nobody answers in time, the end of a transaction is unknown. A new producer of the same transactional id waits
  until the broker has decided, so what the group has committed then shows it.
- A broker may decide and never write it down. One that was killed leads its partitions by its old metadata until its
  old session ends (9 s); what it rolls back in that time for lack of time it drops when that session ends, with "these
  partitions are likely deleted already", and says that the transaction is complete. Its answers then stay open, the
  next commit of the same producer makes them visible, and positions of the group are unstable for ever. So a new
  producer begins by aborting a transaction of its own in all these partitions: the marker ends both. Where positions
  show that it had been committed, and only some markers were lost, what is missing is written again.
"""

import functools
import logging
import math
import operator
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeVar

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicPartition

from headrace.core.base.errors import StoreError
from headrace.streams.broker import FencedError, OutcomeUnknown, OutgoingRecord, TransactionAborted
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.client_calls import call_interruptibly, start_call
from headrace.streams.kafka.client_settings import TRANSACTION_SECONDS, producer_settings
from headrace.streams.kafka.lost_answers import find_lost

_TRY_SECONDS = 5.0
_PAUSE_SECONDS = 0.1
_SLOW_SECONDS = 3.0
_START_SECONDS = 60.0
_WAIT_SECONDS = TRANSACTION_SECONDS + 5.0
_logger = logging.getLogger(__name__)


_Result = TypeVar("_Result")


class _Transaction(NamedTuple):
    """What a transaction was to hold."""

    records: Sequence[OutgoingRecord]
    positions: list[TopicPartition]
    group: Any


_NOTHING = _Transaction((), [], None)


class TransactionWriter:
    """Writes transactions under one transactional id."""

    def __init__(
        self,
        common: Mapping[str, Any],
        transactional_id: str,
        *,
        group: str,
        place: str,
        ended: Callable[[], bool],
        note_reachable: Callable[[bool], None],
    ) -> None:
        """Connect, and end what a predecessor of the same id left open.

        Args:
            common: Settings of clients.
            transactional_id: The id.
            group: Name of the group.
            place: The brokers, for messages.
            ended: Returns whether to give up what waits for a broker.
            note_reachable: Called with whether the broker answers, whenever that shows.

        Raises:
            StoreError: If the broker does not answer, or refuses transactions.
        """
        settings = producer_settings(common, transactional_id=transactional_id)
        # Without an error_cb a fatal error is raised amid the deliveries, whose errors are lost then.
        self._config = {
            **settings,
            "delivery.report.only.error": True,
            "on_delivery": self._note_delivery,
            "error_cb": self._note_error,
        }
        self._common, self._group = common, group
        self._place, self._ended, self._note_reachable = place, ended, note_reachable
        self._failures: list[KafkaError] = []
        self._fenced, self._ended_last = 0, _NOTHING
        self._began, self._longest = -math.inf, float(settings["transaction.timeout.ms"]) / 1000
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
            self._began = time.monotonic()
            producer.begin_transaction()
            _produce(producer, records)
            self._wait_for(lambda: producer.send_offsets_to_transaction(positions, group, _TRY_SECONDS))
            self._repeat(lambda: producer.commit_transaction(_TRY_SECONDS))
        except (KafkaException, BufferError) as raised:
            self._abort(kafka_errors.error_of(raised), _Transaction(records, positions, group))
        except TimeoutError:
            reason = f"Kafka at {self._place} did not answer to a transaction."
            self._replace(reason, _Transaction(records, positions, group))
        self._fenced = 0
        self._ended_last = _Transaction(records, positions, group)
        self._note_reachable(True)

    def end_open(self, records: Sequence[OutgoingRecord], positions: list[TopicPartition], group: Any) -> None:
        """End what a predecessor of this id left open and the broker calls complete; see the module's text.

        Args:
            records: One for each partition that may be open; nobody will see them.
            positions: Any, of the group.
            group: The group's metadata.

        Raises:
            OutcomeUnknown: If nobody answered.
            FencedError: If another producer has this one's id.
        """
        open_one = _Transaction(records, positions, group)
        if not self._end_again(open_one):
            self._replace(f"Kafka at {self._place} did not answer to a transaction.", open_one)

    def close(self) -> None:
        """Give up what is open; nothing of it becomes visible."""
        start_call(lambda: _discard(self._producer), []).join(_TRY_SECONDS)

    def _abort(self, error: KafkaError, last: _Transaction) -> None:
        """Abort the last transaction, and raise what follows from its error."""
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
        self._note_fence(error)
        self._replace(self._say(error), last)

    def _note_fence(self, error: KafkaError) -> None:
        """Raise if another producer has this one's name, which the second fence in succession shows.

        One that a transaction brings that is older than its longest time may have come from the broker giving it up.
        """
        if not kafka_errors.is_fenced(error) or time.monotonic() >= self._began + self._longest:
            return
        self._fenced += 1
        if self._fenced > 1 and error.code() not in kafka_errors.FENCED:
            raise StoreError(
                f"Kafka at {self._place} must accept transactions; it has refused two of them: "
                f"{kafka_errors.describe(error)}."
            )
        if self._fenced > 1:
            raise FencedError(
                f"a worker must be alone under its name; Kafka at {self._place} has refused it twice "
                f"({kafka_errors.describe(error)}): give each worker an --instance of its own."
            )

    def _find_permanent(self, error: KafkaError) -> StoreError | None:
        return kafka_errors.permanent([*self._failures, error], self._place)

    def _say(self, error: KafkaError) -> str:
        return f"Kafka at {self._place} aborted a transaction; {kafka_errors.describe(error)}."

    def _replace(self, reason: str, last: _Transaction) -> NoReturn:
        """Go on with a new producer, before which the broker ends the last transaction one way or the other."""
        while True:
            old = self._producer
            start_call(functools.partial(_discard, old), [])
            self._producer = self._connect(math.inf)
            if (self._end_again(last) and self._write_lost(last)) or self._ended():
                break
        raise OutcomeUnknown(reason)

    def _end_again(self, last: _Transaction) -> bool:
        """Abort a transaction in all partitions of the last one and of that before it; return whether that worked.

        It changes nothing where these have ended: its records are some of theirs once more.
        """
        producer = self._producer
        records = _one_of_each([*last.records, *self._ended_last.records])
        try:
            self._began = time.monotonic()
            producer.begin_transaction()
            _produce(producer, records)
            if _serve(lambda: producer.flush(_WAIT_SECONDS)):
                self._note_reachable(False)
                return False
            self._add_positions(producer, last)
            self._repeat(lambda: producer.abort_transaction(_TRY_SECONDS))
        except (KafkaException, BufferError) as raised:
            self._note_fence(kafka_errors.error_of(raised))
            return False
        except TimeoutError:
            return False
        return True

    def _write_lost(self, last: _Transaction) -> bool:
        """Write what was committed and was lost with its marker once more; return whether that was possible.

        Positions that are committed say that all records of the transaction are, so theirs are not written again.
        """
        lost = [
            record
            for one in (self._ended_last, last)
            if one.positions
            for record in find_lost(self._common, self._group, one.records, one.positions)
        ]
        if not lost:
            return True
        producer = self._producer
        try:
            self._began = time.monotonic()
            producer.begin_transaction()
            _produce(producer, lost)
            self._repeat(lambda: producer.commit_transaction(_TRY_SECONDS))
        except (KafkaException, BufferError) as raised:
            self._note_fence(kafka_errors.error_of(raised))
            return False
        _logger.warning(
            "%d answers that a broker had lost with the end of their transaction are there again.", len(lost)
        )
        return True

    def _add_positions(self, producer: Producer, last: _Transaction) -> None:
        """Let the partition of the group's positions join a transaction, whether the group takes these or not."""
        if not last.positions:
            return
        try:
            self._wait_for(lambda: producer.send_offsets_to_transaction(last.positions, last.group, _TRY_SECONDS))
        except KafkaException as refused:  # by the group, which is asked when the partition has joined
            if not kafka_errors.error_of(refused).txn_requires_abort():
                raise

    def _connect(self, seconds: float) -> Producer:
        producer = Producer(self._config)
        deadline = time.monotonic() + seconds
        while True:
            try:
                call_interruptibly(lambda: producer.init_transactions(_TRY_SECONDS))
            except KafkaException as raised:
                error = kafka_errors.error_of(raised)
                if error.retriable() and time.monotonic() < deadline and not self._ended():
                    # A broker that has had no transaction before makes their topic first, which takes several tries.
                    if math.isinf(seconds):
                        self._note_reachable(False)
                    _logger.info(
                        "Kafka at %s takes no transactions yet; %s.", self._place, kafka_errors.describe(error)
                    )
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
                _serve(call)
            except KafkaException as raised:
                late = time.monotonic() > deadline or self._ended()
                if late or not kafka_errors.error_of(raised).retriable():
                    raise
                self._note_reachable(False)
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def _note_error(self, error: KafkaError) -> None:
        _logger.info("Kafka at %s: %s.", self._place, kafka_errors.describe(error))

    def _note_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)


def _serve(call: Callable[[], _Result]) -> _Result:
    """Call what lets the client report errors and deliveries.

    After a fatal error confluent-kafka 2.16.1 reports deliveries while its exception is set already, of which Python
    makes a SystemError (``error_cb`` and ``dr_msg_cb`` in its C sources, within one ``flush``).
    """
    try:
        return call()
    except SystemError as error:
        if isinstance(error.__cause__, KafkaException):
            raise error.__cause__ from None
        raise


def _one_of_each(records: Iterable[OutgoingRecord]) -> Iterable[OutgoingRecord]:
    """Return a record of each partition."""
    kept = list(records)
    return dict(zip(map(operator.itemgetter(0, 1), kept), kept, strict=True)).values()


def _produce(producer: Producer, records: Iterable[OutgoingRecord]) -> None:
    produce = producer.produce
    for topic, partition, value, key, headers, timestamp in records:
        produce(topic, value, key, partition, timestamp=timestamp, headers=list(headers) if headers else None)


def _discard(producer: Producer) -> None:
    producer.purge()
    producer.flush(1)
