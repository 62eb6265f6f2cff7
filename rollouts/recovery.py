"""Recover a rollout whose process was killed, which its record shows by the last heartbeat."""

from collections.abc import Callable
from dataclasses import dataclass

from headrace.cluster.api.client import Cluster
from headrace.core.base import settings
from headrace.core.base.errors import DataError, InputError
from headrace.rollouts.controller import start
from headrace.rollouts.controller.controller import RolloutController
from headrace.rollouts.kserve import KServeRollout, make_parts
from headrace.rollouts.record.config_map_store import ConfigMapRecordStore, name_of
from headrace.rollouts.record.record_store import FRESH_SECONDS, taken_over
from headrace.rollouts.record.registry_note import record_in_registry
from headrace.rollouts.traffic.base import VersionPair
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.target import DeploymentTarget

# Longer than users have to wait before they may resume by hand, so that they come first.
SILENT_SECONDS = 2.5 * FRESH_SECONDS


@dataclass(frozen=True)
class StaleRollout:
    """A rollout under way whose process died.

    Attributes:
        endpoint: Name of its endpoint.
        seconds: Time since the last heartbeat.
        decided: Whether a decision remains to be carried out.
    """

    endpoint: str
    seconds: float
    decided: bool


def find_stale(cluster: Cluster, endpoint: str, *, seconds: float = SILENT_SECONDS) -> StaleRollout | None:
    """Return an endpoint's rollout if its process died; None if it has ended, is held or is watched.

    Args:
        cluster: The cluster and the namespace.
        endpoint: Name of the InferenceService.
        seconds: Longest time without a heartbeat.

    Raises:
        DataError: If its record cannot be read, or was written in the future.
        ClusterError: If the cluster cannot be read.
    """
    stored = ConfigMapRecordStore(cluster, endpoint).load()
    if stored is None or not stored.record.running or 0 <= stored.silent_seconds <= seconds:
        return None
    if stored.silent_seconds < -seconds:
        raise DataError(
            f"the ConfigMap {name_of(endpoint)} must have been renewed in the past; it says that it will be in "
            f"{-stored.silent_seconds:.0f} s: set the clocks right, or end the rollout with headrace rollout "
            f"{endpoint} --abort."
        )
    return (
        StaleRollout(endpoint, stored.silent_seconds, stored.record.decided)
        if stored.silent_seconds > seconds
        else None
    )


def recover(
    cluster: Cluster, endpoint: str, *, seconds: float = SILENT_SECONDS, say: Callable[[str], None] = lambda _: None
) -> str:
    """Hold a rollout, or carry out its decision if there is one.

    Args:
        cluster: The cluster and the namespace.
        endpoint: Name of the InferenceService.
        seconds: Longest time without a heartbeat.
        say: Called with a few words about progress.

    Returns:
        The resulting state, as a clause.

    Raises:
        TakenOverError: If another process took the rollout over.
        InputError: If the endpoint must be reached, and cannot be from here.
        ClusterError: If the requests cannot be divided.
    """
    if find_stale(cluster, endpoint, seconds=seconds) is None:
        raise taken_over(endpoint)
    deployer = KServeDeployer(cluster, None, DeploymentTarget("kserve", gateway=settings.gateway()), say=say)
    parts = make_parts(KServeRollout(endpoint), deployer)
    record = start.require_open(parts).record
    if record.decided:
        if cluster.context and not settings.gateway():
            raise InputError(
                f"the decision on the rollout of {endpoint} must be verified at the endpoint itself; from outside "
                "the cluster, name its gateway in HEADRACE_GATEWAY, or leave it to the CronJob headrace-cleanup."
            )
        ended = start.resume(parts, say=say)
        return (
            f"was brought to its end: {ended.status.replace('_', ' ')}; the decision stands {record_in_registry(ended)}"
        )
    source = parts.source(VersionPair(record.stable, record.candidate))
    RolloutController(parts.traffic, source, parts.store, say=say).hold(record)
    return f"is held: {record.stable.digest[:12]} answers alone until headrace rollout {endpoint} --resume, or --abort"
