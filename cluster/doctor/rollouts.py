"""Check how a rollout would divide requests, and at which address clients take part in it."""

from headrace.cluster.api import discovery, kserve_config
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import HTTP_ROUTES, INFERENCE_SERVICES, INGRESS_CLASSES
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import ClusterError

AREA = "Rollouts"
_KNATIVE = {"Serverless", "Knative"}
_CONFIG = f"the ConfigMap {kserve_config.CONFIG} in {kserve_config.CONFIG_NAMESPACE}"


def check_rollouts(cluster: Cluster) -> list[Diagnostic]:
    """Return how a rollout in the cluster's default mode would divide requests; nothing without KServe.

    Raises:
        ClusterError: If the server does not answer.
    """
    if not discovery.serves(cluster.transport, INFERENCE_SERVICES):
        return []
    config = kserve_config.read(cluster)
    if config is None:
        text = f"you may not read {_CONFIG}: requests would be divided by an InferenceGraph, {_graph(cluster, None)}"
        return [Diagnostic(AREA, "unknown", text, "ask for get on it, by which canaries are known to get requests")]
    if "serving.knative.dev" in discovery.groups(cluster.transport) and config.default_mode in _KNATIVE:
        return [good(AREA, "requests are divided by Knative, at the endpoint's own address")]
    canary = discovery.has_field(cluster.transport, INFERENCE_SERVICES, ("spec", "canary"))
    if canary and config.gateway_api:
        text = (
            "requests are divided by the gateway (spec.canary), at the endpoint's own address outside the cluster; "
            "clients of the predictor's Service inside take no part"
        )
        return [good(AREA, text)]
    reason = f"enableGatewayApi is off in {_CONFIG}" if canary else "InferenceServices have no spec.canary"
    text = f"requests are divided by an InferenceGraph, {_graph(cluster, config)}: {reason}"
    remedy = "let clients ask the graph, or set enableGatewayApi" if canary else "let clients ask the graph"
    return [Diagnostic(AREA, "note", text, remedy)]


def _graph(cluster: Cluster, config: kserve_config.KServeConfig | None) -> str:
    """Return the addresses at which clients reach a graph, as a clause."""
    inside = f"which answers at http://NAME-split.{cluster.namespace}.svc.cluster.local inside the cluster"
    if config is None:
        return f"{inside}, and outside where the endpoint has an HTTPRoute or an Ingress"
    if config.gateway_api and discovery.serves(cluster.transport, HTTP_ROUTES):
        return f"{inside}, and outside by an HTTPRoute that the rollout makes"
    if not config.gateway_api and config.makes_ingress and _classes(cluster):
        return f"{inside}, and outside by an Ingress that the rollout makes"
    return f"{inside}, and nowhere outside"


def _classes(cluster: Cluster) -> bool:
    """Return whether there is an IngressClass; True if this account may not list them."""
    try:
        return bool(cluster.list(INGRESS_CLASSES))
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return True
