"""The port of writers on Apache Kafka."""

from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # the public name is not marked as exported

from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.errors import InputError, StoreError
from headrace.streams.broker import OutgoingRecord
from headrace.streams.kafka import kafka_errors
from headrace.streams.kafka.client_settings import read_common

_SECONDS = 15.0


class KafkaWriter:
    """A producer's connection to brokers; see ``TopicWriter``."""

    def __init__(self, servers: str, settings: KafkaSettings) -> None:
        """Initialize.

        Args:
            servers: Hosts and ports of brokers, with commas between them.
            settings: Login and certificates.

        Raises:
            InputError: If a setting cannot be used.
        """
        self._place = servers
        common = read_common(servers, settings)
        self._common = {name: value for name, value in common.items() if name != "allow.auto.create.topics"}
        try:
            self._producer = Producer({**self._common, "enable.idempotence": True, "linger.ms": 5})
        except KafkaException as error:
            reason = kafka_errors.describe(kafka_errors.error_of(error))
            raise InputError(f"the settings of Kafka's client must be ones that it knows; {reason}.") from error

    def create(self, topics: Sequence[str], *, partitions: int) -> None:
        """Create topics; see ``TopicWriter``."""
        admin = AdminClient(self._common)
        # Without a number of replicas the broker takes its own.
        wanted = [NewTopic(topic, num_partitions=partitions) for topic in topics]
        for topic, future in admin.create_topics(wanted, request_timeout=_SECONDS).items():
            try:
                future.result(_SECONDS)
            except (KafkaException, TimeoutError) as error:
                if kafka_errors.error_of(error).code() == KafkaError.TOPIC_ALREADY_EXISTS:
                    raise InputError(
                        f"a new topic must have a new name; {topic} is on {self._place} already."
                    ) from error
                self._refuse(f"create the topic {topic}, which takes the right to create topics", error)

    def write(self, records: Sequence[OutgoingRecord]) -> None:
        """Append records; see ``TopicWriter``."""
        failed: list[KafkaError] = []

        def listen(error: KafkaError | None, _: Any) -> None:
            if error is not None:
                failed.append(error)

        for record in records:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                record.partition,
                on_delivery=listen,
                timestamp=record.timestamp,
                headers=list(record.headers or ()),
            )
        left = self._producer.flush(_SECONDS)
        if failed or left:
            self._refuse("store what is written", KafkaException(failed[0]) if failed else TimeoutError())

    def _refuse(self, what: str, error: BaseException) -> None:
        found = kafka_errors.error_of(error)
        reason = "no answer in time" if isinstance(error, TimeoutError) else kafka_errors.describe(found)
        raise StoreError(f"Kafka at {self._place} must {what}; {reason}.") from error
