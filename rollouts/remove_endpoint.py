"""Remove an endpoint with everything that the suite created for it."""

from collections.abc import Callable
from dataclasses import dataclass

from headrace.cluster.api.client import Document
from headrace.cluster.api.field_ownership import is_managed
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
    """The objects of a removed endpoint.

    Attributes:
        name: Name of the endpoint.
        namespace: Its namespace.
        deleted: Deleted objects, by kind and name.
        commands: A command for each object that may still exist, because this account may not read or delete it.
    """

    name: str
    namespace: str
    deleted: tuple[str, ...]
    commands: tuple[str, ...]


def remove(deployer: KServeDeployer, name: str) -> RemovedEndpoint:
    """Delete an endpoint, the graph before it with its route, a candidate beside it, its record and its claim.

    Objects that the suite did not create stay.

    Args:
        deployer: The deployer for the endpoint's cluster.
        name: Name of the endpoint.

    Raises:
        InputError: If a rollout of it is watched by its process.
        ClusterError: If the endpoint itself cannot be deleted.
    """
    stored = _record(deployer, name)
    if stored and stored.watched:
        raise InputError(
            f"a rollout of {name} is under way: end it with headrace rollout {name} --abort, or wait for its end."
        )
    deleted, commands = [], []

    def try_(kind: ObjectKind, object_name: str, ours: Callable[[Document], bool]) -> None:
        command = f"kubectl -n {deployer.cluster.namespace} delete {kind.plural} {object_name}"
        try:
            document = deployer.cluster.get(kind, object_name)
            if document is not None and ours(document) and deployer.cluster.delete(kind, object_name):
                deleted.append(f"{kind.kind} {object_name}")
        except ClusterError as error:
            if error.reason == "forbidden":
                commands.append(command)
            elif error.reason != "unserved":
                raise

    candidate = stored.record.candidate.uri if stored else ""
    try_(INFERENCE_GRAPHS, graph_of(name), is_managed)
    try_(
        INFERENCE_SERVICES,
        beside(name),
        lambda service: is_managed(service) and bool(candidate) and kserve_status.source(service) == candidate,
    )
    existed = deployer.cluster.get(INFERENCE_SERVICES, name) is not None
    deployer.undeploy(Endpoint(url="", name=name, digest="", platform="kserve", namespace=deployer.cluster.namespace))
    if existed:
        deleted.insert(0, f"{INFERENCE_SERVICES.kind} {name}")
    try_(CONFIG_MAPS, name_of(name), is_managed)
    try_(LEASES, LeaseSubject(INFERENCE_SERVICES.kind, name).lease, _is_unwatched)
    return RemovedEndpoint(name, deployer.cluster.namespace, tuple(deleted), tuple(commands))


def _is_unwatched(lease: Document) -> bool:
    """Return whether a claim is orphaned: its subject is gone, and no process renews it."""
    try:
        return not read(lease).watched
    except DataError:
        return False


def _record(deployer: KServeDeployer, name: str) -> StoredRollout | None:
    """Return the record of the endpoint's last rollout; None if there is none or it cannot be read."""
    try:
        return ConfigMapRecordStore(deployer.cluster, name).load()
    except DataError:
        return None
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return None
