"""Check the workers of a stream, where the option stream is installed."""

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SECRETS, STATEFUL_SETS
from headrace.core.base.diagnostics import Diagnostic, good
from headrace.core.base.errors import ClusterError
from headrace.core.base.secret_names import KAFKA_SECRET

_AREA = "Streams"
_WORKERS = "headrace-stream"


def check_streams(cluster: Cluster) -> list[Diagnostic]:
    """Check that workers are ready, and whether they have a login at Kafka; no workers are worth a note."""
    try:
        workers = cluster.get(STATEFUL_SETS, _WORKERS)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return [Diagnostic(_AREA, "unknown", f"you may not read the StatefulSet {_WORKERS}")]
    if workers is None:
        text = f"there is no StatefulSet {_WORKERS} in {cluster.namespace}"
        return [Diagnostic(_AREA, "note", text, "add the option stream to your overlay to score a topic")]
    wanted, ready = (workers["spec"].get("replicas", 1), (workers.get("status") or {}).get("readyReplicas", 0))
    text = f"{ready} of {wanted} workers of {_WORKERS} are ready"
    if ready >= wanted:
        return [good(_AREA, text), *_check_login(cluster)]
    remedy = (
        f"a worker is ready when it has caught up; see why it is not: kubectl --namespace {cluster.namespace} logs "
        f"--prefix --selector app.kubernetes.io/name={_WORKERS}"
    )
    return [Diagnostic(_AREA, "warning", text, remedy), *_check_login(cluster)]


def _check_login(cluster: Cluster) -> list[Diagnostic]:
    """Say whether there is a login; brokers may need none."""
    try:
        secret = cluster.get(SECRETS, KAFKA_SECRET)
    except ClusterError as error:
        if error.reason != "forbidden":
            raise
        return [Diagnostic(_AREA, "unknown", f"you may not read the Secret {KAFKA_SECRET}")]
    if secret is None:
        text = f"there is no Secret {KAFKA_SECRET}: {_WORKERS} logs in nowhere"
        keys = f"headrace cluster keys --kafka --namespace {cluster.namespace}"
        remedy = f"if the brokers want a login, set HEADRACE_KAFKA_* and run {keys}"
        return [Diagnostic(_AREA, "note", text, remedy)]
    return [good(_AREA, f"the Secret {KAFKA_SECRET} holds the login at Kafka")]
