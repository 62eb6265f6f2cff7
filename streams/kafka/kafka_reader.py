"""The port of readers on Apache Kafka: a consumer that has all partitions, and commits only what it is given.

It joins no group, so that it begins at once and nobody takes partitions away; its positions are committed to a group
all the same, where other tools see them. A broker refuses them while the group has members.
"""

import logging
import threading  # noqa: TC003 - no deferred annotations here
import time
from collections.abc import Iterable, Mapping

from confluent_kafka import KafkaException, TopicPartition

from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.errors import StoreError
from headrace.streams.broker import EventBatch
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.client_calls import start_call
from headrace.streams.kafka.client_settings import consumer_settings, read_common
from headrace.streams.kafka.message_batches import MessageBatches, build_batch, connect_consumer
from headrace.streams.kafka.partition_positions import PartitionPositions, choose_offset
from headrace.streams.kafka.reachability import Reachability
from headrace.streams.kafka.topic_facts import read_topics
from headrace.streams.topic_reader import ReadFrom

_ANSWER_SECONDS = 3.0
_COMMIT_SECONDS = 5.0
_LOOK_SECONDS = 10.0
_PAUSE_SECONDS = 0.2
# The client wants the name of a group even where none is used.
_NO_GROUP = "headrace-reader"
_logger = logging.getLogger(__name__)


