"""Cleans up Experiments whose search was killed, and reports those that were left running on purpose."""

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.field_ownership import is_managed
from headrace.cluster.api.kinds import EXPERIMENTS
from headrace.cluster.api.lease_document import LeaseSubject
from headrace.experiments.tuners import katib_status


def recover(cluster: Cluster, subject: LeaseSubject) -> str:
    """Delete an Experiment that nobody watches, and with it its Trials and their Jobs.

    Returns:
        The new state, as a clause.

    Raises:
        ClusterError: If it cannot be deleted.
    """
    experiment = cluster.get(EXPERIMENTS, subject.name)
    if experiment is None:
        return "is gone already"
    if subject.goes_on:
        return "has ended, and stays, as its user chose"
    if not is_managed(experiment):
        return "was not made by headrace, and stays"
    cluster.delete(EXPERIMENTS, subject.name, uid=str(experiment["metadata"]["uid"]))
    return "was deleted, with its Trials and their Jobs"


def describe_running(cluster: Cluster, subject: LeaseSubject) -> str:
    """Return a sentence on an Experiment that continues unwatched on purpose; empty for any other.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    experiment = cluster.get(EXPERIMENTS, subject.name) if subject.goes_on else None
    if experiment is None or katib_status.success_reason(experiment) or katib_status.failure_reason(experiment, None):
        return ""
    return (
        f"{subject} goes on though its search has ended, since nothing was to be deleted: kubectl -n "
        f"{cluster.namespace} delete experiment {subject.name} stops it."
    )
