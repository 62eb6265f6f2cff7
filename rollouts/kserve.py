"""A rollout on KServe: its parts, found by asking the cluster what it can do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.cluster.api import kserve_config
from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.transport import ApiRequest
from headrace.core.base.errors import InputError
from headrace.rollouts.controller.start import RolloutParts
from headrace.rollouts.record.config_map_store import ConfigMapRecordStore
from headrace.rollouts.record.counter_totals import CounterSource
from headrace.rollouts.traffic import pod_metrics
from headrace.rollouts.traffic.base import Traffic, VersionPair
from headrace.rollouts.traffic.canary import CanaryTraffic
from headrace.rollouts.traffic.inference_graph import InferenceGraphTraffic, beside
from headrace.rollouts.traffic.inference_service import RolloutEndpoint
from headrace.rollouts.traffic.knative import KnativeTraffic
from headrace.rollouts.traffic.prometheus import OutcomeQueries, PrometheusCounters
from headrace.rollouts.traffic.server_metrics import ServerCounters
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.factory import choose
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_spec import KNATIVE, MODE, STANDARD
from headrace.serving.deployment.recovery import find_unfinished
from headrace.serving.deployment.target import DeploymentTarget

_WAYS: dict[str, Callable[[RolloutEndpoint], Traffic]] = {
    "canary": CanaryTraffic,
    "knative": KnativeTraffic,
    "graph": InferenceGraphTraffic,
}


@dataclass(frozen=True)
class KServeRollout:
    """What is rolled out on KServe, and what tells how it goes.

    Attributes:
        name: Name of the endpoint.
        candidate: Store URI of the bundle that is to take over; empty for that of the rollout under way.
        traffic: ``canary``, ``knative`` or ``graph``; empty to ask the cluster.
        target: Where the endpoint is, and how a new version's pods are deployed.
        prometheus: Address of Prometheus; empty to ask the pods themselves, which takes being inside of the cluster.
        selector: Further label matchers for Prometheus.
        known: Query of how many predictions' truth is known, by digest; empty for none.
        wrong: Query of how many of them were wrong, by digest.
    """

    name: str
    candidate: str = ""
    traffic: str = ""
    target: DeploymentTarget = field(default_factory=lambda: DeploymentTarget("kserve"))
    prometheus: str = ""
    selector: str = ""
    known: str = ""
    wrong: str = ""

    def __post_init__(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            InputError: If something does.
        """
        if self.traffic not in {"", *_WAYS}:
            raise InputError(f"--traffic must be {', '.join(_WAYS)} or empty; got {self.traffic!r} instead.")
        if bool(self.known) != bool(self.wrong) or (self.known and not self.prometheus):
            raise InputError("outcomes must be asked of --prometheus by both queries, --known and --wrong.")


def parts_there(there: KServeRollout, *, say: Callable[[str], None]) -> RolloutParts:
    """What a rollout on KServe is made of.

    Args:
        there: What is rolled out.
        say: Told in a few words what is waited for.

    Raises:
        InputError: If the endpoint is not there, or what is wanted cannot be.
        ClusterError: If the cluster cannot be asked.
    """
    deployer = choose(there.target, log=Path(), say=say)
    if not isinstance(deployer, KServeDeployer):
        raise InputError(f"a rollout of an endpoint by its name must go to kserve; got {there.target.to}.")
    return make_parts(there, deployer)


def make_parts(there: KServeRollout, deployer: KServeDeployer) -> RolloutParts:
    """Return the same, by a deployer that is there."""
    cluster, memory = deployer.cluster, ConfigMapRecordStore(deployer.cluster, there.name)
    kept = memory.load()
    under_way = kept.record if kept and kept.record.open else None
    endpoint = RolloutEndpoint(
        deployer,
        there.name,
        candidate=there.candidate or (under_way.candidate.uri if under_way else ""),
        stable=under_way.stable.uri if under_way else "",
    )
    if under_way is None and find_unfinished(cluster, endpoint.get()):
        raise InputError(
            f"the deployment of {there.name} must be finished before a rollout begins; its version is not verified "
            "yet: wait for its end, or run headrace cluster tidy if nobody watches it any more."
        )
    kind = there.traffic or (under_way.traffic if under_way else choose_traffic(cluster, endpoint.get()))

    def source(pair: VersionPair) -> CounterSource:
        if not there.prometheus:
            return ServerCounters(lambda: pod_metrics.of_services(cluster, there.name, beside(there.name)))
        digests = (pair.stable.digest, pair.candidate.digest)
        outcome = OutcomeQueries(there.known, there.wrong) if there.known else None
        # A graph's second InferenceService serves under a name of its own.
        names = (there.name, beside(there.name)) if kind == "graph" else (there.name,)
        return PrometheusCounters(there.prometheus, names, digests, there.selector, outcome)

    return RolloutParts(there.name, "kserve", cluster.namespace, _WAYS[kind](endpoint), source, memory)


def choose_traffic(cluster: Cluster, service: Document) -> str:
    """Return how an InferenceService's requests are divided: what its mode, the installed kind and the gateway can do.

    Args:
        cluster: Whom to ask.
        service: The InferenceService.

    Returns:
        ``knative``; or in Standard mode ``canary`` where the object's annotation says Standard, the kind has it, and
        KServe's configuration says that the Gateway API is used, for without it a canary gets no request; else, or
        where that may not be read, ``graph``.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    if kserve_status.mode(service) == KNATIVE:
        return "knative"
    said = (service["metadata"].get("annotations") or {}).get(MODE) == STANDARD  # KServe wants the very word
    return "canary" if said and has_canary(cluster) and uses_gateway_api(cluster) else "graph"


def has_canary(cluster: Cluster) -> bool:
    """Return whether the installed InferenceService has ``spec.canary``, by the schema that every account may read."""
    path = f"/openapi/v3/apis/{INFERENCE_SERVICES.api_version}"
    said = cluster.transport.json(ApiRequest("GET", path, "read the schema of InferenceServices"))
    schemas: Mapping[str, Any] = (said.get("components") or {}).get("schemas") or {}
    return any(
        kind.get("kind") == INFERENCE_SERVICES.kind and "canary" in _properties(schema)
        for schema in schemas.values()
        for kind in schema.get("x-kubernetes-group-version-kind") or []
    )


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = (schema.get("properties") or {}).get("spec") or {}
    found: Mapping[str, Any] = spec.get("properties") or {}
    return found


def uses_gateway_api(cluster: Cluster) -> bool:
    """Return whether KServe makes routes of the Gateway API; no if that may not be read."""
    config = kserve_config.read(cluster)
    return config is not None and config.gateway_api
