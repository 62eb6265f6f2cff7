"""What becomes of a deployment whose process was killed before its version was verified."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.field_ownership import made_here, merge_objects, owned_fields_of, project_fields
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.lease_document import LeaseSubject, find
from headrace.serving.deployment import kserve_status


def claim_of(cluster: Cluster, before: Document | None, document: Document, answered: str) -> LeaseSubject:
    """What is claimed before an InferenceService is applied.

    Where the one that is there was left behind unverified, what was there before it counts.

    Args:
        cluster: Where it lies.
        before: The InferenceService that is there; None if there is none.
        document: What will be applied.
        answered: Digest of what answers now; empty if nothing does.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    kind, name, uri = INFERENCE_SERVICES.kind, str(document["metadata"]["name"]), kserve_status.source(document)
    left = find_unfinished(cluster, before) if before else None
    if left:
        return LeaseSubject(kind, name, uri, left.before, left.answered)
    # What was owned before, and what will be taken over from others with the values that it has now.
    former = merge_objects(project_fields(before, document), owned_fields_of(before) or {}) if before else None
    return LeaseSubject(kind, name, uri, former, answered)


def find_unfinished(cluster: Cluster, service: Document) -> LeaseSubject | None:
    """The claim on the deployment of what an InferenceService serves; None if that was verified.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    left = find(cluster, INFERENCE_SERVICES.kind, str(service["metadata"]["name"]))
    return left.about if left and left.about.uri == kserve_status.source(service) else None


def undo(cluster: Cluster, about: LeaseSubject, *, uid: str, force: bool = False) -> None:
    """Undo a deployment, without waiting for what comes of it.

    Args:
        cluster: Where it is.
        about: What was claimed.
        uid: ``metadata.uid`` of the InferenceService; another one of its name is left alone.
        force: Whether fields that somebody else set are taken over.

    Raises:
        ClusterError: If it is refused.
    """
    if about.before is None:
        cluster.delete(INFERENCE_SERVICES, about.name, uid=uid)
        return
    # With its uid, it is not made again if it was deleted in this very moment.
    cluster.apply({**about.before, "metadata": {**about.before["metadata"], "uid": uid}}, force=force)


def put_right(cluster: Cluster, about: LeaseSubject) -> str:
    """Delete an InferenceService that was not there before, or put back what was; what others changed since is left.

    Returns:
        What is so now, as a clause.

    Raises:
        ClusterError: If it is refused.
    """
    found = cluster.get(INFERENCE_SERVICES, about.name)
    if found is None:
        return "is gone already"
    if not made_here(found) or kserve_status.source(found) != about.uri or kserve_status.split(found):
        return "is not as that deployment left it, and stays"
    undo(cluster, about, uid=str(found["metadata"]["uid"]))
    if about.before is None:
        return "was deleted: it was not there before, and its version was not verified"
    return f"was put back to {kserve_status.source(about.before)}: its version was not verified"
