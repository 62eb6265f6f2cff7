"""The address of an InferenceGraph: the Service of its router, or outside the cluster a route created for it.

In Standard mode KServe creates a Deployment and a Service for a graph but no route: nothing answers at the address in
its status. The route created here uses the same gateway as the endpoint's route, and is deleted with its graph.
"""

import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import HTTP_ROUTES, INFERENCE_GRAPHS, INGRESSES, ObjectKind
from headrace.cluster.api.watch import wait
from headrace.core.base.errors import ClusterError, InputError
from headrace.core.base.remedies import missing_store
from headrace.core.bundles.bundle import open_bundle
from headrace.rollouts.traffic.inference_service import retry_unavailable
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_spec import KNATIVE
from headrace.serving.deployment.kserve_wait import outside_hint
from headrace.stores.bundles.bundle_store import fetch

_PORT = 80
_ROUTE_SECONDS = 120.0  # a gateway may take a while to apply a new route
_EVERY_SECONDS = 0.5


def outside(deployer: KServeDeployer) -> bool:
    """Return whether requests come from outside the cluster."""
    return bool(deployer.target.gateway or deployer.cluster.context)


def require_route(deployer: KServeDeployer, service: Document) -> None:
    """Raise, before anything is created, if a graph could not be reached from here.

    Args:
        deployer: The deployer for the endpoint's cluster.
        service: The endpoint.

    Raises:
        InputError: If the endpoint has no route as a model for the graph's.
    """
    if not outside(deployer) or kserve_status.mode(service) == KNATIVE:
        return
    name = str(service["metadata"]["name"])
    if _find_route(deployer.cluster, name) is None:
        raise InputError(
            f"the requests of {name} would be divided by an InferenceGraph, which KServe gives no address outside of "
            f"the cluster, and {name} has neither an HTTPRoute nor an Ingress (or you may not read them) beside "
            "which a route to it could be made: run the rollout inside the cluster, as the component rollout, or "
            "let KServe make routes (its ConfigMap inferenceservice-config, key ingress)."
        )


def make_route(deployer: KServeDeployer, service: Document, graph: str) -> str:
    """Create the route to a graph from outside the cluster, if it needs one.

    Args:
        deployer: The deployer for the endpoint's cluster.
        service: The endpoint behind the graph.
        graph: Name of the graph.

    Returns:
        URL of V1 predictions.

    Raises:
        InputError: If the endpoint has no route as a model for the graph's.
        ClusterError: If KServe gives the graph no address, or the route is refused.
    """
    url = address(deployer, service, graph)
    if outside(deployer) and kserve_status.mode(service) != KNATIVE:
        require_route(deployer, service)
        cluster = deployer.cluster
        endpoint_route, graph_object = (
            _find_route(cluster, str(service["metadata"]["name"])),
            cluster.get(INFERENCE_GRAPHS, graph),
        )
        if endpoint_route and graph_object:
            document = route(graph_object, *endpoint_route, host=str(urlsplit(url).hostname))
            retry_unavailable(lambda: cluster.apply(document, force=True))
    return url


def address(deployer: KServeDeployer, service: Document, graph: str) -> str:
    """Return the URL of a graph's V1 predictions from here.

    Args:
        deployer: The deployer for the endpoint's cluster.
        service: The endpoint behind the graph.
        graph: Name of the graph.

    Raises:
        ClusterError: If KServe gives it no address.
    """
    cluster, path = deployer.cluster, f"/v1/models/{service['metadata']['name']}:predict"
    if not outside(deployer) and kserve_status.mode(service) != KNATIVE:
        return f"http://{graph}.{cluster.namespace}.svc.cluster.local{path}"
    base = wait(
        cluster,
        INFERENCE_GRAPHS,
        graph,
        until=lambda document: str(kserve_status.status(document or {}).get("url") or "") or None,
        seconds=deployer.timeouts.deadline_seconds,
        what="to get an address",
    )
    if not base.startswith("http"):
        raise ClusterError(f"the InferenceGraph {graph} must have an address; KServe says {base!r}.")
    return f"{base.rstrip('/')}{path}"


def route(graph: Document, kind: ObjectKind, like: Document, *, host: str) -> Document:
    """Return the route to the Service of a graph's router.

    Args:
        graph: The InferenceGraph, which owns the route.
        kind: HTTPRoute or Ingress.
        like: The endpoint's own route, whose gateway or class is used.
        host: Host name for clients.
    """
    name = str(graph["metadata"]["name"])
    owner = {"apiVersion": INFERENCE_GRAPHS.api_version, "kind": INFERENCE_GRAPHS.kind, "name": name}
    owner["uid"] = str(graph["metadata"]["uid"])
    if kind == HTTP_ROUTES:
        rule: Document = {"backendRefs": [{"name": name, "port": _PORT}]}
        spec: Document = {"parentRefs": like["spec"].get("parentRefs") or [], "hostnames": [host], "rules": [rule]}
    else:
        backend = {"service": {"name": name, "port": {"number": _PORT}}}
        rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        class_name = like["spec"].get("ingressClassName")
        spec = {**({"ingressClassName": class_name} if class_name else {}), "rules": [rule]}
    labels = {"app.kubernetes.io/part-of": "headrace"}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


def until_answering(deployer: KServeDeployer, url: str, uri: str) -> None:
    """Send a graph the first test case of a bundle until it answers.

    Args:
        deployer: Its cluster, object store and timeouts.
        url: URL of V1 predictions.
        uri: Store URI of the bundle that answers there.

    Raises:
        InputError: If there is no object store.
        ClusterError: If it does not answer.
    """
    if deployer.store is None:
        raise missing_store("a graph must answer a test case before it divides requests")
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        bundle = open_bundle(fetch(uri, Path(scratch) / "bundle", settings=deployer.store))
        case: Any = bundle.json("cases.json")["cases"][0]["request"]
    seconds = min(_ROUTE_SECONDS, deployer.timeouts.deadline_seconds)
    deadline = time.monotonic() + seconds
    while True:
        problem = _ask(url, deployer.target.gateway, case)
        if not problem:
            return
        if time.monotonic() > deadline:
            hint = outside_hint(deployer.cluster, deployer.target.gateway)
            raise ClusterError(
                f"the InferenceGraph must answer at {url}; after {seconds:.0f} s {problem}{hint}.", "timeout"
            )
        time.sleep(_EVERY_SECONDS)


def _ask(url: str, gateway: str, case: Any) -> str:
    """Return why a graph does not answer, as a clause; empty if it does."""
    try:
        with EndpointClient.at(url, gateway=gateway) as remote:
            reply = remote.predict([case])
    except InputError:
        return "nothing answers there"
    good = reply.status == 200 and isinstance(reply.document, dict) and "predictions" in reply.document
    return "" if good else f"it gives the status {reply.status}"


def _find_route(cluster: Cluster, name: str) -> tuple[ObjectKind, Document] | None:
    """Return the kind of an endpoint's own route, and the route; None if there is none or it may not be read."""
    for kind in (HTTP_ROUTES, INGRESSES):
        try:
            document = cluster.get(kind, name)
        except ClusterError as error:
            if error.reason not in {"forbidden", "unserved"}:
                raise
            continue
        if document is not None:
            return kind, document
    return None
