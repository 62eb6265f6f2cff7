"""Write the keys of the object store, the registry, its database and Kafka into a cluster as Secrets."""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import SECRETS
from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import AWS_VARIABLES, DATABASE_SECRET, KAFKA_SECRET, RECORDS_SECRET, STORE_SECRET
from headrace.core.base.settings import StoreSettings

_ADDRESSES = {
    "HEADRACE_REGISTRY": ("http://", "https://"),
    "HEADRACE_CATALOG": ("postgresql://",),
    "HEADRACE_OPENLINEAGE": ("http://", "https://"),
}
_MANAGER = "headrace-keys"
_KAFKA_FOLDER = (
    "/kafka"  # where pods of a stream find the Secret's files; kustomize/components/stream mounts them there
)
_KEDA_SASL = {"PLAIN": "plaintext", "SCRAM-SHA-256": "scram_sha256", "SCRAM-SHA-512": "scram_sha512"}


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


def put_kafka_login(cluster: Cluster, settings: KafkaSettings) -> None:
    """Write the login at Kafka into the namespace's Secret, for workers of streams and for KEDA.

    Args:
        cluster: The cluster and its namespace.
        settings: The login; its files are read here, and pods find them in a folder of theirs.

    Raises:
        InputError: If a file cannot be read.
        MissingError: If the namespace does not exist.
        ClusterError: If the server does not allow it.
    """
    document = _secret(KAFKA_SECRET, kafka_secret(settings), {})
    cluster.apply(document, manager=_MANAGER, force=True)


def kafka_secret(settings: KafkaSettings) -> dict[str, str]:
    """Return what the Secret of a login at Kafka holds: variables, files, and how KEDA is to log in.

    Args:
        settings: The login; one without values says that there is none.

    Raises:
        InputError: If a file cannot be read.
    """
    variables = {
        "HEADRACE_KAFKA_USER": settings.user,
        "HEADRACE_KAFKA_PASSWORD": settings.password,
        "HEADRACE_KAFKA_SECURITY_PROTOCOL": settings.security_protocol,
        "HEADRACE_KAFKA_SASL_MECHANISM": settings.sasl_mechanism,
    }
    data = {name: value for name, value in variables.items() if value}
    files = {
        "HEADRACE_KAFKA_CA_FILE": (settings.ca_file, "ca.crt"),
        "HEADRACE_KAFKA_SETTINGS_FILE": (settings.file, "settings.properties"),
    }
    for variable, (path, name) in files.items():
        if path:
            data |= {variable: f"{_KAFKA_FOLDER}/{name}", name: _read(variable, path)}
    protocol = settings.security_protocol or ("SASL_SSL" if settings.user else "PLAINTEXT")
    mechanism = _KEDA_SASL.get(settings.sasl_mechanism or "PLAIN")
    # Always there: KEDA 2.17 refuses an empty one.
    data["keda-tls"] = "enable" if protocol.endswith("SSL") else "disable"
    if protocol.startswith("SASL") and mechanism:
        data["keda-sasl"] = mechanism
    return data


def _read(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{variable} must be a file of text; {path}: {error}.") from error


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