class KafkaReader:
    """A reader's connection to a topic of Kafka; see ``TopicReader``."""

    def __init__(
        self,
        servers: str,
        topic: str,
        *,
        group: str = "",
        start: ReadFrom = "beginning",
        last: int = 0,
        settings: KafkaSettings | None = None,
        connect_seconds: float = 30.0,
    ) -> None:
        """Look where to begin.

        Args:
            servers: Hosts and ports of brokers, with commas between them.
            topic: Name of the topic.
            group: Name of the group; empty for none, which commits nothing.
            start: Where to begin.
            last: With ``end``, how many offsets before the end of each partition to begin.
            settings: Login and certificates; None for none.
            connect_seconds: How long to wait for a broker at the start.

        Raises:
            InputError: If a setting cannot be used.
            MissingError: If there is no such topic.
            StoreError: If no broker answers, or the login or a right is refused.
        """
        self.topic = topic
        self._place, self._group = servers, group
        common = read_common(servers, settings or KafkaSettings())
        facts = read_topics(common, [topic], place=servers, seconds=connect_seconds)
        self._reach = Reachability(servers)
        self._positions = PartitionPositions()
        config = consumer_settings(common, group=group or _NO_GROUP, instance="")
        self._consumer = connect_consumer({**config, "stats_cb": self._reach.read_statistics})
        self._batches = MessageBatches(self._consumer, self._positions, place=servers)
        self._committing: threading.Thread | None = None
        self._looked = time.monotonic()
        deadline = time.monotonic() + connect_seconds
        while not self._begin(range(facts.partitions[topic]), start, last, is_last_try=time.monotonic() > deadline):
            time.sleep(_PAUSE_SECONDS)

    def poll(self, *, rows: int, seconds: float) -> EventBatch:
        """Return the next events; see ``TopicReader``."""
        self._look_for_partitions()
        self._place_partitions()
        batch = build_batch(self._batches.take(rows=rows, seconds=seconds))
        if len(batch):
            self._reach.note(True)
        self._positions.read(batch)
        return batch

    def rewind(self, positions: Mapping[int, int]) -> None:
        """Read on from other positions; see ``TopicReader``."""
        for partition, offset in positions.items():
            self._positions.rewind(partition, offset)
        self._assign()

    def commit(self, positions: Mapping[int, int]) -> None:
        """Keep positions as those of the group; see ``TopicReader``."""
        if not self._group or not positions:
            return
        ends = [TopicPartition(self.topic, partition, offset) for partition, offset in positions.items()]
        if self._committing:
            self._committing.join(_COMMIT_SECONDS)
        failures: list[BaseException] = []
        if self._committing is None or not self._committing.is_alive():
            self._committing = start_call(lambda: self._commit(ends), failures)
            self._committing.join(_COMMIT_SECONDS)
        if self._committing.is_alive():
            self._reach.note(False)
            raise StoreError(
                f"Kafka at {self._place} must keep the positions of the group {self._group}; it is silent."
            )
        self._committing = None
        if failures:
            error = kafka_errors.error_of(failures[0])
            raise kafka_errors.permanent([error], self._place) or StoreError(
                f"Kafka at {self._place} must keep the positions of the group {self._group}; "
                f"{kafka_errors.describe(error)}."
            )

    @property
    def positions(self) -> dict[int, int]:
        """The offset after the last one that was read, by partition; see ``TopicReader``."""
        return self._positions.offsets

    @property
    def at_end(self) -> bool:
        """Whether all that was committed when the reader was opened has been read; see ``TopicReader``."""
        return self._positions.at_end

    @property
    def lost_offsets(self) -> int:
        """Offsets that were deleted before they were read; see ``TopicReader``."""
        return self._positions.lost_offsets

    @property
    def reachable(self) -> bool:
        """Whether the broker answers; see ``TopicReader``."""
        return self._reach.reachable

    def close(self) -> None:
        """End the connection."""
        start_call(self._consumer.close, []).join(_COMMIT_SECONDS)

    def _commit(self, ends: list[TopicPartition]) -> None:
        """Commit, however long that takes: while the broker is gone, 45 s or more.

        Not by the client's ``alter_consumer_group_offsets``, which takes a timeout and ends the process by a failed
        assertion when the broker goes (seen with librdkafka 2.16.0; its issue 4605).
        """
        for one in self._consumer.commit(offsets=ends, asynchronous=False) or ():
            if one.error is not None:
                raise KafkaException(one.error)

    def _begin(self, partitions: Iterable[int], start: ReadFrom, last: int, *, is_last_try: bool) -> bool:
        """Begin partitions; return whether the broker has said where.

        Raises:
            StoreError: If it does not say by the last try, or will never do.
        """
        places = [TopicPartition(self.topic, partition) for partition in partitions]
        try:
            limits = {one.partition: self._read_limits(one.partition) for one in places}
            committed = dict.fromkeys(limits, -1)
            if self._group and start == "group":
                committed = self._read_committed(places)
        except KafkaException as raised:
            error = kafka_errors.error_of(raised)
            permanent = kafka_errors.permanent([error], self._place)
            if permanent:
                raise permanent from raised
            if is_last_try:
                raise StoreError(
                    f"Kafka at {self._place} must say where {self.topic} is to be read; {kafka_errors.describe(error)}."
                ) from raised
            _logger.info("Kafka at %s: %s.", self._place, kafka_errors.describe(error))
            return False
        self._positions.assign({partition: high for partition, (_, high) in limits.items()})
        for partition, (low, high) in limits.items():
            first = max(low, high - last) if start == "end" else low
            self._positions.rewind(partition, first if committed[partition] < 0 else committed[partition])
            if committed[partition] >= 0:
                self._go_on(partition, low, high)
        self._assign()
        return True

    def _read_limits(self, partition: int) -> tuple[int, int]:
        place = TopicPartition(self.topic, partition)
        low, high = self._consumer.get_watermark_offsets(place, timeout=_ANSWER_SECONDS)
        return int(low), int(high)

    def _read_committed(self, places: list[TopicPartition]) -> dict[int, int]:
        found = self._consumer.committed(places, timeout=_ANSWER_SECONDS)
        for one in found:
            if one.error is not None:
                raise KafkaException(one.error)
        return {one.partition: int(one.offset) for one in found}

    def _go_on(self, partition: int, low: int, high: int) -> None:
        """Go on where the partition's next event is, and count those that were deleted before."""
        wanted = self._positions.offsets[partition]
        offset = choose_offset(wanted, low, high)
        if offset != wanted:
            lost = max(low - wanted, 0)
            self._positions.lost_offsets += lost
            self._positions.rewind(partition, offset)
            _logger.warning(
                "partition %d of %s has offsets %d to %d, and %d was to be read: it goes on at %d; %d are lost.",
                partition, self.topic, low, high, wanted, offset, lost,
            )  # fmt: skip

    def _assign(self) -> None:
        """Read on at the positions; what the client has fetched from others is dropped."""
        offsets = self._positions.offsets
        self._consumer.assign([TopicPartition(self.topic, partition, offset) for partition, offset in offsets.items()])

    def _place_partitions(self) -> None:
        """Go on with partitions whose next event was deleted; what fails is tried again by the next poll."""
        for partition in sorted(self._batches.unplaced):
            try:
                low, high = self._read_limits(partition)
            except KafkaException as error:
                _logger.info("partition %d does not go on yet: %s", partition, error)
                continue
            self._batches.unplaced.discard(partition)
            self._go_on(partition, low, high)
            self._assign()

    def _look_for_partitions(self) -> None:
        """Begin, from time to time, partitions that the topic has got."""
        if time.monotonic() < self._looked + _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        try:
            listed = self._consumer.list_topics(self.topic, timeout=_ANSWER_SECONDS).topics[self.topic]
        except KafkaException as error:
            _logger.info("partitions of %s cannot be looked up now: %s", self.topic, error)
            return
        new = set(listed.partitions) - (self._positions.assigned or frozenset())
        if new:
            self._begin(sorted(new), "group", 0, is_last_try=False)
