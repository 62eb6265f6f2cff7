"""The router of an InferenceGraph: its weights, and why it does not come up."""

import contextlib
import json
import time
from collections.abc import Mapping
from typing import Any

from headrace.cluster.api import pods as cluster_pods
from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import DEPLOYMENTS, INFERENCE_GRAPHS, PODS
from headrace.cluster.api.pods import ObjectEvent
from headrace.cluster.api.watch import follow
from headrace.core.base.errors import ClusterError
from headrace.rollouts.traffic.inference_service import retry_unavailable
from headrace.serving.deployment import kserve_pods, kserve_status
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_wait import CONTESTED, EVENT_SECONDS

_REJECTED = "ServerlessModeRejected"


def apply_weights(deployer: KServeDeployer, document: Document, weights: Mapping[str, int]) -> Document:
    """Apply a graph, and wait until its router runs with some weights.

    Args:
        deployer: Its cluster and timeouts.
        document: The InferenceGraph.
        weights: Shares of the requests by InferenceService, in percent.

    Returns:
        The InferenceGraph.

    Raises:
        ClusterError: If KServe rejects it, its router fails, or it takes too long.
    """
    cluster, name = deployer.cluster, str(document["metadata"]["name"])
    before = warnings(cluster, name)
    graph = retry_unavailable(lambda: cluster.apply(document, force=deployer.target.force_conflicts))
    patience, start = deployer.timeouts, time.monotonic()
    seconds, every = patience.deadline_seconds, patience.every_seconds
    for deployment in follow(cluster, DEPLOYMENTS, name, seconds=seconds, every_seconds=every):
        if routes(deployment, weights):
            return graph
        failure = kserve_status.deployment_failure(deployment, "")
        crash = kserve_pods.failure(cluster.list(PODS, labels=f"app=isvc.{name}"), patience=patience.node_seconds)
        late = time.monotonic() - start > EVENT_SECONDS
        for event in () if deployment else set(warnings(cluster, name)) - set(before):
            if event.reason == _REJECTED or (late and CONTESTED not in event.message):
                failure = f"KServe creates no router for it ({event.reason}): {event.message.rstrip('.')}"
        if failure or crash:
            text = failure or (crash.text if crash else "")
            raise ClusterError(f"the InferenceGraph {name} must divide requests, but {text}.")
    raise ClusterError(
        f"the InferenceGraph {name} was given {seconds:.0f} s to divide requests by {dict(weights)} and did not: "
        f"{_condition(cluster, name)}; look at it with kubectl describe, or give it more time.",
        "timeout",
    )


def warnings(cluster: Cluster, name: str) -> list[ObjectEvent]:
    """Return KServe's warning events about a graph."""
    events = cluster_pods.events(cluster, INFERENCE_GRAPHS.kind, name)
    return [event for event in events if event.type == "Warning"]


def ready(graph: Document) -> bool:
    """Return whether KServe reports that a graph's router runs, or has run."""
    conditions = kserve_status.status(graph).get("conditions") or []
    return any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)


def routes(deployment: Document | None, weights: Mapping[str, int]) -> bool:
    """Return whether all pods of a graph's router run and divide by these weights."""
    return kserve_status.runs(deployment, "") and deployment is not None and router_weights(deployment) == dict(weights)


def router_weights(deployment: Document) -> dict[str, int]:
    """Return the weights that a graph's router was started with: KServe passes it the graph as an argument."""
    for container in deployment["spec"]["template"]["spec"]["containers"]:
        for argument in [*(container.get("command") or []), *(container.get("args") or [])]:
            if argument.lstrip().startswith("{"):
                with contextlib.suppress(ValueError, AttributeError):  # some other argument
                    return weights_of(json.loads(argument))
    return {}


def weights_of(spec: Any) -> dict[str, int]:
    """Return the weights of a Splitter by InferenceService, from the specification of its graph."""
    steps = ((spec.get("nodes") or {}).get("root") or {}).get("steps") or []
    return {str(step.get("serviceName")): int(step.get("weight") or 0) for step in steps}


def _condition(cluster: Cluster, name: str) -> str:
    """Return KServe's status of a graph, as a clause."""
    graph = cluster.get(INFERENCE_GRAPHS, name) or {}
    for condition in kserve_status.status(graph).get("conditions") or []:
        if condition.get("type") == "Ready" and condition.get("status") != "True":
            text = " ".join(str(condition.get("message") or "").split())
            reason = condition.get("reason") or "no reason"
            return f"KServe says that it is not ready ({reason}){': ' if text else ''}{text}"
    return "KServe reports no problem" if ready(graph) else "KServe has not reported a status"
