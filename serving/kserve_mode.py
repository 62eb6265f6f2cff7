"""In which mode KServe runs models, found by asking."""

import json
from typing import Any

from headrace.cluster import discovery
from headrace.cluster.client import Cluster
from headrace.cluster.kinds import CONFIG_MAPS
from headrace.core.errors import ClusterError, InputError
from headrace.serving.kserve_spec import KNATIVE, STANDARD

KNATIVE_GROUP = "serving.knative.dev"
CONFIG, CONFIG_NAMESPACE = "inferenceservice-config", "kserve"
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
    return _configured(cluster) if knative else STANDARD


def _configured(cluster: Cluster) -> str:
    """The mode of KServe's configuration; empty if it says none or may not be read."""
    try:
        found = cluster.get(CONFIG_MAPS, CONFIG, namespace=CONFIG_NAMESPACE)
    except ClusterError as error:
        if error.reason == "forbidden":
            return ""
        raise
    try:
        deploy: Any = json.loads(((found or {}).get("data") or {}).get("deploy", "{}"))
        said = str(deploy.get("defaultDeploymentMode", ""))
    except (ValueError, AttributeError):
        return ""
    mode = _WORDS.get(said, said)
    return mode if mode in {STANDARD, KNATIVE} else ""
