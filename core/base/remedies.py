"""Remedies for missing settings, which depend on the place: a machine or the pod of a step."""

from pathlib import Path

from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import STORE_SECRET, STORE_VARIABLES
from headrace.core.base.settings import StoreSettings

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def require_store(purpose: str) -> StoreSettings:
    """Return the object store of ``HEADRACE_S3_*``, or raise if none is set.

    Args:
        purpose: What needs the store, as a clause before the remedy.

    Raises:
        InputError: If no store is set, or the settings are invalid.
    """
    store = settings.store_settings()
    if store is None:
        raise missing_store(purpose)
    return store


def missing_store(purpose: str) -> InputError:
    """Return the error if no object store is set; see ``require_store``."""
    return InputError(f"{purpose}: {_store_remedy()}.")


def _store_remedy() -> str:
    """Return what to do if no object store is set, as a clause; a step of a pipeline reads a Secret."""
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
