"""What to do about what is not set, where that depends on the place: a machine, or a step's pod."""

from pathlib import Path

from headrace.core import settings

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def store_remedy() -> str:
    """What to do where no object store is set, as a clause; a step of a pipeline has its variables of a Secret."""
    variables = "set HEADRACE_S3_ENDPOINT, HEADRACE_S3_ACCESS_KEY and HEADRACE_S3_SECRET_KEY"
    if not settings.pod_environment():
        return variables
    try:
        namespace = _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    except OSError:  # a pod need not have a token
        namespace = "NAMESPACE"
    return (
        f"{variables}; a step of a pipeline has them of the Secret headrace-object-store in its namespace, where "
        f"headrace cluster keys --namespace {namespace} brings them"
    )
