"""Take an endpoint away with all that the suite made for it."""

from collections.abc import Callable
from dataclasses import dataclass

from headrace.cluster.api.client import Document
from headrace.cluster.api.field_ownership import made_here
from headrace.cluster.api.kinds import CONFIG_MAPS, INFERENCE_GRAPHS, INFERENCE_SERVICES, LEASES, ObjectKind
from headrace.cluster.api.lease_document import LeaseSubject, read
from headrace.core.base.errors import ClusterError, DataError, InputError
from headrace.rollouts.record.config_map_store import ConfigMapRecordStore, name_of
from headrace.rollouts.record.record_store import StoredRollout
from headrace.rollouts.traffic.inference_graph import beside, graph_of
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.local import Endpoint


@dataclass(frozen=True)
class RemovedEndpoint:
    """What became of an endpoint and of what was made for it.

    Attributes:
        gone: What was there and is deleted, by kind and name.
        left: What is or may be there still, because this account may not look at it or delete it: a command each.
    """

    gone: tuple[str, ...]
    left: tuple[str, ...]


def remove(deployer: KServeDeployer, name: str) -> RemovedEndpoint:
    """Delete an endpoint, the graph before it with its route, a candidate beside it, its record and its claim.

    What is not the suite's own is left alone.

    Args:
        deployer: The way to the cluster.
        name: Name of the endpoint.

    Raises:
        InputError: If a rollout of it is watched by its process.
        ClusterError: If the endpoint itself cannot be deleted.
    """
    kept = _record(deployer, name)
    if kept and kept.watched:
        raise InputError(
            f"a rollout of {name} is under way: end it with headrace rollout {name} --abort, or wait for its end."
        )
    gone, left = [], []

    def try_(kind: ObjectKind, what: str, ours: Callable[[Document], bool]) -> None:
        command = f"kubectl -n {deployer.cluster.namespace} delete {kind.plural} {what}"
        try:
            found = deployer.cluster.get(kind, what)
            if found is not None and ours(found) and deployer.cluster.delete(kind, what):
                gone.append(f"{kind.kind} {what}")
        except ClusterError as error:
            if error.reason == "forbidden":
                left.append(command)
            elif error.reason != "unserved":
                raise

    candidate = kept.record.candidate.uri if kept else ""
    try_(INFERENCE_GRAPHS, graph_of(name), made_here)
    try_(
        INFERENCE_SERVICES,
        beside(name),
        lambda one: made_here(one) and bool(candidate) and kserve_status.source(one) == candidate,
    )
    there = deployer.cluster.get(INFERENCE_SERVICES, name) is not None
    deployer.undeploy(Endpoint(url="", name=name, digest="", to="kserve", namespace=deployer.cluster.namespace))
    if there:
        gone.insert(0, f"{INFERENCE_SERVICES.kind} {name}")
    try_(CONFIG_MAPS, name_of(name), made_here)
    try_(LEASES, LeaseSubject(INFERENCE_SERVICES.kind, name).lease, _is_unwatched)
    return RemovedEndpoint(tuple(gone), tuple(left))


def _is_unwatched(lease: Document) -> bool:
    """Return whether a claim is left behind: what it was about is gone, and nobody watches it."""
    try:
        return not read(lease).watched
    except DataError:
        return False


def _record(deployer: KServeDeployer, name: str) -> StoredRollout | None:
    """Return the record of the endpoint's last rollout; None if there is none, or none that can be read."""
    try:
        return ConfigMapRecordStore(deployer.cluster, name).load()
    except DataError:
        return None
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return None
