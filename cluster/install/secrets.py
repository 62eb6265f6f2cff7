"""Write the keys of the object store, the registry and its database into a cluster as Secrets."""

import base64
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SECRETS
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import AWS_VARIABLES, DATABASE_SECRET, RECORDS_SECRET, STORE_SECRET
from headrace.core.base.settings import StoreSettings

_ADDRESSES = {
    "HEADRACE_REGISTRY": ("http://", "https://"),
    "HEADRACE_CATALOG": ("postgresql://",),
    "HEADRACE_OPENLINEAGE": ("http://", "https://"),
}
_MANAGER = "headrace-keys"


def store_secret(settings: StoreSettings) -> dict[str, Any]:
    """Return the Secret for steps and trials (``HEADRACE_S3_*``) and for KServe (``AWS_*`` and annotations)."""
    parts = urlsplit(settings.endpoint)
    data = {
        **settings.environment(),
        **dict(zip(AWS_VARIABLES, (settings.access_key, settings.secret_key), strict=True)),
    }
    annotations = {
        "s3-endpoint": parts.netloc,
        "s3-usehttps": "1" if parts.scheme == "https" else "0",
        "s3-region": settings.region,
        "s3-usevirtualbucket": "false",
        "s3-useanoncredential": "false",
    }
    return _secret(STORE_SECRET, data, {f"serving.kserve.io/{name}": value for name, value in annotations.items()})


def put_store_keys(cluster: Cluster, settings: StoreSettings) -> None:
    """Write the object store's keys into the namespace's Secret, over existing ones.

    Raises:
        MissingError: If the namespace does not exist.
        ClusterError: If the server does not allow it.
    """
    cluster.apply(store_secret(settings), manager=_MANAGER, force=True)


def put_records(cluster: Cluster, values: Mapping[str, str]) -> None:
    """Write the addresses of registry, catalogue and lineage into the namespace's Secret; raise as ``put_store_keys``.

    Args:
        cluster: The cluster and its namespace.
        values: Variables by name, as ``core.base.settings.records`` returns them.

    Raises:
        InputError: If there are none, or pods cannot reach an address.
    """
    if not values:
        raise InputError("HEADRACE_REGISTRY, HEADRACE_CATALOG or HEADRACE_OPENLINEAGE must be set; none of them is.")
    for name, schemes in _ADDRESSES.items():
        if name in values and not values[name].startswith(schemes):
            raise InputError(
                f"{name} must be an address that the cluster's pods reach, such as {schemes[-1]}...; it names a file."
            )
    cluster.apply(_secret(RECORDS_SECRET, dict(values), {}), manager=_MANAGER, force=True)


def make_database_keys(cluster: Cluster) -> bool:
    """Generate the keys of the registry's database unless they exist; raise as ``put_store_keys`` does.

    Returns:
        Whether they were generated; the keys of an initialized database cannot be changed from outside.
    """
    if cluster.get(SECRETS, DATABASE_SECRET) is not None:
        return False
    # Letters and digits only: the password becomes part of a URL.
    data = {"POSTGRES_USER": "mlflow", "POSTGRES_PASSWORD": secrets.token_hex(24)}
    cluster.create(_secret(DATABASE_SECRET, data, {}))
    return True


def _secret(name: str, data: dict[str, str], annotations: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/part-of": "headrace"},
            **({"annotations": annotations} if annotations else {}),
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
