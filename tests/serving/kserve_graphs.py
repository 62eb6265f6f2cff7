"""KServe's InferenceGraphs, played: a router that takes the graph as an argument, and picks by weight.

The router is ``ingress``; a Splitter picks for each request, and asks the InferenceService at its own path for V1,
whatever path was asked. What a graph runs in says its annotation, else KServe's configuration; where that is Knative
and Knative is not there, an event says so and nothing is ever made. In Standard mode the router is a Deployment and a
Service and no route: the address in the status is nobody's until somebody makes a route to the Service.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.cluster.api import discovery
from headrace.cluster.api.kinds import DEPLOYMENTS, HTTP_ROUTES, INFERENCE_GRAPHS, INGRESSES, SERVICES
from headrace.serving.deployment.kserve_mode import KNATIVE_GROUP

if TYPE_CHECKING:
    from tests.serving.kserve_platform import Platform

REJECTED = "It is not possible to use Knative deployment mode when Knative Services are not available"
_MODE = "serving.kserve.io/deploymentMode"
_STANDARD = {"Standard", "RawDeployment"}
_MANAGER = "kserve"
_ROLL = 0.7  # seconds until a router's pods have changed
Document = Mapping[str, Any]


@dataclass
class Graphs:
    """The graphs of a namespace.

    Attributes:
        default_mode: Mode of a graph without an annotation, as KServe's shipped configuration has it.
        generations: Generation of a router's Deployment and since when it is seen, by graph.
        rejected: What was rejected, by graph; the controller does not look at it again until it changes.
    """

    default_mode: str = "Serverless"
    generations: dict[str, tuple[int, float]] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)

    def look(self, platform: "Platform") -> None:
        """Look at all of them once."""
        graphs = {graph["metadata"]["name"]: graph for graph in platform.cluster.list(INFERENCE_GRAPHS)}
        for name, graph in graphs.items():
            said = (graph["metadata"].get("annotations") or {}).get(_MODE, self.default_mode)
            if said in _STANDARD or KNATIVE_GROUP in discovery.groups(platform.cluster.transport):
                self.reconcile(platform, graph)
            else:
                self.reject(platform, name, graph)
        for name in set(self.generations) - set(graphs):
            self.collect(platform, name)
        if self.generations or platform.ingress.aliases:
            self.routes(platform)

    def reject(self, platform: "Platform", name: str, graph: Document) -> None:
        """Say so once, and leave the status empty."""
        seen = f"{graph['metadata']['uid']}/{graph['metadata']['resourceVersion']}"
        if self.rejected.get(name) != seen:
            self.rejected[name] = seen
            platform.event("InferenceGraph", graph, "ServerlessModeRejected", REJECTED)

    def reconcile(self, platform: "Platform", graph: Document) -> None:
        """Bring one further."""
        name, labels = graph["metadata"]["name"], {"app": f"isvc.{graph['metadata']['name']}"}
        labels["serving.kserve.io/inferencegraph"] = name
        container = {
            "name": name,
            "image": "kserve/router",
            "args": ["--graph-json", json.dumps(graph["spec"])],
        }
        spec = {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        metadata = {"name": name}
        made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        generation = platform.cluster.apply(made, manager=_MANAGER, force=True)["metadata"]["generation"]
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        service = {"selector": labels, "ports": ports}
        platform.cluster.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
            manager=_MANAGER,
            force=True,
        )
        known, since = self.generations.get(name, (0, 0.0))
        if known != generation:
            self.generations[name] = (generation, time.monotonic())
        elif since and time.monotonic() - since > _ROLL:
            self.generations[name] = (generation, 0.0)
            self.roll(platform, graph, generation)

    def roll(self, platform: "Platform", graph: Document, generation: int) -> None:
        """The router's pods are of this graph from now on."""
        name, router = graph["metadata"]["name"], platform.host(graph["metadata"]["name"])
        weights = {}
        for step in graph["spec"]["nodes"]["root"]["steps"]:
            host = platform.host(f"{step['serviceName']}-predictor")
            weights[host] = step["weight"]
            platform.ingress.paths[router, host] = f"/v1/models/{step['serviceName']}:predict"
        platform.ingress.routes[router] = weights
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {"observedGeneration": generation, **dict.fromkeys(counts, 1)}
        platform.cluster.patch_status(DEPLOYMENTS, name, status, manager="deployment-controller")
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        told = {"url": f"http://{platform.outer(name)}", "observedGeneration": generation, "conditions": [ready]}
        platform.cluster.patch_status(INFERENCE_GRAPHS, name, told, manager=_MANAGER)

    def collect(self, platform: "Platform", name: str) -> None:
        """What the garbage collector does once a graph is gone; what others made and own by it goes too."""
        del self.generations[name]
        platform.cluster.delete(DEPLOYMENTS, name)
        platform.cluster.delete(SERVICES, name)
        platform.ingress.routes.pop(platform.host(name), None)
        for kind in (HTTP_ROUTES, INGRESSES):
            for route in platform.cluster.list(kind):
                owners = route["metadata"].get("ownerReferences") or []
                if any((one["kind"], one["name"]) == (INFERENCE_GRAPHS.kind, name) for one in owners):
                    platform.cluster.delete(kind, route["metadata"]["name"])

    def routes(self, platform: "Platform") -> None:
        """What the gateway makes of routes to a router's Service that somebody else made."""
        found = {}
        for route in platform.cluster.list(HTTP_ROUTES if platform.gateway_api else INGRESSES):
            for rule in route["spec"].get("rules") or []:
                for service in _services(rule):
                    if service in self.generations:
                        for host in route["spec"].get("hostnames") or [rule.get("host", "")]:
                            found[host] = platform.host(service)
        platform.ingress.aliases = found


def _services(rule: Document) -> list[str]:
    """Services that a rule of an HTTPRoute or of an Ingress names."""
    paths = (rule.get("http") or {}).get("paths") or []
    return [one["name"] for one in rule.get("backendRefs") or []] + [
        path["backend"]["service"]["name"] for path in paths
    ]
