"""What becomes of a rollout whose process was killed; its record says who watched it, and when."""

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
from headrace.rollouts.record.registry_note import tell
from headrace.rollouts.traffic.base import VersionPair
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.target import DeploymentTarget

# Several times as long as who wants to go on with it by hand has to wait.
SILENT_SECONDS = 2.5 * FRESH_SECONDS


@dataclass(frozen=True)
class StaleRollout:
    """A rollout that is under way and that nobody watches.

    Attributes:
        endpoint: Name of its endpoint.
        seconds: Time since it was watched.
        decided: Whether it is only left to be brought to its end.
    """

    endpoint: str
    seconds: float
    decided: bool


def silent(cluster: Cluster, endpoint: str, *, seconds: float = SILENT_SECONDS) -> StaleRollout | None:
    """Return whether nobody watches an endpoint's rollout any more; None if it has ended, is held, or is watched.

    Args:
        cluster: Where it is.
        endpoint: Name of the InferenceService.
        seconds: How long its process may say nothing.

    Raises:
        DataError: If its record cannot be read, or was written in the future.
        ClusterError: If the cluster cannot be asked.
    """
    kept = ConfigMapRecordStore(cluster, endpoint).load()
    if kept is None or not kept.record.running or 0 <= kept.silent_seconds <= seconds:
        return None
    if kept.silent_seconds < -seconds:
        raise DataError(
            f"the ConfigMap {name_of(endpoint)} must have been renewed in the past; it says that it will be in "
            f"{-kept.silent_seconds:.0f} s: set the clocks right, or end the rollout with headrace rollout {endpoint} "
            "--abort."
        )
    return StaleRollout(endpoint, kept.silent_seconds, kept.record.decided) if kept.silent_seconds > seconds else None


def put_right(
    cluster: Cluster, endpoint: str, *, seconds: float = SILENT_SECONDS, say: Callable[[str], None] = lambda _: None
) -> str:
    """Let the stable version answer alone until somebody resumes; what was decided is brought to its end.

    Args:
        cluster: Where it is.
        endpoint: Name of the InferenceService.
        seconds: How long its process may say nothing.
        say: Told in a few words what happens.

    Returns:
        What is so now, as a clause.

    Raises:
        TakenOverError: If somebody goes on with it.
        InputError: If the endpoint must be asked, and there is no way to it from here.
        ClusterError: If the requests cannot be divided.
    """
    if silent(cluster, endpoint, seconds=seconds) is None:
        raise taken_over(endpoint)
    deployer = KServeDeployer(cluster, None, DeploymentTarget("kserve", via=settings.gateway()), say=say)
    parts = make_parts(KServeRollout(endpoint), deployer)
    record = start.require_known(parts).record
    if record.decided:
        if cluster.context and not settings.gateway():
            raise InputError(
                f"what was decided of the rollout of {endpoint} must be seen at the endpoint itself; from outside of "
                "the cluster, name its gateway in HEADRACE_GATEWAY, or leave it to the CronJob headrace-tidy."
            )
        ended = start.go_on(parts, say=say)
        return f"was brought to its end: {ended.status.replace('_', ' ')}; the decision stands {tell(ended)}"
    source = parts.source(VersionPair(record.stable, record.candidate))
    RolloutController(parts.traffic, source, parts.memory, say=say).hold(record)
    return f"is held: {record.stable.digest[:12]} answers alone until headrace rollout {endpoint} --resume, or --abort"
