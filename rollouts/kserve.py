"""The parts of a rollout on KServe, chosen by the capabilities of the cluster."""

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
from headrace.serving.deployment.factory import create_deployer
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_spec import KNATIVE, MODE, STANDARD
from headrace.serving.deployment.recovery import find_unfinished
from headrace.serving.deployment.target import DeploymentTarget
from headrace.stores.metrics.prometheus_api import PrometheusApi

_WAYS: dict[str, Callable[[RolloutEndpoint], Traffic]] = {
    "canary": CanaryTraffic,
    "knative": KnativeTraffic,
    "graph": InferenceGraphTraffic,
}


@dataclass(frozen=True)
class KServeRollout:
    """Options of a rollout on KServe.

    Attributes:
        name: Name of the endpoint.
        candidate: Store URI of the candidate's bundle; empty for that of the rollout under way.
        traffic: ``canary``, ``knative`` or ``graph``; empty to choose by the cluster's capabilities.
        target: Where the endpoint is, and how a new version's pods are deployed.
        prometheus: Address of Prometheus; empty to read the pods' metrics, which works only inside the cluster.
        selector: Further label matchers for Prometheus.
        labelled_query: Query of the number of predictions with known labels, by digest; empty for none.
        error_query: Query of the number of those that were wrong, by digest.
    """

    name: str
    candidate: str = ""
    traffic: str = ""
    target: DeploymentTarget = field(default_factory=lambda: DeploymentTarget("kserve"))
    prometheus: str = ""
    selector: str = ""
    labelled_query: str = ""
    error_query: str = ""

    def __post_init__(self) -> None:
        """Raise if options are invalid or contradict one another.

        Raises:
            InputError: If they do.
        """
        if self.traffic not in {"", *_WAYS}:
            raise InputError(f"--traffic must be {', '.join(_WAYS)} or empty; got {self.traffic!r} instead.")
        if bool(self.labelled_query) != bool(self.error_query) or (self.labelled_query and not self.prometheus):
            raise InputError(
                "outcomes must be read from --prometheus by both queries, --labelled-query and --error-query."
            )


def kserve_parts(rollout: KServeRollout, *, say: Callable[[str], None]) -> RolloutParts:
    """Return the parts of a rollout on KServe.

    Args:
        rollout: Options of the rollout.
        say: Called with a few words about progress.

    Raises:
        InputError: If the endpoint does not exist, or the options do not fit the cluster.
        ClusterError: If the cluster cannot be read.
    """
    deployer = create_deployer(rollout.target, log=Path(), say=say)
    if not isinstance(deployer, KServeDeployer):
        raise InputError(f"a rollout of an endpoint by its name must go to kserve; got {rollout.target.platform}.")
    return make_parts(rollout, deployer)


def make_parts(rollout: KServeRollout, deployer: KServeDeployer) -> RolloutParts:
    """Return the parts of a rollout on KServe, with an existing deployer; raise as ``kserve_parts`` does."""
    cluster, store = deployer.cluster, ConfigMapRecordStore(deployer.cluster, rollout.name)
    stored = store.load()
    under_way = stored.record if stored and stored.record.open else None
    if rollout.candidate:
        deployer.refuse_mojo(rollout.candidate)
    endpoint = RolloutEndpoint(
        deployer,
        rollout.name,
        candidate=rollout.candidate or (under_way.candidate.uri if under_way else ""),
        stable=under_way.stable.uri if under_way else "",
    )
    if under_way is None and find_unfinished(cluster, endpoint.get()):
        raise InputError(
            f"the deployment of {rollout.name} must be finished before a rollout begins; its version is not verified "
            "yet: wait for its end, or run headrace cluster cleanup if nobody watches it any more."
        )
    kind = rollout.traffic or (under_way.traffic if under_way else choose_traffic(cluster, endpoint.get()))

    def source(pair: VersionPair) -> CounterSource:
        if not rollout.prometheus:
            return ServerCounters(lambda: pod_metrics.of_services(cluster, rollout.name, beside(rollout.name)))
        digests = (pair.stable.digest, pair.candidate.digest)
        outcome = OutcomeQueries(rollout.labelled_query, rollout.error_query) if rollout.labelled_query else None
        # The second InferenceService of a graph serves its model under another name.
        names = (rollout.name, beside(rollout.name)) if kind == "graph" else (rollout.name,)
        return PrometheusCounters(PrometheusApi(rollout.prometheus), names, digests, rollout.selector, outcome)

    return RolloutParts(rollout.name, "kserve", cluster.namespace, _WAYS[kind](endpoint), source, store)


def choose_traffic(cluster: Cluster, service: Document) -> str:
    """Return the kind of traffic that an InferenceService's mode, the installed KServe and the gateway support.

    Args:
        cluster: The cluster.
        service: The InferenceService.

    Returns:
        ``knative`` in Knative mode. In Standard mode ``canary`` if the object's annotation says Standard, the installed
        kind has ``spec.canary``, and KServe's configuration uses the Gateway API, without which a canary gets no
        request; else, or if the configuration may not be read, ``graph``.

    Raises:
        ClusterError: If the cluster cannot be read.
    """
    if kserve_status.mode(service) == KNATIVE:
        return "knative"
    standard = (service["metadata"].get("annotations") or {}).get(MODE) == STANDARD  # no synonym
    return "canary" if standard and has_canary(cluster) and uses_gateway_api(cluster) else "graph"


def has_canary(cluster: Cluster) -> bool:
    """Return whether the installed InferenceService has ``spec.canary``, by the schema that any account may read."""
    path = f"/openapi/v3/apis/{INFERENCE_SERVICES.api_version}"
    document = cluster.transport.json(ApiRequest("GET", path, "read the schema of InferenceServices"))
    schemas: Mapping[str, Any] = (document.get("components") or {}).get("schemas") or {}
    return any(
        kind.get("kind") == INFERENCE_SERVICES.kind and "canary" in _properties(schema)
        for schema in schemas.values()
        for kind in schema.get("x-kubernetes-group-version-kind") or []
    )


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = (schema.get("properties") or {}).get("spec") or {}
    properties: Mapping[str, Any] = spec.get("properties") or {}
    return properties


def uses_gateway_api(cluster: Cluster) -> bool:
    """Return whether KServe creates routes of the Gateway API; False if its configuration may not be read."""
    config = kserve_config.read(cluster)
    return config is not None and config.gateway_api
