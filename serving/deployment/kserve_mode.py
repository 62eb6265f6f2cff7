"""Find out in which mode KServe runs models."""

from headrace.cluster.api import discovery, kserve_config
from headrace.cluster.api.client import Cluster
from headrace.core.base.errors import InputError
from headrace.serving.deployment.kserve_spec import KNATIVE, STANDARD

KNATIVE_GROUP = "serving.knative.dev"
_WORDS = {"RawDeployment": STANDARD, "Serverless": KNATIVE}


def resolve_mode(cluster: Cluster, wanted: str = "") -> str:
    """Return the mode in which a new InferenceService will run.

    Args:
        cluster: The cluster.
        wanted: The mode to use; empty for the cluster's default.

    Returns:
        ``Standard`` or ``Knative``; empty if only KServe's webhook knows, which then sets the mode itself.

    Raises:
        InputError: If the mode is Knative, which is not installed.
        ClusterError: If the cluster cannot be read.
    """
    has_knative = KNATIVE_GROUP in discovery.groups(cluster.transport)
    if wanted == KNATIVE and not has_knative:
        raise InputError(f"the mode {KNATIVE} needs Knative Serving, which {cluster.address} does not serve.")
    if wanted:
        return wanted
    return _configured_mode(cluster) if has_knative else STANDARD


def _configured_mode(cluster: Cluster) -> str:
    """Return the default mode of KServe's configuration; empty if it names none or may not be read."""
    config = kserve_config.read(cluster)
    default = config.default_mode if config else ""
    mode = _WORDS.get(default, default)
    return mode if mode in {STANDARD, KNATIVE} else ""
