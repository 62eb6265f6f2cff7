"""In which mode KServe runs models, found by asking."""

from headrace.cluster.api import discovery, kserve_config
from headrace.cluster.api.client import Cluster
from headrace.core.base.errors import InputError
from headrace.serving.deployment.kserve_spec import KNATIVE, STANDARD

KNATIVE_GROUP = "serving.knative.dev"
_WORDS = {"RawDeployment": STANDARD, "Serverless": KNATIVE}


def found_mode(cluster: Cluster, wanted: str = "") -> str:
    """In which mode a new InferenceService will run.

    Args:
        cluster: Whom to ask.
        wanted: The mode that is wanted; empty for the cluster's own.

    Returns:
        ``Standard`` or ``Knative``; empty where only KServe's webhook knows, which then writes it down itself.

    Raises:
        InputError: If Knative is wanted and not installed.
        ClusterError: If the cluster cannot be asked.
    """
    knative = KNATIVE_GROUP in discovery.groups(cluster.transport)
    if wanted == KNATIVE and not knative:
        raise InputError(f"the mode {KNATIVE} needs Knative Serving, which {cluster.address} does not serve.")
    if wanted:
        return wanted
    return _configured_mode(cluster) if knative else STANDARD


def _configured_mode(cluster: Cluster) -> str:
    """The mode of KServe's configuration; empty if it says none or may not be read."""
    config = kserve_config.read(cluster)
    said = config.default_mode if config else ""
    mode = _WORDS.get(said, said)
    return mode if mode in {STANDARD, KNATIVE} else ""
