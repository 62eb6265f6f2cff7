"""InferenceGraphs: what they run in, why they do not come up, and where they answer."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from headrace.cluster.api.kinds import HTTP_ROUTES, INFERENCE_GRAPHS, INFERENCE_SERVICES, INGRESSES
from headrace.core.base.errors import ClusterError, InputError
from headrace.rollouts.traffic import graph_address, graph_router, inference_graph
from headrace.rollouts.traffic.inference_service import RolloutEndpoint
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve import KServeDeployer
from tests.rollouts.published import rclone_settings, uris
from tests.serving.kserve_fixtures import Placed, digest, kserve_place

__all__ = ["kserve_place", "rclone_settings", "uris"]

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"g{secrets.token_hex(3)}"


@pytest.fixture
def endpoint(kserve_place: Placed, uris: list[str], name: str) -> Iterator[str]:
    """An endpoint that serves the first version."""
    target = replace(kserve_place.deployer.target, mode="Standard")
    replace(kserve_place.deployer, target=target).deploy(uris[0], name=name)
    yield name
    kserve_place.cluster.delete(INFERENCE_GRAPHS, inference_graph.graph_of(name))
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def traffic(deployer: KServeDeployer, name: str, candidate: str) -> inference_graph.InferenceGraphTraffic:
    """The way by a graph, of an account that has the rights of the guide."""
    return inference_graph.InferenceGraphTraffic(RolloutEndpoint(deployer, name, candidate))


def test_a_rejection_is_told_within_seconds(kserve_place: Placed, endpoint: str) -> None:
    """A graph without a mode takes KServe's configured one; with one it runs, though it was rejected before."""
    made = inference_graph.build(inference_graph.graph_of(endpoint), {endpoint: 100})
    roller = replace(kserve_place.roller, timeouts=kserve_place.patient(20).timeouts)
    told = "KServe creates no router for it .ServerlessModeRejected.: It is not possible to use Knative deployment mode"
    with pytest.raises(ClusterError, match=told) as caught:
        graph_router.apply_weights(roller, made, {endpoint: 100})
    assert caught.value.reason != "timeout"
    found = kserve_place.cluster.get(INFERENCE_GRAPHS, inference_graph.graph_of(endpoint))
    assert found is not None
    assert not found.get("status")
    graph_router.apply_weights(
        roller,
        inference_graph.build(inference_graph.graph_of(endpoint), {endpoint: 100}, mode="Standard"),
        {endpoint: 100},
    )


def test_a_graph_that_never_ran_is_taken_away(
    kserve_place: Placed, uris: list[str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Going back does not wait for what was rejected."""
    monkeypatch.setattr(inference_graph, "mode_of", lambda *_: "")
    way = traffic(kserve_place.roller, endpoint, uris[1])
    with pytest.raises(ClusterError, match="ServerlessModeRejected"):
        way.prepare()
    way.restore()
    assert kserve_place.cluster.get(INFERENCE_GRAPHS, inference_graph.graph_of(endpoint)) is None
    assert kserve_place.cluster.get(INFERENCE_SERVICES, inference_graph.beside(endpoint)) is None


def test_outside_it_answers_by_a_route_of_its_own(kserve_place: Placed, uris: list[str], endpoint: str) -> None:
    """The address in its status is nobody's; the route that the rollout makes goes with the graph."""
    name, document = (
        inference_graph.graph_of(endpoint),
        inference_graph.build(inference_graph.graph_of(endpoint), {endpoint: 100}, mode="Standard"),
    )
    roller, service = kserve_place.roller, kserve_place.cluster.get(INFERENCE_SERVICES, endpoint) or {}
    graph_router.apply_weights(roller, document, {endpoint: 100})
    url = f"http://{kserve_place.platform.outer(name)}/v1/models/{endpoint}:predict"
    with EndpointClient.at(url, gateway=kserve_place.platform.ingress.address) as remote:
        assert remote.predict([]).status == 404
    assert graph_address.make_route(roller, service, name) == url
    graph_address.until_answering(roller, url, uris[0])
    made = kserve_place.cluster.get(HTTP_ROUTES, name) or {}
    own = kserve_place.cluster.get(HTTP_ROUTES, endpoint) or {}
    assert made["spec"]["parentRefs"] == own["spec"]["parentRefs"]
    assert made["metadata"]["ownerReferences"][0]["name"] == name
    kserve_place.cluster.delete(INFERENCE_GRAPHS, name)
    while kserve_place.cluster.get(HTTP_ROUTES, name) is not None:
        pass


def test_outside_without_the_gateway_api_it_is_an_ingress(kserve_place: Placed, uris: list[str], name: str) -> None:
    """It is of the class of the endpoint's own."""
    kserve_place.platform.gateway_api = False
    try:
        kserve_place.deployer.deploy(uris[0], name=name)
        way = traffic(kserve_place.roller, name, uris[1])
        way.prepare()
        made = kserve_place.cluster.get(INGRESSES, inference_graph.graph_of(name)) or {}
        assert made["spec"]["ingressClassName"] == "istio"
        way.restore()
        kserve_place.cluster.delete(INFERENCE_GRAPHS, inference_graph.graph_of(name))
        kserve_place.cluster.delete(INFERENCE_SERVICES, name)
    finally:
        kserve_place.platform.gateway_api = True


def test_outside_without_any_route_it_is_refused_before_anything_is_made(
    kserve_place: Placed, uris: list[str], endpoint: str
) -> None:
    """The sentence says what to do."""
    kserve_place.cluster.delete(HTTP_ROUTES, endpoint)
    with pytest.raises(InputError, match=r"neither an HTTPRoute nor an Ingress .* run the rollout inside the cluster"):
        traffic(kserve_place.roller, endpoint, uris[1]).prepare()
    assert kserve_place.cluster.get(INFERENCE_SERVICES, inference_graph.beside(endpoint)) is None


def test_inside_it_answers_at_its_service(
    kserve_place: Placed, uris: list[str], endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No route is made; the rollout's requests and the clients' go to the Service of the router."""
    asked: list[str] = []

    def connected(address: tuple[str, int], *others: Any, **named: Any) -> Any:
        host, _ = address
        asked.append(host)
        there = ("127.0.0.1", kserve_place.platform.ingress.port) if host.endswith(".svc.cluster.local") else address
        return real(there, *others, **named)

    real = urllib3.util.connection.create_connection
    monkeypatch.setattr(urllib3.util.connection, "create_connection", connected)
    inside = replace(
        kserve_place.roller,
        cluster=replace(kserve_place.roller.cluster, context=""),
        target=replace(kserve_place.roller.target, gateway=""),
    )
    said: list[str] = []
    way = traffic(replace(inside, say=said.append), endpoint, uris[1])
    way.prepare()
    host = f"{inference_graph.graph_of(endpoint)}.{kserve_place.cluster.namespace}.svc.cluster.local"
    url = f"http://{host}/v1/models/{endpoint}:predict"
    assert f"requests to {url} are divided" in said
    assert host in asked
    assert kserve_place.cluster.get(HTTP_ROUTES, inference_graph.graph_of(endpoint)) is None
    assert way.promote() == url
    where = kserve_place.deployer.version_wait().url(way.endpoint.get(), endpoint)
    with EndpointClient.at(where, gateway=kserve_place.platform.ingress.address) as remote:
        assert remote.digest() == digest(uris[1])
