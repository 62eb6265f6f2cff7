"""Errors of Kafka's clients as errors of the suite: what passes, what aborts a transaction, and what ends a worker."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException

from headrace.core.base.errors import StoreError

# What no repetition changes, with the remedy.
_REMEDIES = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "give this user the right to write the topics of answers and dead letters, "
    "and to read that of the events",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "give this user the right to read as this group",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "give this user the right to write with the transactional id "
    "headrace-GROUP-INSTANCE",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "give this user the right to write idempotently",
    KafkaError.UNKNOWN_TOPIC_OR_PART: "create the topic again",
    KafkaError._UNKNOWN_TOPIC: "create the topic again",
    KafkaError._UNKNOWN_PARTITION: "give the topic of answers as many partitions as that of the events",
    KafkaError.INVALID_RECORD: "a compacted topic takes no record without a key: send events with keys, or do "
    "not compact it",
    KafkaError.INVALID_TIMESTAMP: "raise message.timestamp.before.max.ms of the topic, or set its "
    "message.timestamp.type to LogAppendTime",
    KafkaError.MSG_SIZE_TOO_LARGE: "raise max.message.bytes of the topic",
    KafkaError.POLICY_VIOLATION: "ask who runs the broker for its policy",
    KafkaError.UNSUPPORTED_VERSION: "use a broker with transactions of KIP-447, which Kafka has since 2.5",
}
FENCED = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
FENCED_INSTANCE = KafkaError.FENCED_INSTANCE_ID


def describe(error: KafkaError) -> str:
    """Return what the client says, on one line and without its full stop."""
    return f"{error.name()}: {' '.join(str(error.str()).split())}".rstrip(".")


def error_of(raised: BaseException) -> KafkaError:
    """Return the error that an exception of the client carries."""
    found = raised.args[0] if isinstance(raised, KafkaException) and raised.args else None
    return found if isinstance(found, KafkaError) else KafkaError(KafkaError._FAIL, str(raised))


def is_fenced(error: KafkaError) -> bool:
    """Check whether another producer has the name of this one, or the broker gave its transaction up."""
    return error.code() in FENCED or error.fatal()


def permanent(errors: Iterable[KafkaError], place: str) -> StoreError | None:
    """Return the error that ends a worker, if one of several will not pass by itself; else None.

    Args:
        errors: Errors of one transaction.
        place: The brokers.
    """
    for error in errors:
        remedy = _REMEDIES.get(error.code())
        if remedy:
            return StoreError(
                f"Kafka at {place} must accept what a stream reads and writes; {describe(error)}: {remedy}."
            )
    return None
