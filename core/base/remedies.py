"""What to do about what is not set, where that depends on the place: a machine, or a step's pod."""

from pathlib import Path

from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import STORE_SECRET, STORE_VARIABLES
from headrace.core.base.settings import StoreSettings

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def require_store(purpose: str) -> StoreSettings:
    """The object store of ``HEADRACE_S3_*``, for what needs one.

    Args:
        purpose: What needs it, as a clause that the remedy follows.

    Raises:
        InputError: If none is set, or what is set cannot be used.
    """
    found = settings.store_settings()
    if found is None:
        raise missing_store(purpose)
    return found


def missing_store(purpose: str) -> InputError:
    """The error where no object store is set; see ``require_store``."""
    return InputError(f"{purpose}: {_store_remedy()}.")


def _store_remedy() -> str:
    """What to do where no object store is set, as a clause; a step of a pipeline has its variables of a Secret."""
    endpoint, access_key, secret_key, *_ = STORE_VARIABLES
    variables = f"set {endpoint}, {access_key} and {secret_key}"
    if not settings.pod_environment():
        return variables
    try:
        namespace = _POD_NAMESPACE.read_text(encoding="utf-8").strip()
    except OSError:  # a pod need not have a token
        namespace = "NAMESPACE"
    return (
        f"{variables}; a step of a pipeline has them of the Secret {STORE_SECRET} in its namespace, where "
        f"headrace cluster keys --namespace {namespace} brings them"
    )
