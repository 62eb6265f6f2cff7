"""What the registry is told of a rollout: that it was, on which numbers, how it ended and why."""

import hashlib
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import MissingError, StoreError
from headrace.registry.backends.locations import registry_place
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.events import LONGEST_REASON
from headrace.rollouts.record.record import RolloutRecord, RolloutStep

_MOST_STEPS = 20
_LONGEST_STEP = 160


def decision(record: RolloutRecord) -> dict[str, Any]:
    """What the registry remembers of a rollout; the record itself is named by its digest.

    Args:
        record: A rollout that has ended.
    """
    return {
        "status": record.status,
        "endpoint": record.name,
        "to": record.to,
        "traffic": record.traffic,
        "stable": record.stable.digest,
        "began": record.began,
        "ended": record.ended,
        "record": hashlib.sha256(record.to_json().encode()).hexdigest(),
        "steps": [_step(step) for step in record.steps[-_MOST_STEPS:]],
    }


def tell(record: RolloutRecord) -> str:
    """Write a rollout into the history of the candidate's version.

    Args:
        record: A rollout that has ended.

    Returns:
        A clause that says where, or why nowhere; the rollout is over either way.
    """
    place = registry_place()
    if place.path and not place.path.exists() and not settings.registry():
        return "in no registry, for there is none here"
    reason = " ".join(record.reasons)[:LONGEST_REASON]
    try:
        version = open_registry().rolled_out(
            record.candidate.digest, facts=decision(record), by=settings.actor(), reason=reason
        )
    except (MissingError, StoreError) as error:
        return f"not in the registry: {error}"
    return f"in the history of {version.model} {version.version} in {place}"


def _step(step: RolloutStep) -> dict[str, Any]:
    """Return a step in a few numbers and its reason."""
    return {
        "percent": step.percent,
        "requests": int(step.candidate.counts().requests),
        "decision": step.decision,
        "reason": step.reason[:_LONGEST_STEP],
    }
