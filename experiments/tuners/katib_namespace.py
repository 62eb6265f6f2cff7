"""Whether a namespace takes a search on Katib."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import NAMESPACES, SERVICE_ACCOUNTS, ObjectKind
from headrace.core.base.errors import ClusterError, InputError

_HIDDEN: Document = {}
LABEL = "katib.kubeflow.org/metrics-collector-injection"


def check(cluster: Cluster, *, account: str) -> None:
    """Refuse a namespace in which Katib collects no metrics, or whose Jobs make no pods, as far as one may look.

    Args:
        cluster: The cluster and the namespace.
        account: Service account of the trials; empty for Kubernetes' own.

    Raises:
        InputError: If the label or the account is missing.
        ClusterError: If the cluster cannot be asked.
    """
    name = cluster.namespace
    found = _looked_at(cluster, NAMESPACES, name)
    labels = (found or {}).get("metadata", {}).get("labels") or {}
    if found is not _HIDDEN and labels.get(LABEL) != "enabled":
        raise InputError(
            f"the namespace {name} must have the label {LABEL}=enabled, or Katib collects no metrics there; run "
            f"kubectl label namespace {name} {LABEL}=enabled."
        )
    if account and _looked_at(cluster, SERVICE_ACCOUNTS, account) is None:
        raise InputError(
            f"the namespace {name} must have the service account {account}, or no trial begins; apply an overlay: "
            f"headrace cluster render OVERLAY --namespace {name}."
        )


def _looked_at(cluster: Cluster, kind: ObjectKind, name: str) -> Document | None:
    """An object, None if it is not there; an empty one if one may not look."""
    try:
        return cluster.get(kind, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return _HIDDEN
