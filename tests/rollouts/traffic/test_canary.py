"""Names and pods of canaries, and what a graph runs in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.cluster.api.kinds import HTTP_ROUTES, INGRESSES
from headrace.rollouts.traffic import canary, graph_address, inference_graph
from headrace.serving.deployment import kserve_spec
from headrace.serving.deployment.target import DeploymentTarget

URI, NEW = (f"s3://headrace/models/heart/{digit * 64}/" for digit in "01")


def standing(replicas: int = 1, *, canary_pods: int = 0) -> dict[str, Any]:
    """An endpoint with so many pods, and with a canary."""
    made = kserve_spec.build("heart", URI, target=DeploymentTarget(min_replicas=replicas), mode="Standard")
    return canary.divide(made, NEW, "v1", 10, pods=canary_pods) if canary_pods else made


@given(
    digest=st.text("0123456789abcdef", min_size=64, max_size=64),
    endpoint=st.text("abc", min_size=1, max_size=kserve_spec.LONGEST_NAME),
    serial=st.integers(1, 9),
)
def test_a_canarys_name_fits_into_the_labels_of_its_pods(digest: str, endpoint: str, serial: int) -> None:
    """Kubernetes takes 63 characters; another serial is another name."""
    name = canary.name_of(digest, endpoint=endpoint, serial=serial)
    assert len(f"isvc.{endpoint}-{name}-predictor") <= 63
    assert name.removeprefix("v").partition("-")[0] == digest[: len(name.removeprefix("v").partition("-")[0])] != ""
    assert name != canary.name_of(digest, endpoint=endpoint, serial=serial + 1)


@pytest.mark.parametrize(
    ("own", "percent", "pods"),
    [
        (standing(), 0, 1),
        (standing(), 100, 1),
        (standing(4), 10, 1),
        (standing(4), 50, 2),
        (standing(4), 100, 4),
        (standing(4, canary_pods=2), 0, 2),
        (standing(4, canary_pods=2), 75, 3),
    ],
)
def test_a_canary_has_the_pods_of_its_share_and_keeps_what_it_had(own: dict[str, Any], percent: int, pods: int) -> None:
    """At least one, so that a share of nothing can be taken back; and never more than KServe allows."""
    assert canary.pods_of(own, percent) == pods
    made = canary.divide(own, NEW, "v1", percent)
    assert made["spec"]["canary"][0]["predictor"]["minReplicas"] == pods
    assert made["spec"]["canary"][0]["trafficPercent"] == percent


@pytest.mark.parametrize(
    ("annotated", "said", "mode"),
    [("Standard", "Standard", "Standard"), ("RawDeployment", "Standard", "RawDeployment"), ("", "Knative", "Knative")],
)
def test_a_graph_runs_in_the_mode_of_its_endpoint(annotated: str, said: str, mode: str) -> None:
    """In the very word of the object, which its version of KServe understands; else in what the status says."""
    annotations = {kserve_spec.MODE: annotated} if annotated else {}
    service = {"metadata": {"annotations": annotations}, "status": {"deploymentMode": said}}
    found = inference_graph.mode_of(None, service)  # type: ignore[arg-type]  # nobody is asked
    assert found == mode
    assert inference_graph.build("heart-split", {"heart": 100}, mode=found)["metadata"]["annotations"] == {
        kserve_spec.MODE: mode
    }


def test_a_graphs_route_is_owned_by_it_and_goes_as_the_endpoints_own() -> None:
    """By the same gateway or of the same class, to the Service of the router."""
    made = {"metadata": {"name": "heart-split", "uid": "u"}}
    parents = [{"name": "kserve-ingress-gateway", "namespace": "kserve"}]
    http = graph_address.route(made, HTTP_ROUTES, {"spec": {"parentRefs": parents}}, host="h.example.com")
    assert http["spec"]["parentRefs"] == parents
    assert http["spec"]["hostnames"] == ["h.example.com"]
    assert http["spec"]["rules"] == [{"backendRefs": [{"name": "heart-split", "port": 80}]}]
    ingress = graph_address.route(made, INGRESSES, {"spec": {"ingressClassName": "nginx"}}, host="h.example.com")
    assert ingress["spec"]["ingressClassName"] == "nginx"
    assert ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] == "heart-split"
    for one in (http, ingress):
        (owner,) = one["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("InferenceGraph", "heart-split", "u")
