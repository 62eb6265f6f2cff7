"""Requests divided by an InferenceGraph: a Splitter before two InferenceServices.

Clients must call the graph, which stays after the rollout and then sends all requests to the endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import INFERENCE_GRAPHS, INFERENCE_SERVICES
from headrace.rollouts.traffic import graph_address, graph_router
from headrace.rollouts.traffic.base import VersionPair
from headrace.rollouts.traffic.draining import TrafficDrain
from headrace.rollouts.traffic.inference_service import RolloutEndpoint, retry_unavailable
from headrace.serving.deployment import kserve_spec, kserve_status
from headrace.serving.deployment.kserve_mode import resolve_mode
from headrace.serving.deployment.kserve_spec import MODE, serving


@dataclass
class InferenceGraphTraffic:
    """A ``Traffic`` by a Splitter.

    Attributes:
        endpoint: The InferenceService of the stable version, and after a promotion of the candidate.
        drain: Waits until no request reaches the second InferenceService.
    """

    endpoint: RolloutEndpoint
    drain: TrafficDrain = field(default_factory=TrafficDrain)

    kind = "graph"

    def find(self) -> VersionPair:
        """See ``Traffic.find``."""
        kserve_spec.checked_name(beside(self.endpoint.name))
        return self.endpoint.find()

    def prepare(self) -> None:
        """See ``Traffic.prepare``; the graph too has answered a test case, at the address for clients."""
        pair, deployer, name = self.endpoint.find(), self.endpoint.deployer, self.endpoint.name
        graph_address.require_route(deployer, self.endpoint.get())
        second = serving(self.endpoint.own(), pair.candidate.uri)
        second["metadata"]["name"] = beside(name)
        url = self.endpoint.until_answering(self.endpoint.apply(second), pair.candidate, fresh=False)
        deployer.verify_route(url, pair.candidate.uri)
        before = deployer.cluster.get(INFERENCE_GRAPHS, graph_of(name))
        weights = graph_router.weights_of(before["spec"]) if before else {}
        self._apply_weights(weights if {name, beside(name)} >= set(weights) and weights else {name: 100})
        graph = graph_address.make_route(deployer, self.endpoint.get(), graph_of(name))
        graph_address.until_answering(deployer, graph, pair.stable.uri)
        if before is None:
            deployer.say(f"requests to {graph} are divided")

    def split(self, percent: int) -> None:
        """See ``Traffic.split``."""
        name = self.endpoint.name
        self._apply_weights(
            {service: weight for service, weight in {name: 100 - percent, beside(name): percent}.items() if weight}
        )

    def promote(self) -> str:
        """See ``Traffic.promote``; the second InferenceService answers until the first one does."""
        candidate = self.endpoint.find().candidate
        if self.endpoint.deployer.cluster.get(INFERENCE_SERVICES, beside(self.endpoint.name)) is not None:
            self.split(100)
        applied = self.endpoint.apply(serving(self.endpoint.own(), candidate.uri))
        self.endpoint.until_answering(applied, candidate, fresh=False)
        return self._remove_candidate()

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        stable = self.endpoint.find().stable
        current = self.endpoint.own()
        if kserve_status.source(current) == stable.uri:
            return self._remove_candidate()
        applied = self.endpoint.apply(serving(current, stable.uri))  # a promotion had begun
        self.endpoint.until_answering(applied, stable, fresh=False)
        return self._remove_candidate()

    def _remove_candidate(self) -> str:
        """Send all requests to the endpoint, and delete the second InferenceService and a graph that never ran."""
        deployer, name = self.endpoint.deployer, self.endpoint.name
        cluster, url = deployer.cluster, ""
        graph = retry_unavailable(lambda: cluster.get(INFERENCE_GRAPHS, graph_of(name)))
        if graph and graph_router.ready(graph):
            self._apply_weights({name: 100})
            url = graph_address.address(deployer, retry_unavailable(self.endpoint.get), graph_of(name))
            self.drain.wait(deployer, kserve_status.workload(beside(name)))
        elif graph:
            retry_unavailable(lambda: cluster.delete(INFERENCE_GRAPHS, graph_of(name)))
        retry_unavailable(lambda: cluster.delete(INFERENCE_SERVICES, beside(name)))
        return url or deployer.version_wait().url(self.endpoint.get(), name)

    def _apply_weights(self, weights: Mapping[str, int]) -> None:
        """Apply the graph, and wait until its router runs with these weights."""
        mode = mode_of(self.endpoint.deployer.cluster, retry_unavailable(self.endpoint.get))
        graph_router.apply_weights(
            self.endpoint.deployer, build(graph_of(self.endpoint.name), weights, mode=mode), weights
        )


def beside(name: str) -> str:
    """Return the name of the InferenceService that serves the candidate."""
    return f"{name}-candidate"


def graph_of(name: str) -> str:
    """Return the name of the InferenceGraph before an endpoint."""
    return f"{name}-split"


def mode_of(cluster: Cluster, service: Document) -> str:
    """Return the mode of the graph before an InferenceService: the service's own mode, in the same spelling.

    For a graph without a mode KServe takes the default of its configuration, and rejects the graph if that is Knative
    and Knative is not installed.

    Args:
        cluster: The cluster, whose default applies if the InferenceService names no mode.
        service: The InferenceService.
    """
    mode = (service["metadata"].get("annotations") or {}).get(MODE) or kserve_status.status(service).get(
        "deploymentMode"
    )
    return str(mode or resolve_mode(cluster))


def build(name: str, weights: Mapping[str, int], *, mode: str = "") -> Document:
    """Return the InferenceGraph.

    Args:
        name: Its name.
        weights: Shares of the requests by InferenceService, in percent; they sum to 100.
        mode: Its mode; empty for the default of KServe's configuration.
    """
    steps = [{"name": service, "serviceName": service, "weight": weight} for service, weight in weights.items()]
    metadata: Document = {"name": name, "labels": {"app.kubernetes.io/part-of": "headrace"}}
    if mode:
        metadata["annotations"] = {MODE: mode}
    return {
        "apiVersion": INFERENCE_GRAPHS.api_version,
        "kind": INFERENCE_GRAPHS.kind,
        "metadata": metadata,
        "spec": {"nodes": {"root": {"routerType": "Splitter", "steps": steps}}},
    }
