"""The port of streams on Apache Kafka: a consumer that reads what is committed, and a transactional producer.

Exactly once rests on three rules (KIP-98, KIP-447): answers and positions are in one transaction; the broker refuses
positions of a member whose generation has passed, so the generation is noted when events are read, not when they are
committed; and a producer's transactional id ends the open transaction of its predecessor.
"""

import contextlib
import logging
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from headrace.core.base.environment_values import KafkaSettings
from headrace.streams.broker import (
    EventBatch,
    OutcomeUnknown,
    OutgoingRecord,
    PartitionLag,
    TransactionAborted,
)
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.client_settings import consumer_settings, read_common
from headrace.streams.kafka.message_batches import MessageBatches, build_batch, connect_consumer
from headrace.streams.kafka.partition_positions import PartitionPositions, choose_offset
from headrace.streams.kafka.reachability import Reachability
from headrace.streams.kafka.topic_facts import read_topics
from headrace.streams.kafka.transaction_writer import TransactionWriter

_ANSWER_SECONDS = 3.0
_NEVER = 2**63 - 1
_LOOK_SECONDS = 5.0
_OPEN_SECONDS = 30.0
_logger = logging.getLogger(__name__)


class KafkaBroker:
    """A worker's connection to topics of Kafka; see ``Broker``."""

    def __init__(  # noqa: PLR0913 - the names of what is connected
        self,
        servers: str,
        source: str,
        *,
        answers: str,
        dead_letters: str,
        group: str,
        instance: str = "",
        settings: KafkaSettings | None = None,
        connect_seconds: float = 30.0,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """Look at the topics and join the group.

        Args:
            servers: Hosts and ports of brokers, with commas between them.
            source: Name of the topic of the events.
            answers: Name of the topic of the answers.
            dead_letters: Name of the dead-letter topic.
            group: Name of the group.
            instance: Name of this worker, stable across restarts; empty for a new one.
            settings: Login and certificates; None for none.
            connect_seconds: How long to wait for a broker at the start.
            ended: Returns whether to give up what waits for a broker.

        Raises:
            InputError: If a setting cannot be used.
            MissingError: If a topic does not exist.
            StoreError: If no broker answers, or the login or a right is refused.
        """
        self.answers, self.dead_letters = answers, dead_letters
        self._place, self._source = servers, source
        common = read_common(servers, settings or KafkaSettings())
        self._facts = read_topics(common, [source, answers, dead_letters], place=servers, seconds=connect_seconds)
        name = f"headrace-{group}-{instance or uuid.uuid4().hex}"
        self._reach = Reachability(servers)
        self._writer = TransactionWriter(
            common, name, group=group, place=servers, ended=ended, note_reachable=self._reach.note
        )
        self._positions = PartitionPositions()
        self.held: frozenset[int] = frozenset()
        self._looked = self._waiting_since = time.monotonic()
        self._named = bool(instance)
        config = consumer_settings(common, group=group, instance=instance)
        self._consumer = connect_consumer({**config, "stats_cb": self._reach.read_statistics})
        self._batches = MessageBatches(self._consumer, self._positions, place=servers)
        self._consumer.subscribe([source], on_assign=self._assign, on_revoke=self._revoke, on_lost=self._revoke)

    def poll(self, *, rows: int, seconds: float) -> EventBatch:
        """Return the next events; see ``Broker``."""
        self._look_for_partitions()
        self._place_partitions()
        self._watch_beginnings()
        messages = self._batches.take(rows=rows, seconds=seconds)
        if messages:
            # A partition may have been taken away while the batch was filled.
            assigned = self._positions.assigned or frozenset()
            if not {message.partition() for message in messages} <= assigned:
                messages = [message for message in messages if message.partition() in assigned]
            self._reach.note(True)
        batch = build_batch(messages, self._consumer.consumer_group_metadata() if messages else None)
        self._positions.read(batch)
        return batch

    def commit(self, batch: EventBatch, records: Sequence[OutgoingRecord]) -> None:
        """Write records and positions; see ``Broker``."""
        ends = [TopicPartition(self._source, partition, offset) for partition, offset in batch.ends.items()]
        try:
            self._writer.write(records, ends, batch.group)
        except TransactionAborted as error:
            if isinstance(error, OutcomeUnknown) or self._reach.was_away:
                self._read_committed()
            else:
                self._rewind(batch.starts)
            raise
        self._reach.was_away = False

    def give_back(self, batch: EventBatch) -> None:
        """Let events come again; see ``Broker``."""
        self._rewind(batch.starts)

    @property
    def reachable(self) -> bool:
        """Whether the broker answers; see ``Broker``."""
        return self._reach.reachable

    @property
    def assigned(self) -> frozenset[int] | None:
        """The partitions of this worker; see ``Broker``."""
        return self._positions.assigned

    @property
    def lost_offsets(self) -> int:
        """Offsets that were deleted before they were read; see ``Broker``."""
        return self._positions.lost_offsets

    @property
    def at_end(self) -> bool:
        """Whether all is read that was there when the partitions were assigned; see ``Broker``."""
        return self._positions.is_at_end(without=self.held)

    def lags(self) -> dict[int, PartitionLag]:
        """Return what has not been read; see ``Broker``."""
        highs = {}
        for partition in self._positions.assigned or ():
            found = self._consumer.get_watermark_offsets(TopicPartition(self._source, partition), cached=True)
            highs[partition] = found[1] if found else -1
        return self._positions.lags(highs)

    def partition_counts(self) -> dict[str, int]:
        """Return the numbers of partitions; see ``Broker``."""
        return {topic: self._facts.partitions[topic] for topic in (self.answers, self.dead_letters)}

    def largest_records(self) -> dict[str, int]:
        """Return the most bytes of records; see ``Broker``."""
        return {topic: self._facts.largest[topic] for topic in (self.answers, self.dead_letters)}

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
        self._writer.close()

    def _assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        numbers = [one.partition for one in partitions]
        self._positions.assign({number: self._read_end(number) for number in numbers})
        self._hold()

    def _revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [one.partition for one in partitions]
        self._positions.revoke(numbers)
        self._batches.unplaced.difference_update(numbers)
        consumer.incremental_unassign(partitions)
        self._hold()

    def _place_partitions(self) -> None:
        """Begin the partitions for which the client has no offset; what fails is tried again by the next poll."""
        waiting = sorted(self._batches.unplaced & (self._positions.assigned or frozenset()))
        if not waiting:
            return
        places = [TopicPartition(self._source, partition) for partition in waiting]
        try:
            for place in self._consumer.committed(places, timeout=_ANSWER_SECONDS):
                if place.error is not None:
                    raise KafkaException(place.error)  # noqa: TRY301 - handled as one that is raised
                self._begin(place.partition, place.offset)
        except KafkaException as error:
            _logger.info("partitions %s do not begin yet: %s", waiting, error)

    def _begin(self, partition: int, committed: int) -> None:
        """Begin a partition where the group has committed; negative for nowhere.

        Raises:
            KafkaException: If the broker does not answer.
        """
        place = TopicPartition(self._source, partition)
        low, high = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
        place.offset = choose_offset(committed, low, high)
        self._consumer.incremental_unassign([TopicPartition(self._source, partition)])
        self._consumer.incremental_assign([place])
        self._batches.unplaced.discard(partition)
        if committed >= 0 and place.offset != committed:
            self._positions.lost_offsets += max(low - committed, 0)
            _logger.warning(
                "partition %d of %s has offsets %d to %d, and %d was to be read: it goes on at %d; %d are lost.",
                partition, self._source, low, high, committed, low, max(low - committed, 0),
            )  # fmt: skip

    def _watch_beginnings(self) -> None:
        """Warn of a transaction with the group's positions that never ends; end one of this worker's name."""
        now, waiting = time.monotonic(), self._positions.unbegun - self.held
        if not waiting or not self.reachable:
            self._waiting_since = now
        elif now > self._waiting_since + _OPEN_SECONDS:
            self._waiting_since = now if self._named else math.inf
            _logger.warning(
                "partitions %s of %s do not begin: Kafka at %s does not say where the group goes on, as long as a "
                "transaction with its positions is open; one that no worker ends is found by kafka-transactions.sh "
                "find-hanging --max-transaction-timeout 1, and ended by kafka-transactions.sh abort.",
                sorted(waiting), self._source, self._place,
            )  # fmt: skip
            if self._named:
                self._end_open(waiting)

    def _end_open(self, waiting: Iterable[int]) -> None:
        """End what a predecessor of this name may have left open."""
        counts = self.partition_counts()
        records = [
            OutgoingRecord(topic, partition, b"", b"headrace", None, 0)
            for topic, count in counts.items()
            for partition in range(count)
        ]
        places = [TopicPartition(self._source, partition, 0) for partition in waiting]
        with contextlib.suppress(OutcomeUnknown):
            self._writer.end_open(records, places, self._consumer.consumer_group_metadata())
        self._read_committed()

    def _rewind(self, offsets: Mapping[int, int]) -> None:
        """Read from offsets on, as far as their partitions are still this worker's."""
        for partition, offset in offsets.items():
            if partition in (self._positions.assigned or ()):
                try:
                    self._consumer.seek(TopicPartition(self._source, partition, offset))
                except KafkaException as error:  # it is being taken away, which the next poll will show
                    _logger.info("partition %d is not read again: %s", partition, error)
                self._positions.rewind(partition, offset)

    def _read_committed(self) -> None:
        """Read from where the group has committed, which the client finds out while it is polled.

        In all partitions, since a broker that was killed may have dropped what it had said is committed. Not by the
        client's ``committed``: it waits for a rebalance that goes on only while the client is polled (seen with
        librdkafka 2.16.0 after a broker was gone for longer than the session).
        """
        for partition in (self._positions.assigned or frozenset()) - self.held:
            place = TopicPartition(self._source, partition)
            self._batches.unplaced.discard(partition)
            try:
                self._consumer.incremental_unassign([place])
                self._consumer.incremental_assign([place])
            except KafkaException as error:  # it is being taken away, which the next poll will show
                _logger.info("partition %d is not read again: %s", partition, error)
            self._positions.rewind(partition, -1)

    def _read_end(self, partition: int) -> int:
        """Return the offset of a partition's end; one that is never reached if the broker does not say."""
        try:
            place = TopicPartition(self._source, partition)
            return int(self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)[1])
        except KafkaException as error:
            _logger.info("Kafka at %s does not say where partition %d ends: %s", self._place, partition, error)
            return _NEVER

    def _look_for_partitions(self) -> None:
        """Look from time to time whether the topic of answers has got the partitions that some events wait for."""
        if not self.held or time.monotonic() < self._looked + _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            listed = self._consumer.list_topics(self.answers, timeout=_LOOK_SECONDS).topics
        except KafkaException as error:
            found = kafka_errors.describe(kafka_errors.error_of(error))
            _logger.info("the partitions of %s cannot be looked up now: %s", self.answers, found)
            return
        self._facts.partitions[self.answers] = len(listed[self.answers].partitions)
        self._hold()

    def _hold(self) -> None:
        """Pause partitions that the topic of answers does not have, and resume those that it has got."""
        count = self._facts.partitions[self.answers]
        missing = frozenset(number for number in self._positions.assigned or () if number >= count)
        if missing - self.held:
            self._consumer.pause([TopicPartition(self._source, number) for number in missing])
            _logger.warning(
                "partitions %s of %s wait: %s has only %d partitions; give it as many as %s has.",
                sorted(missing), self._source, self.answers, count, self._source,
            )  # fmt: skip
        released = (self.held - missing) & (self._positions.assigned or frozenset())
        if released:
            self._consumer.resume([TopicPartition(self._source, number) for number in released])
        self.held = missing
