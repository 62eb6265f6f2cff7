"""Checks whether a namespace is ready for a search on Katib."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import NAMESPACES, SERVICE_ACCOUNTS, ObjectKind
from headrace.core.base.errors import ClusterError, InputError

_HIDDEN: Document = {}
LABEL = "katib.kubeflow.org/metrics-collector-injection"


def check(cluster: Cluster, *, account: str) -> None:
    """Raise if Katib collects no metrics in a namespace, or its Jobs create no pods, as far as the account may see.

    Args:
        cluster: The cluster and the namespace.
        account: Service account of the trials; empty for the namespace's default.

    Raises:
        InputError: If the label or the account is missing.
        ClusterError: If the cluster cannot be reached.
    """
    name = cluster.namespace
    namespace = _read_object(cluster, NAMESPACES, name)
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    if namespace is not _HIDDEN and labels.get(LABEL) != "enabled":
        raise InputError(
            f"the namespace {name} must have the label {LABEL}=enabled, or Katib collects no metrics there; run "
            f"kubectl label namespace {name} {LABEL}=enabled."
        )
    if account and _read_object(cluster, SERVICE_ACCOUNTS, account) is None:
        raise InputError(
            f"the namespace {name} must have the service account {account}, or no trial begins; apply an overlay: "
            f"headrace cluster render OVERLAY --namespace {name}."
        )


def _read_object(cluster: Cluster, kind: ObjectKind, name: str) -> Document | None:
    """Return an object; None if it does not exist; an empty one if the account may not read it."""
    try:
        return cluster.get(kind, name)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return _HIDDEN
