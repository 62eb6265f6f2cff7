"""Record a rollout in the registry: its numbers, its end and the reason."""

import hashlib
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.registry.backends.locations import registry_location
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.models.events import shorten_reason
from headrace.rollouts.record.record import RolloutRecord, RolloutStep

_MOST_STEPS = 20
_LONGEST_STEP = 160


def decision(record: RolloutRecord) -> dict[str, Any]:
    """Return the registry's summary of a rollout, with the digest of the full record.

    Args:
        record: A rollout that has ended.
    """
    return {
        "status": record.status,
        "endpoint": record.name,
        "platform": record.platform,
        "traffic": record.traffic,
        "stable": record.stable.digest,
        "began": record.began,
        "ended": record.ended,
        "record": hashlib.sha256(record.to_json().encode()).hexdigest(),
        "steps": [_step(step) for step in record.steps[-_MOST_STEPS:]],
    }


def record_in_registry(record: RolloutRecord, registry: str = "") -> str:
    """Record a rollout in the history of the candidate's version.

    Args:
        record: A rollout that has ended.
        registry: Address of the registry; empty for the default one.

    Returns:
        A clause that says where, or why nowhere; a failure does not change the rollout.
    """
    location = registry_location(registry)
    if location.path and not location.path.exists() and not (registry or settings.registry()):
        return "in no registry, because there is none here"
    reason = shorten_reason(" ".join(record.reasons))
    try:
        version = open_registry(registry).rolled_out(
            record.candidate.digest, facts=decision(record), by=settings.actor(), reason=reason
        )
    except (MissingError, StoreError) as error:
        return f"not in the registry: {error}"
    return f"in the history of {version.model} {version.version} in {location}"


def enter_production(name: str, digest: str, registry: str, *, replaced: str = "") -> tuple[str, str]:
    """Put a version that a rollout has promoted into the stage ``production`` of a registry.

    Args:
        name: Name of the model.
        digest: Digest of the version's bundle; empty if it has none.
        registry: Address of the registry; empty if none knows the version.
        replaced: Digest of the version that it has replaced at an endpoint: if another one is in production, that
            endpoint is not production's, and the stage stays what it was. Empty for a trial on this machine.

    Returns:
        The version that is in production, or an empty text, and a sentence that says what has become of the stage; a
        failure does not change the rollout.
    """
    stage = f"{name}@production"
    if not digest or not registry:
        return "", f"No registry knows the new version, so that {stage} stays what it was."
    models = open_registry(registry)
    reason = "A rollout at its endpoint has promoted it." if replaced else "A rollout on this machine has promoted it."
    try:
        current = models.model(name).stage("production")
        if replaced and current and current.digest not in {replaced, digest}:
            return "", f"{stage} in {models.place} stays {current.version}, for the endpoint served another version."
        version = models.promote(name, digest, stage="production", by=settings.actor(), reason=reason)
    except (InputError, MissingError, StoreError) as error:
        return "", f"{stage} in {models.place} stays what it was: {error}"
    return str(version.version), f"{stage} in {models.place} is {version.version} now."


def _step(step: RolloutStep) -> dict[str, Any]:
    """Return the summary of a step."""
    return {
        "percent": step.percent,
        "requests": int(step.candidate.counts().requests),
        "decision": step.decision,
        "reason": step.reason[:_LONGEST_STEP],
    }
