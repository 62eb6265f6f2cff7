"""Recover a deployment whose process was killed before its version was verified."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.field_ownership import is_managed, merge_objects, owned_fields_of, project_fields
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.lease_document import LeaseSubject, find
from headrace.serving.deployment import kserve_status


def claim_of(cluster: Cluster, before: Document | None, document: Document, answered: str) -> LeaseSubject:
    """Return the subject of the claim to hold before an InferenceService is applied.

    If the current InferenceService is an unverified remnant of a killed deployment, the state before that one is the
    state to restore.

    Args:
        cluster: The cluster and the namespace.
        before: The current InferenceService; None if there is none.
        document: The InferenceService to apply.
        answered: Digest of the version that answers now; empty if none does.

    Raises:
        ClusterError: If the cluster cannot be read.
    """
    kind, name, uri = INFERENCE_SERVICES.kind, str(document["metadata"]["name"]), kserve_status.source(document)
    unfinished = find_unfinished(cluster, before) if before else None
    if unfinished:
        return LeaseSubject(kind, name, uri, unfinished.before, unfinished.answered)
    # Restore the fields that Headrace owned, and those that it is about to take over from others, at today's values.
    former = merge_objects(project_fields(before, document), owned_fields_of(before) or {}) if before else None
    return LeaseSubject(kind, name, uri, former, answered)


def find_unfinished(cluster: Cluster, service: Document) -> LeaseSubject | None:
    """Return the unfinished claim on the version that an InferenceService serves; None if that version was verified.

    Raises:
        ClusterError: If the cluster cannot be read.
    """
    claim = find(cluster, INFERENCE_SERVICES.kind, str(service["metadata"]["name"]))
    return claim.subject if claim and claim.subject.uri == kserve_status.source(service) else None


def undo(cluster: Cluster, about: LeaseSubject, *, uid: str, force: bool = False) -> None:
    """Undo a deployment without waiting for the effect.

    Args:
        cluster: The cluster and the namespace.
        about: Subject of the claim.
        uid: ``metadata.uid`` of the InferenceService; another one of its name stays as it is.
        force: Whether to take over fields that somebody else set.

    Raises:
        ClusterError: If the cluster refuses.
    """
    if about.before is None:
        cluster.delete(INFERENCE_SERVICES, about.name, uid=uid)
        return
    # The uid keeps an object that was deleted just now from being created again.
    cluster.apply({**about.before, "metadata": {**about.before["metadata"], "uid": uid}}, force=force)


def recover(cluster: Cluster, about: LeaseSubject) -> str:
    """Delete an InferenceService that did not exist before, or restore its former state; keep changes by others.

    Returns:
        The resulting state, as a clause.

    Raises:
        ClusterError: If the cluster refuses.
    """
    service = cluster.get(INFERENCE_SERVICES, about.name)
    if service is None:
        return "is gone already"
    if not is_managed(service) or kserve_status.source(service) != about.uri or kserve_status.split(service):
        return "is not as that deployment left it, and stays"
    undo(cluster, about, uid=str(service["metadata"]["uid"]))
    if about.before is None:
        return "was deleted: it was not there before, and its version was not verified"
    return f"was restored to {kserve_status.source(about.before)}: its version was not verified"
