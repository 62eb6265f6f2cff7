"""All environment variables are read here, and nowhere else."""

import difflib
import os
import pwd
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from headrace.core.base.environment_values import (
    KafkaSettings,
    KfpSettings,
    KsqlSettings,
    Login,
    SchemaRegistrySettings,
    TrialSettings,
    positive,
)
from headrace.core.base.errors import InputError

_IMAGE = re.compile(r"(\S+@)?sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class StoreSettings:
    """How to reach an S3 object store.

    Attributes:
        endpoint: URL with scheme, host and port, without a path.
        access_key: Access key; never shown.
        secret_key: Secret key; never shown.
        region: Region that signatures are made for.
        bucket: Bucket that models are published to.
    """

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    bucket: str = "headrace"

    def __post_init__(self) -> None:
        """Raise if the endpoint is not a bare URL, or a key is empty.

        Raises:
            InputError: If the endpoint or a key cannot be used.
        """
        parts = urlsplit(self.endpoint)
        if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
            raise InputError(
                f"HEADRACE_S3_ENDPOINT must be a URL such as http://127.0.0.1:9000, without a path; "
                f"got {self.endpoint!r} instead."
            )
        if not self.access_key or not self.secret_key:
            raise InputError(
                f"HEADRACE_S3_ACCESS_KEY and HEADRACE_S3_SECRET_KEY must both be set to use {self.endpoint}."
            )

    def environment(self) -> dict[str, str]:
        """Return the same settings as environment variables, for a child process."""
        return {
            "HEADRACE_S3_ENDPOINT": self.endpoint,
            "HEADRACE_S3_ACCESS_KEY": self.access_key,
            "HEADRACE_S3_SECRET_KEY": self.secret_key,
            "HEADRACE_S3_REGION": self.region,
            "HEADRACE_S3_BUCKET": self.bucket,
        }


def store_settings() -> StoreSettings | None:
    """Return the object store of ``HEADRACE_S3_*``, or None when no endpoint is set."""
    endpoint = os.environ.get("HEADRACE_S3_ENDPOINT", "")
    if not endpoint:
        return None
    return StoreSettings(
        endpoint=endpoint.rstrip("/"),
        access_key=os.environ.get("HEADRACE_S3_ACCESS_KEY", ""),
        secret_key=os.environ.get("HEADRACE_S3_SECRET_KEY", ""),
        region=os.environ.get("HEADRACE_S3_REGION", "us-east-1"),
        bucket=os.environ.get("HEADRACE_S3_BUCKET", "headrace"),
    )


def trial_settings() -> TrialSettings:
    """Return the trial of ``HEADRACE_STUDY``, ``HEADRACE_TRIAL`` and ``HEADRACE_TRIAL_PARAMETERS``.

    Raises:
        InputError: If one of them is not set.
    """
    names = ("HEADRACE_STUDY", "HEADRACE_TRIAL", "HEADRACE_TRIAL_PARAMETERS")
    values = [os.environ.get(name, "") for name in names]
    absent = [name for name, value in zip(names, values, strict=True) if not value]
    if absent:
        raise InputError(f"a trial needs {', '.join(names)}; {', '.join(absent)} is not set.")
    return TrialSettings(*values)


def kfp_settings() -> KfpSettings | None:
    """Return the API of ``HEADRACE_KFP_*``, or None when no endpoint is set."""
    endpoint = os.environ.get("HEADRACE_KFP_ENDPOINT", "")
    if not endpoint:
        return None
    return KfpSettings(
        endpoint=endpoint.rstrip("/"),
        namespace=os.environ.get("HEADRACE_KFP_NAMESPACE", ""),
        token=os.environ.get("HEADRACE_KFP_TOKEN", ""),
        cookie=os.environ.get("HEADRACE_KFP_COOKIE", ""),
        token_file=os.environ.get("HEADRACE_KFP_TOKEN_FILE", ""),
        ca_file=os.environ.get("HEADRACE_KFP_CA_FILE", ""),
    )


def kfp_pod_endpoint() -> str:
    """Return the URL of the same API for pods (``HEADRACE_KFP_POD_ENDPOINT``); the usual Service's when unset."""
    return os.environ.get("HEADRACE_KFP_POD_ENDPOINT", "") or "http://ml-pipeline.kubeflow:8888"


def kafka_settings() -> KafkaSettings:
    """Return the login at brokers of Kafka, of ``HEADRACE_KAFKA_*``."""
    return KafkaSettings(
        security_protocol=os.environ.get("HEADRACE_KAFKA_SECURITY_PROTOCOL", ""),
        sasl_mechanism=os.environ.get("HEADRACE_KAFKA_SASL_MECHANISM", ""),
        user=os.environ.get("HEADRACE_KAFKA_USER", ""),
        password=os.environ.get("HEADRACE_KAFKA_PASSWORD", ""),
        ca_file=os.environ.get("HEADRACE_KAFKA_CA_FILE", ""),
        file=os.environ.get("HEADRACE_KAFKA_SETTINGS_FILE", ""),
    )


def ksql_settings() -> KsqlSettings:
    """Return the login at a ksqlDB server, of ``HEADRACE_KSQLDB_*``."""
    return KsqlSettings(
        user=os.environ.get("HEADRACE_KSQLDB_USER", ""),
        password=os.environ.get("HEADRACE_KSQLDB_PASSWORD", ""),
        ca_file=os.environ.get("HEADRACE_KSQLDB_CA_FILE", ""),
    )


def schema_registry_settings() -> SchemaRegistrySettings:
    """Return the login at a schema registry, of ``HEADRACE_SCHEMA_REGISTRY_*``."""
    return SchemaRegistrySettings(
        user=os.environ.get("HEADRACE_SCHEMA_REGISTRY_USER", ""),
        password=os.environ.get("HEADRACE_SCHEMA_REGISTRY_PASSWORD", ""),
        token=os.environ.get("HEADRACE_SCHEMA_REGISTRY_TOKEN", ""),
        ca_file=os.environ.get("HEADRACE_SCHEMA_REGISTRY_CA_FILE", ""),
    )


def events_path() -> str:
    """Return the file that steps append events to (``HEADRACE_EVENTS``); empty when unset."""
    return os.environ.get("HEADRACE_EVENTS", "")


def lease_path() -> str:
    """Return the lease that helper processes must not outlive (``HEADRACE_LEASE``); empty when unset."""
    return os.environ.get("HEADRACE_LEASE", "")


def sql_password() -> str:
    """Return the password of the source database (``HEADRACE_SQL_PASSWORD``); empty when unset."""
    return os.environ.get("HEADRACE_SQL_PASSWORD", "")


def max_download_bytes() -> int:
    """Return the largest download from a URL in bytes (``HEADRACE_MAX_DOWNLOAD_BYTES``); 20 GiB when unset.

    Raises:
        InputError: If it is not a positive whole number.
    """
    return positive("HEADRACE_MAX_DOWNLOAD_BYTES", os.environ.get("HEADRACE_MAX_DOWNLOAD_BYTES", ""), 20 * 2**30)


def claim_seconds() -> int:
    """Return how long a claim on a cluster lasts unrenewed (``HEADRACE_CLAIM_SECONDS``); 300 when unset.

    Raises:
        InputError: If it is not a positive whole number.
    """
    return positive("HEADRACE_CLAIM_SECONDS", os.environ.get("HEADRACE_CLAIM_SECONDS", ""), 300)


def kubeconfig() -> str:
    """Return the files that configure access to a cluster (``KUBECONFIG``, kubectl's own); empty when unset."""
    return os.environ.get("KUBECONFIG", "")


def pod_environment() -> dict[str, str]:
    """Return Kubernetes' variables by which a pod finds its API server; empty outside a pod."""
    names = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def gateway() -> str:
    """Return host and port of the gateway to a cluster's endpoints (``HEADRACE_GATEWAY``); empty inside the cluster."""
    return os.environ.get("HEADRACE_GATEWAY", "")


def hash_key() -> bytes:
    """Return the key that personal columns are hashed with (``HEADRACE_HASH_KEY``); empty when unset."""
    return os.environ.get("HEADRACE_HASH_KEY", "").encode()


def unknown_variables() -> dict[str, str]:
    """Return unknown variables with the prefix ``HEADRACE_``, each with a similar known name, if any.

    All variables that are read are in this module, so its own text is the list of them.
    """
    known_names = set(re.findall(r"HEADRACE_[A-Z0-9_]*[A-Z0-9]", Path(__file__).read_text(encoding="utf-8")))
    unknown = sorted(name for name in os.environ if name.startswith("HEADRACE_") and name not in known_names)
    return {name: next(iter(difflib.get_close_matches(name, known_names, n=1, cutoff=0.8)), "") for name in unknown}


def image_digest() -> str:
    """Return the digest of this process's image (``HEADRACE_IMAGE_DIGEST``, set by the image); empty when unknown.

    Raises:
        InputError: If it is not the digest of an image.
    """
    text = os.environ.get("HEADRACE_IMAGE_DIGEST", "")
    if text and not _IMAGE.fullmatch(text):
        raise InputError(
            f"HEADRACE_IMAGE_DIGEST must be a digest such as sha256:0123…, perhaps after an image's name and @; got "
            f"{text!r} instead."
        )
    return text


def jvm_library() -> str:
    """Return the suite's Java library (``HEADRACE_JVM_LIBRARY``); empty for the one that ``make jvm`` built."""
    return os.environ.get("HEADRACE_JVM_LIBRARY", "")


def h2o_memory() -> str:
    """Return the memory of H2O's server (``HEADRACE_H2O_MEMORY``), as Java writes it; ``2g`` when unset.

    Raises:
        InputError: If it is not a whole number of megabytes or gigabytes.
    """
    text = os.environ.get("HEADRACE_H2O_MEMORY", "") or "2g"
    if not re.fullmatch(r"[1-9]\d{0,5}[mg]", text):
        raise InputError(f"HEADRACE_H2O_MEMORY must be a size such as 800m or 4g; got {text!r} instead.")
    return text


def checkpoints() -> str:
    """Return the folder of the checkpoints of networks (``HEADRACE_CHECKPOINTS``); empty for one in ``/tmp``."""
    return os.environ.get("HEADRACE_CHECKPOINTS", "")


def network_environment(compiled: Path) -> dict[str, str]:
    """Return this process's variables for the one that fits networks: its backend, and the same sums on any machine.

    Args:
        compiled: Folder where JAX keeps what it compiles.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith(("KERAS_", "TF_", "HEADRACE_S3_"))}
    speed = own.pop("XLA_FLAGS", "")
    # Without a folder of its own, Keras would read the account's keras.json, and write one.
    return {
        **own,
        "KERAS_BACKEND": "jax",
        "KERAS_HOME": "/dev/null/keras",
        "JAX_ENABLE_X64": "0",
        "JAX_COMPILATION_CACHE_DIR": str(compiled),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
        "XLA_FLAGS": f"{speed} --xla_gpu_deterministic_ops=true".strip(),
    }


def signing_password() -> str:
    """Return the password of the bundle signing key (``HEADRACE_SIGNING_PASSWORD``); empty when unset."""
    return os.environ.get("HEADRACE_SIGNING_PASSWORD", "")


def identity_token() -> str:
    """Return the token that signs bundles without a key (``HEADRACE_IDENTITY_TOKEN``); empty when unset."""
    return os.environ.get("HEADRACE_IDENTITY_TOKEN", "")


def notice_addresses() -> str:
    """Return the addresses that notices of a monitor go to (``HEADRACE_NOTICE_ADDRESSES``); empty when unset."""
    return os.environ.get("HEADRACE_NOTICE_ADDRESSES", "")


def notice_addresses_file() -> str:
    """Return the file of such addresses, one in a line (``HEADRACE_NOTICE_ADDRESSES_FILE``); empty when unset."""
    return os.environ.get("HEADRACE_NOTICE_ADDRESSES_FILE", "")


RECORDS = (
    "HEADRACE_REGISTRY",
    "HEADRACE_REGISTRY_USER",
    "HEADRACE_REGISTRY_PASSWORD",
    "HEADRACE_REGISTRY_TOKEN",
    "HEADRACE_CATALOG",
    "HEADRACE_CATALOG_PASSWORD",
    "HEADRACE_OPENLINEAGE",
    "HEADRACE_OPENLINEAGE_KEY",
    "HEADRACE_ACTOR",
)
"""Variables of registry, catalogue and lineage, which steps on a cluster get too."""


def records() -> dict[str, str]:
    """Return those of ``RECORDS`` that are set, by name."""
    return {name: os.environ[name] for name in RECORDS if os.environ.get(name)}


def registry() -> str:
    """Return the model registry (``HEADRACE_REGISTRY``): a file, ``sqlite:///...`` or ``http(s)://...``; or empty."""
    return os.environ.get("HEADRACE_REGISTRY", "")


def registry_login() -> Login:
    """Return the login at the registry (``HEADRACE_REGISTRY_USER``, ``_PASSWORD``, ``_TOKEN``); empty when unset."""
    return Login(
        user=os.environ.get("HEADRACE_REGISTRY_USER", ""),
        password=os.environ.get("HEADRACE_REGISTRY_PASSWORD", ""),
        token=os.environ.get("HEADRACE_REGISTRY_TOKEN", ""),
    )


def before_mlflow() -> None:
    """Set the variables that MLflow reads on import: no telemetry, the login, few retries."""
    login = registry_login()
    login_variables = {
        "MLFLOW_TRACKING_USERNAME": login.user,
        "MLFLOW_TRACKING_PASSWORD": login.password,
        "MLFLOW_TRACKING_TOKEN": login.token,
    }
    os.environ.update({name: value for name, value in login_variables.items() if value})
    defaults = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
        # A folder of runs, which MLflow 3.17 refuses otherwise, is only read: `headrace import`.
        "MLFLOW_ALLOW_FILE_STORE": "true",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)


