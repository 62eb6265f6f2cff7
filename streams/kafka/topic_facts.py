"""What is known of topics before a worker starts: that they exist, their partitions, and how large records may be."""

import functools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # the public name is not marked as exported
from confluent_kafka.admin._resource import ResourceType  # as above

from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.streams.kafka.client_calls import call_interruptibly
from headrace.streams.kafka.kafka_errors import describe

_logger = logging.getLogger(__name__)
# Kafka's default of max.message.bytes, for a user who may not read the topic's.
DEFAULT_BYTES = 1_048_588
_FIRST_TRY_SECONDS, _LONGEST_TRY_SECONDS = 1.0, 8.0
_CONFIG_SECONDS = 10.0


@dataclass(frozen=True)
class TopicFacts:
    """Facts about topics by name.

    Attributes:
        partitions: Numbers of partitions.
        largest: Most bytes of a record.
    """

    partitions: dict[str, int]
    largest: dict[str, int]


def read_topics(common: Mapping[str, Any], topics: Sequence[str], *, place: str, seconds: float) -> TopicFacts:
    """Return facts about topics, once a broker answers.

    Args:
        common: Settings of clients.
        topics: Names of the topics.
        place: The brokers, for messages.
        seconds: How long to wait for an answer.

    Raises:
        InputError: If a setting is unknown to the client.
        MissingError: If a topic does not exist, or this user may not see it.
        StoreError: If no broker answers, or the login is refused.
    """
    reported: list[KafkaError] = []
    admin = _connect_admin({**common, "error_cb": reported.append})
    deadline, patience = time.monotonic() + seconds, _FIRST_TRY_SECONDS
    while True:
        try:
            # All topics: a request for one that does not exist may create it.
            listed = call_interruptibly(functools.partial(admin.list_topics, timeout=patience)).topics
            break
        except KafkaException as error:
            admin.poll(0)
            patience = min(2 * patience, _LONGEST_TRY_SECONDS)
            refusal = find_refusal(reported, place)
            if refusal is not None:
                raise refusal from error
            if time.monotonic() > deadline:
                errors = [one for one in reported if one.code() != KafkaError._ALL_BROKERS_DOWN]
                found = errors[-1] if errors else error.args[0]
                raise StoreError(
                    f"a broker must answer at {place} within {seconds:g} s; none does ({describe(found)}): "
                    "look at the address, and whether it wants a login (HEADRACE_KAFKA_USER) or TLS "
                    "(HEADRACE_KAFKA_SECURITY_PROTOCOL)."
                ) from error
    for topic in topics:
        if topic not in listed or listed[topic].error is not None:
            raise MissingError(
                f"the topic {quote(topic)} must exist at {place}, and this user must have the right to see it: "
                f"kafka-topics --create --topic {topic} --bootstrap-server {place}"
            )
    partitions = {topic: len(listed[topic].partitions) for topic in topics}
    return TopicFacts(partitions, {topic: _read_largest(admin, topic) for topic in topics})


def _connect_admin(common: Mapping[str, Any]) -> AdminClient:
    """Return a client that asks about topics and groups.

    Args:
        common: Settings of clients.

    Raises:
        InputError: If a setting is unknown to the client.
    """
    try:
        return AdminClient({name: value for name, value in common.items() if name != "allow.auto.create.topics"})
    except KafkaException as error:
        raise InputError(f"settings of Kafka must be those of librdkafka; {describe(error.args[0])}.") from error


def find_refusal(reported: Sequence[KafkaError], place: str) -> StoreError | None:
    """Return the error of a login or a certificate that was refused, if that is among what the client has reported.

    Args:
        reported: What the client has reported.
        place: The brokers, for messages.
    """
    for error in reported:
        if error.code() == KafkaError._AUTHENTICATION:
            return StoreError(
                f"Kafka at {place} must accept the login; {describe(error)}: look at HEADRACE_KAFKA_USER, "
                "HEADRACE_KAFKA_PASSWORD, HEADRACE_KAFKA_SASL_MECHANISM and HEADRACE_KAFKA_SECURITY_PROTOCOL."
            )
        if error.code() == KafkaError._SSL:
            return StoreError(
                f"Kafka at {place} must show a certificate of a trusted authority, for its host name, which has not "
                f"expired; {describe(error)}: look at HEADRACE_KAFKA_CA_FILE, and at the broker's certificate."
            )
        # What a broker says to a client's certificate comes after the handshake of TLS 1.3, as a lost connection.
        if "SSL alert number" in str(error.str()):
            return StoreError(
                f"Kafka at {place} must accept the certificate of this client; {describe(error)}: look at "
                "ssl.certificate.location and ssl.key.location in the file that HEADRACE_KAFKA_SETTINGS_FILE names."
            )
    return None


def _read_largest(admin: AdminClient, topic: str) -> int:
    (future,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]).values()
    try:
        return int(future.result(_CONFIG_SECONDS)["max.message.bytes"].value)
    except (KafkaException, KeyError, TypeError, ValueError, TimeoutError) as error:
        _logger.warning(
            "how large a record of %s may be is not known (%s: %s); %d bytes are taken for it, which is the default.",
            topic, type(error).__name__, error, DEFAULT_BYTES,
        )  # fmt: skip
        return DEFAULT_BYTES
