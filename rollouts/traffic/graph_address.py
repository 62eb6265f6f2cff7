"""Where an InferenceGraph answers: the Service of its router, and outside of the cluster a route made for it.

In Standard mode KServe makes a Deployment and a Service for a graph and no route: the address in its status answers
nobody. The route that is made here goes the way that the endpoint's own goes, and is deleted with its graph.
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
from headrace.rollouts.traffic.inference_service import patiently
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_spec import KNATIVE
from headrace.serving.deployment.kserve_wait import outside_hint
from headrace.stores.bundles.bundle_store import fetch

_PORT = 80
_ROUTE_SECONDS = 120.0  # a gateway may take a while to hear of a new route
_EVERY_SECONDS = 0.5


def outside(deployer: KServeDeployer) -> bool:
    """Return whether requests come from outside of the cluster."""
    return bool(deployer.target.via or deployer.cluster.context)


def require_route(deployer: KServeDeployer, service: Document) -> None:
    """Refuse, before anything is made, a graph that nobody could ask from here.

    Args:
        deployer: The way to the cluster.
        service: The endpoint.

    Raises:
        InputError: If the endpoint has no route beside which the graph's could be made.
    """
    if not outside(deployer) or kserve_status.mode(service) == KNATIVE:
        return
    name = str(service["metadata"]["name"])
    if _way(deployer.cluster, name) is None:
        raise InputError(
            f"the requests of {name} would be divided by an InferenceGraph, which KServe gives no address outside of "
            f"the cluster, and {name} has neither an HTTPRoute nor an Ingress (or you may not look at them) beside "
            "which a route to it could be made: run the rollout inside of the cluster, as the component rollout, or "
            "let KServe make routes (its ConfigMap inferenceservice-config, key ingress)."
        )


def make_route(deployer: KServeDeployer, service: Document, graph: str) -> str:
    """Make the route by which a graph is asked from outside of the cluster, if it must have one.

    Args:
        deployer: The way to the cluster.
        service: The endpoint before which the graph is.
        graph: Name of the graph.

    Returns:
        Where predictions are asked for in V1.

    Raises:
        InputError: If there is nothing beside which a route could be made.
        ClusterError: If KServe gives it no address, or the route is refused.
    """
    url = address(deployer, service, graph)
    if outside(deployer) and kserve_status.mode(service) != KNATIVE:
        require_route(deployer, service)
        cluster = deployer.cluster
        way, found = _way(cluster, str(service["metadata"]["name"])), cluster.get(INFERENCE_GRAPHS, graph)
        if way and found:
            document = route(found, *way, host=str(urlsplit(url).hostname))
            patiently(lambda: cluster.apply(document, force=True))
    return url


def address(deployer: KServeDeployer, service: Document, graph: str) -> str:
    """Return where a graph is asked from here, in V1.

    Args:
        deployer: The way to the cluster.
        service: The endpoint before which the graph is.
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
        until=lambda one: str(kserve_status.status(one or {}).get("url") or "") or None,
        seconds=deployer.patience.deadline_seconds,
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
        like: The endpoint's own one, whose gateway or class is taken.
        host: Host that clients ask.
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
        named = like["spec"].get("ingressClassName")
        spec = {**({"ingressClassName": named} if named else {}), "rules": [rule]}
    labels = {"app.kubernetes.io/part-of": "headrace"}
    metadata = {"name": name, "labels": labels, "ownerReferences": [owner]}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}


def until_answering(deployer: KServeDeployer, url: str, uri: str) -> None:
    """Ask a graph the first test case of a bundle until it answers.

    Args:
        deployer: The way to the cluster, and the object store.
        url: Where it is asked.
        uri: Store URI of the bundle that answers there.

    Raises:
        InputError: If there is no object store.
        ClusterError: If it does not answer.
    """
    if deployer.store is None:
        raise missing_store("a graph is asked a test case before it divides requests")
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        bundle = open_bundle(fetch(uri, Path(scratch) / "bundle", settings=deployer.store))
        case: Any = bundle.json("cases.json")["cases"][0]["request"]
    seconds = min(_ROUTE_SECONDS, deployer.patience.deadline_seconds)
    deadline = time.monotonic() + seconds
    while True:
        told = _ask(url, deployer.target.via, case)
        if not told:
            return
        if time.monotonic() > deadline:
            hint = outside_hint(deployer.cluster, deployer.target.via)
            raise ClusterError(
                f"the InferenceGraph must answer at {url}; after {seconds:.0f} s {told}{hint}.", "timeout"
            )
        time.sleep(_EVERY_SECONDS)


def _ask(url: str, via: str, case: Any) -> str:
    """Why a graph does not answer, as a clause; empty if it does."""
    try:
        with EndpointClient.at(url, via=via) as remote:
            reply = remote.predict([case])
    except InputError:
        return "nothing answers there"
    good = reply.status == 200 and isinstance(reply.document, dict) and "predictions" in reply.document
    return "" if good else f"it gives the status {reply.status}"


def _way(cluster: Cluster, name: str) -> tuple[ObjectKind, Document] | None:
    """Return the kind of an endpoint's own route, and the route; None if there is none to be seen."""
    for kind in (HTTP_ROUTES, INGRESSES):
        try:
            found = cluster.get(kind, name)
        except ClusterError as error:
            if error.reason not in {"forbidden", "unserved"}:
                raise
            continue
        if found is not None:
            return kind, found
    return None
