"""Do the namespace's quotas and limits let the pods in?"""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import LIMIT_RANGES, RESOURCE_QUOTAS, ObjectKind
from headrace.cluster.install.requirements import ClusterRequirements
from headrace.core.base.diagnostics import Diagnostic, list_names
from headrace.core.base.errors import ClusterError

_COUNTED = ("cpu", "memory")


def check_quota(cluster: Cluster, needs: ClusterRequirements) -> list[Diagnostic]:
    """Pods that ask for nothing are refused in a namespace with a quota, unless a LimitRange asks for them."""
    counted = sorted(
        {
            name.removeprefix("requests.")
            for quota in _all(cluster, RESOURCE_QUOTAS)
            for name in quota.get("spec", {}).get("hard", {})
            if name.removeprefix("requests.") in _COUNTED
        }
    )
    ranges = [limit for one in _all(cluster, LIMIT_RANGES) for limit in one.get("spec", {}).get("limits", [])]
    given = {name for limit in ranges if limit.get("type") == "Container" for name in limit.get("defaultRequest", {})}
    findings = []
    for name in counted:
        bare = sorted({pod.by for pod in needs.pods if name not in pod.requests})
        if bare and name not in given:
            asks = "asks" if len(bare) == 1 else "ask"
            text = f"the namespace has a quota of {name}, and {list_names(bare)} {asks} for none"
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