def catalog() -> str:
    """Return the catalogue (``HEADRACE_CATALOG``): a file, ``sqlite:///`` or ``postgresql://``; or empty."""
    return os.environ.get("HEADRACE_CATALOG", "")


def catalog_password() -> str:
    """Return the password of the catalogue's database (``HEADRACE_CATALOG_PASSWORD``); empty when unset."""
    return os.environ.get("HEADRACE_CATALOG_PASSWORD", "")


def openlineage() -> str:
    """Return the receiver of lineage events (``HEADRACE_OPENLINEAGE``): a file or an OpenLineage URL; or empty."""
    return os.environ.get("HEADRACE_OPENLINEAGE", "")


def openlineage_key() -> str:
    """Return the key of the OpenLineage endpoint (``HEADRACE_OPENLINEAGE_KEY``); empty when unset."""
    return os.environ.get("HEADRACE_OPENLINEAGE_KEY", "")


def actor() -> str:
    """Return the actor's name for the history (``HEADRACE_ACTOR``); the user of this process when unset."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        user = str(os.getuid())
    return os.environ.get("HEADRACE_ACTOR", "") or user


def without_blas_threads() -> None:
    """Prevent NumPy from starting threads on import: a process with threads cannot be forked safely."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def without_telemetry() -> None:
    """Prevent ONNX Runtime and MLflow from sending telemetry, unless the user allows it.

    Call it before either is imported; ``ORT_DISABLE_TELEMETRY=0`` or ``MLFLOW_DISABLE_TELEMETRY=false`` allow it.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def accept_zone_offsets() -> None:
    """Let Polars take an offset such as +05:30 for a time zone, in this process and those that it starts."""
    os.environ.setdefault("POLARS_IGNORE_TIMEZONE_PARSE_ERROR", "1")


def notebook_path() -> str:
    """Return the path of the notebook whose kernel this is, as Jupyter's server sets it; empty elsewhere."""
    return os.environ.get("JPY_SESSION_NAME", "")
