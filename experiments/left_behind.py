"""What becomes of a search whose process was killed."""

from headrace.cluster.claims import About
from headrace.cluster.client import Cluster
from headrace.cluster.kinds import EXPERIMENTS
from headrace.cluster.owned import made_here


def put_right(cluster: Cluster, about: About) -> str:
    """Delete an Experiment that nobody watches, and with it its Trials and their Jobs.

    Returns:
        What is so now, as a clause.

    Raises:
        ClusterError: If it cannot be deleted.
    """
    found = cluster.get(EXPERIMENTS, about.name)
    if found is None:
        return "is gone already"
    if not made_here(found):
        return "was not made by headrace, and stays"
    cluster.delete(EXPERIMENTS, about.name, uid=str(found["metadata"]["uid"]))
    return "was deleted, with its Trials and their Jobs"
