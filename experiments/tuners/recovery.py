"""What becomes of a search whose process was killed, or has left it to go on."""

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.field_ownership import made_here
from headrace.cluster.api.kinds import EXPERIMENTS
from headrace.cluster.api.lease_document import LeaseSubject
from headrace.experiments.tuners import katib_status


def put_right(cluster: Cluster, about: LeaseSubject) -> str:
    """Delete an Experiment that nobody watches, and with it its Trials and their Jobs.

    Returns:
        What is so now, as a clause.

    Raises:
        ClusterError: If it cannot be deleted.
    """
    found = cluster.get(EXPERIMENTS, about.name)
    if found is None:
        return "is gone already"
    if about.goes_on:
        return "has come to its end, and stays, as its user wished"
    if not made_here(found):
        return "was not made by headrace, and stays"
    cluster.delete(EXPERIMENTS, about.name, uid=str(found["metadata"]["uid"]))
    return "was deleted, with its Trials and their Jobs"


def goes_on(cluster: Cluster, about: LeaseSubject) -> str:
    """What is to be told of a search that goes on unwatched, as a sentence; empty if it has ended, or does not.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    found = cluster.get(EXPERIMENTS, about.name) if about.goes_on else None
    if found is None or katib_status.success_reason(found) or katib_status.failure_reason(found, None):
        return ""
    return (
        f"{about} goes on though its search has ended, since nothing was to be deleted: kubectl -n {cluster.namespace} "
        f"delete experiment {about.name} stops it."
    )
