"""KServe's InferenceGraphs in Standard mode, played: a router that takes the graph as an argument, and picks by weight.

The router is ``ingress``; a Splitter picks for each request, and asks the InferenceService at its own path for V1,
whatever path was asked.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.cluster.kinds import DEPLOYMENTS, INFERENCE_GRAPHS

if TYPE_CHECKING:
    from tests.serving.kserve_platform import Platform

_MANAGER = "kserve"
_ROLL = 0.7  # seconds until a router's pods have changed


@dataclass
class Graphs:
    """The graphs of a namespace.

    Attributes:
        generations: Generation of a router's Deployment and since when it is seen, by graph.
    """

    generations: dict[str, tuple[int, float]] = field(default_factory=dict)

    def look(self, platform: "Platform") -> None:
        """Look at all of them once."""
        for graph in platform.cluster.list(INFERENCE_GRAPHS):
            self.reconcile(platform, graph)

    def reconcile(self, platform: "Platform", graph: Mapping[str, Any]) -> None:
        """Bring one further."""
        name, labels = graph["metadata"]["name"], {"app": graph["metadata"]["name"]}
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
        known, since = self.generations.get(name, (0, 0.0))
        if known != generation:
            self.generations[name] = (generation, time.monotonic())
        elif since and time.monotonic() - since > _ROLL:
            self.generations[name] = (generation, 0.0)
            self.roll(platform, graph, generation)

    def roll(self, platform: "Platform", graph: Mapping[str, Any], generation: int) -> None:
        """The router's pods are of this graph from now on."""
        name, route = graph["metadata"]["name"], platform.outer(graph["metadata"]["name"])
        weights = {}
        for step in graph["spec"]["nodes"]["root"]["steps"]:
            host = platform.host(f"{step['serviceName']}-predictor")
            weights[host] = step["weight"]
            platform.ingress.paths[route, host] = f"/v1/models/{step['serviceName']}:predict"
        platform.ingress.routes[route] = weights
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {"observedGeneration": generation, **dict.fromkeys(counts, 1)}
        platform.cluster.patch_status(DEPLOYMENTS, name, status, manager="deployment-controller")
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        told = {"url": f"http://{route}", "deploymentMode": "Standard", "conditions": [ready]}
        platform.cluster.patch_status(INFERENCE_GRAPHS, name, told, manager=_MANAGER)
