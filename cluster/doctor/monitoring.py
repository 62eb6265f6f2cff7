"""Check what collects and monitors models in use, where the options collector and monitor are installed."""

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import DEPLOYMENTS
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import ClusterError

_AREA = "Monitoring"
_PARTS = {
    "headrace-collector": ("collector", "collects requests and responses of"),
    "headrace-monitor": ("monitor", "monitors"),
}


def check_monitoring(cluster: Cluster) -> list[Diagnostic]:
    """Check that the Deployments of the collector and the monitor are ready; a missing one is worth a note."""
    return [_check_part(cluster, name) for name in _PARTS]


def _check_part(cluster: Cluster, name: str) -> Diagnostic:
    option, verb = _PARTS[name]
    try:
        deployment = cluster.get(DEPLOYMENTS, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return Diagnostic(_AREA, "unknown", f"you may not read the Deployment {name}")
    if deployment is None:
        text = f"there is no Deployment {name} in {cluster.namespace}"
        return Diagnostic(_AREA, "note", text, f"add the option {option} to your overlay to have one")
    if (deployment.get("status") or {}).get("readyReplicas"):
        return good(_AREA, f"{name} is ready and {verb} a model")
    remedy = f"see why: kubectl --namespace {cluster.namespace} logs deployment/{name}"
    return Diagnostic(_AREA, "warning", f"{name}, which {verb} a model, is not ready", remedy)
