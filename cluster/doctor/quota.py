"""Check that the namespace's quotas and limits admit the pods."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import LIMIT_RANGES, RESOURCE_QUOTAS, ObjectKind
from headrace.cluster.install.requirements import ClusterRequirements
from headrace.core.base.diagnostics import Diagnostic, list_names
from headrace.core.base.errors import ClusterError

_COUNTED = ("cpu", "memory")


def check_quota(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Check for pods without requests, which a quota refuses unless a LimitRange has defaults."""
    counted = sorted(
        {
            name.removeprefix("requests.")
            for quota in _all(cluster, RESOURCE_QUOTAS)
            for name in quota.get("spec", {}).get("hard", {})
            if name.removeprefix("requests.") in _COUNTED
        }
    )
    ranges = [
        limit for limit_range in _all(cluster, LIMIT_RANGES) for limit in limit_range.get("spec", {}).get("limits", [])
    ]
    defaults = {
        name for limit in ranges if limit.get("type") == "Container" for name in limit.get("defaultRequest", {})
    }
    findings = []
    for name in counted:
        without_request = sorted({pod.by for pod in needs.pods if name not in pod.requests})
        if without_request and name not in defaults:
            asks = "asks" if len(without_request) == 1 else "ask"
            text = f"the namespace has a quota of {name}, and {list_names(without_request)} {asks} for none"
            remedy = f"give the steps a request of {name}, or the namespace a LimitRange with a default"
            findings.append(Diagnostic("Quota", "bad", text, remedy))
    return findings


def _all(cluster: Cluster, kind: ObjectKind) -> list[Document]:
    try:
        return cluster.list(kind)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return []
