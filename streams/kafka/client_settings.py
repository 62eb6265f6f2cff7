"""Settings of Kafka's clients: what the suite sets, what the environment adds, and what nobody may change."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.errors import InputError, quote

TRANSACTION_SECONDS = 10.0
_SESSION_SECONDS = 10.0
_QUEUED_KILOBYTES = 32 << 10
# Exactly once rests on them, or the command sets them.
_FIXED = frozenset(
    {
        "auto.offset.reset",
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "enable.partition.eof",
        "group.id",
        "group.instance.id",
        "isolation.level",
        "metadata.broker.list",
        "transactional.id",
    }
)


def read_common(servers: str, settings: KafkaSettings) -> dict[str, Any]:
    """Return the settings of all clients.

    Args:
        servers: Hosts and ports of brokers, with commas between them.
        settings: Login and certificates, from the environment.

    Raises:
        InputError: If the file of settings cannot be read, or sets what may not be changed.
    """
    named = {
        "security.protocol": settings.security_protocol,
        "sasl.mechanism": settings.sasl_mechanism,
        "sasl.username": settings.user,
        "sasl.password": settings.password,
        "ssl.ca.location": settings.ca_file,
    }
    given = {name: value for name, value in named.items() if value}
    if settings.user and "sasl.mechanism" not in given:
        given["sasl.mechanism"] = "PLAIN"
    if settings.user and "security.protocol" not in given:
        given["security.protocol"] = "SASL_SSL"
    extra = _read_file(Path(settings.file)) if settings.file else {}
    return {
        "client.id": "headrace",
        "log_level": 2,
        "allow.auto.create.topics": False,
        **extra,
        **given,
        "bootstrap.servers": servers,
    }


def consumer_settings(common: Mapping[str, Any], *, group: str, instance: str) -> dict[str, Any]:
    """Return the settings of the consumer.

    Args:
        common: As ``read_common`` returns them.
        group: Name of the group.
        instance: Name of this worker, which keeps its partitions across a restart; empty for none.
    """
    fixed: dict[str, Any] = {
        "group.id": group,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        # What to do about offsets that are not there is decided, and counted, by the adapter.
        "auto.offset.reset": "error",
    }
    if instance:
        fixed["group.instance.id"] = instance
    defaults = {
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": int(_SESSION_SECONDS * 1000),
        "statistics.interval.ms": 1000,
        "topic.metadata.refresh.interval.ms": 10_000,
        "queued.max.messages.kbytes": _QUEUED_KILOBYTES,
        "fetch.error.backoff.ms": 100,
    }
    return {**defaults, **common, **fixed}


def producer_settings(common: Mapping[str, Any], *, transactional_id: str) -> dict[str, Any]:
    """Return the settings of the transactional producer.

    Args:
        common: As ``read_common`` returns them.
        transactional_id: By which the broker knows the producer's predecessor, and ends its open transaction.
    """
    defaults = {
        "transaction.timeout.ms": int(TRANSACTION_SECONDS * 1000),
        "message.max.bytes": 1_000_000_000,
        "queue.buffering.max.messages": 200_000,
        "linger.ms": 5,
    }
    shared = {name: value for name, value in common.items() if name != "allow.auto.create.topics"}
    return {**defaults, **shared, "transactional.id": transactional_id}


def _read_file(path: Path) -> dict[str, str]:
    """Return the settings in a file of lines ``name=value``."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"HEADRACE_KAFKA_SETTINGS_FILE must be a file of lines name=value; {path}: {error}."
        ) from error
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:  # the line may hold a secret
            raise InputError(f"line {number} of {path} must be name=value, in librdkafka's names.")
        if name.strip() in _FIXED:
            raise InputError(
                f"{path} must not set {quote(name.strip())}, which the command sets; delete line {number}."
            )
        found[name.strip()] = value.strip()
    return found
