"""Requests divided by an InferenceGraph: a Splitter before two InferenceServices.

Clients must ask the graph, which stays when the rollout has ended and then sends everything to the endpoint.
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.cluster.client import Document
from headrace.cluster.following import wait
from headrace.cluster.kinds import DEPLOYMENTS, INFERENCE_GRAPHS, INFERENCE_SERVICES
from headrace.core.errors import ClusterError
from headrace.rollouts.endpoint import Endpoint, patiently, serving
from headrace.rollouts.traffic import Pair
from headrace.serving import kserve_spec, kserve_status


@dataclass
class Graph:
    """A ``Traffic`` by a Splitter.

    Attributes:
        endpoint: The InferenceService of the stable version, and in the end of the candidate's.
    """

    endpoint: Endpoint

    kind = "graph"

    def find(self) -> Pair:
        """See ``Traffic.find``."""
        kserve_spec.checked_name(beside(self.endpoint.name))
        return self.endpoint.find()

    def prepare(self) -> None:
        """See ``Traffic.prepare``."""
        candidate, deployer = self.endpoint.find().candidate, self.endpoint.deployer
        second = beside(self.endpoint.name)
        made = serving(self.endpoint.own(), candidate.uri)
        made["metadata"]["name"] = second
        url = self.endpoint.until_answering(self.endpoint.apply(made), candidate, fresh=False)
        deployer.verified(url, candidate.uri)
        if deployer.cluster.get(INFERENCE_GRAPHS, graph_of(self.endpoint.name)) is None:
            self._weighed({self.endpoint.name: 100})
            deployer.say(f"requests are divided for those who ask {self._url()}")

    def split(self, percent: int) -> None:
        """See ``Traffic.split``."""
        name = self.endpoint.name
        self._weighed({one: weight for one, weight in {name: 100 - percent, beside(name): percent}.items() if weight})

    def promote(self) -> str:
        """See ``Traffic.promote``; the second InferenceService answers until the first one does."""
        candidate = self.endpoint.find().candidate
        if self.endpoint.deployer.cluster.get(INFERENCE_SERVICES, beside(self.endpoint.name)) is not None:
            self.split(100)
        applied = self.endpoint.apply(serving(self.endpoint.own(), candidate.uri))
        self.endpoint.until_answering(applied, candidate, fresh=False)
        return self._alone()

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        stable = self.endpoint.find().stable
        own = self.endpoint.own()
        if kserve_status.source(own) == stable.uri:
            return self._alone()
        applied = self.endpoint.apply(serving(own, stable.uri))  # it was being promoted
        self.endpoint.until_answering(applied, stable, fresh=False)
        return self._alone()

    def _alone(self) -> str:
        """Send everything to the endpoint, and take the second InferenceService away."""
        cluster, name = self.endpoint.deployer.cluster, self.endpoint.name
        url = ""
        if cluster.get(INFERENCE_GRAPHS, graph_of(name)) is not None:
            self._weighed({name: 100})
            url = self._url()
        patiently(lambda: cluster.delete(INFERENCE_SERVICES, beside(name)))
        return url or self.endpoint.deployer.waiting().url(self.endpoint.get(), name)

    def _weighed(self, weights: Mapping[str, int]) -> None:
        """Apply the graph, and wait until its router runs with these weights."""
        deployer, name = self.endpoint.deployer, graph_of(self.endpoint.name)
        self.endpoint.apply(build(name, weights))
        wait(
            deployer.cluster,
            DEPLOYMENTS,
            name,
            until=lambda deployment: True if routes(deployment, weights) else None,
            seconds=deployer.options.patience.deadline_seconds,
            what=f"to divide requests by {dict(weights)}",
        )

    def _url(self) -> str:
        """Where the graph answers.

        Raises:
            ClusterError: If KServe gives it no address.
        """
        deployer, name = self.endpoint.deployer, graph_of(self.endpoint.name)
        base = wait(
            deployer.cluster,
            INFERENCE_GRAPHS,
            name,
            until=lambda graph: str(kserve_status.status(graph or {}).get("url") or "") or None,
            seconds=deployer.options.patience.deadline_seconds,
            what="to get an address",
        )
        if not base.startswith("http"):
            raise ClusterError(f"the InferenceGraph {name} must have an address; KServe says {base!r}.")
        return f"{base.rstrip('/')}/v1/models/{self.endpoint.name}:predict"


def beside(name: str) -> str:
    """Name of the InferenceService that serves the candidate."""
    return f"{name}-candidate"


def graph_of(name: str) -> str:
    """Name of the InferenceGraph before an endpoint."""
    return f"{name}-split"


def build(name: str, weights: Mapping[str, int]) -> Document:
    """The InferenceGraph.

    Args:
        name: Its name.
        weights: Shares of the requests by InferenceService, in percent; they sum to 100.
    """
    steps = [{"name": service, "serviceName": service, "weight": weight} for service, weight in weights.items()]
    return {
        "apiVersion": INFERENCE_GRAPHS.api_version,
        "kind": INFERENCE_GRAPHS.kind,
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "headrace"}},
        "spec": {"nodes": {"root": {"routerType": "Splitter", "steps": steps}}},
    }


def routes(deployment: Document | None, weights: Mapping[str, int]) -> bool:
    """Whether all pods of a graph's router run and divide by these weights."""
    return kserve_status.runs(deployment, "") and deployment is not None and told(deployment) == dict(weights)


def told(deployment: Document) -> dict[str, int]:
    """The weights that a graph's router was started with: KServe gives it the graph as an argument."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        for argument in [*(container.get("command") or []), *(container.get("args") or [])]:
            if argument.lstrip().startswith("{"):
                with contextlib.suppress(ValueError, AttributeError):  # some other argument
                    return _weights(json.loads(argument))
    return {}


def _weights(graph: Any) -> dict[str, int]:
    steps = ((graph.get("nodes") or {}).get("root") or {}).get("steps") or []
    return {str(step.get("serviceName")): int(step.get("weight") or 0) for step in steps}
