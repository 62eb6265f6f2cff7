"""What the doctor says of rollouts before one begins."""

from dataclasses import replace

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import INGRESS_CLASSES
from headrace.cluster.doctor.rollouts import check_rollouts
from tests.cluster.api_server import account
from tests.serving.kserve_fixtures import configured

pytestmark = pytest.mark.kubernetes

CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "istio"},
    "spec": {"controller": "istio.io/ingress-controller"},
}


def said(cluster: Cluster) -> tuple[str, str]:
    """State and text of the one finding."""
    (finding,) = check_rollouts(cluster)
    return finding.state, finding.text


def test_the_way_and_its_address_are_told(cluster: Cluster) -> None:
    """As KServe is configured, requests are divided by the gateway or by a graph, which has an address or has none."""
    inside = f"http://NAME-split.{cluster.namespace}.svc.cluster.local inside the cluster"
    with configured(cluster, ingress={"enableGatewayApi": True}):
        assert said(cluster)[0] == "good"
        assert "by the gateway (spec.canary)" in said(cluster)[1]
    with configured(cluster, ingress={"enableGatewayApi": False}, deploy={"defaultDeploymentMode": "Serverless"}):
        state, text = said(cluster)
        assert (state, inside in text) == ("note", True)
        assert "and nowhere outside: enableGatewayApi is off in the ConfigMap inferenceservice-config" in text
        cluster.apply(CLASS)
        assert "and outside by an Ingress that the rollout makes" in said(cluster)[1]
        cluster.delete(INGRESS_CLASSES, "istio")


def test_what_may_not_be_read_is_unknown(cluster: Cluster) -> None:
    """Who may not read the configuration is told what would be done, and what to ask for."""
    with configured(cluster, ingress={"enableGatewayApi": True}):
        state, text = said(replace(account(cluster, "nobody"), namespace=cluster.namespace))
    assert state == "unknown"
    assert "you may not read the ConfigMap inferenceservice-config in kserve" in text
