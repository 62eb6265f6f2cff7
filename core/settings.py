"""The environment, read here and nowhere else."""

import os
import pwd
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headrace.core.errors import InputError


@dataclass(frozen=True)
class StoreSettings:
    """How to reach an S3 object store.

    Attributes:
        endpoint: URL with scheme, host and port, without a path.
        access_key: Access key; never shown.
        secret_key: Secret key; never shown.
        region: Region that signatures are made for.
        bucket: Bucket in which models are published.
    """

    endpoint: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    bucket: str = "headrace"

    def __post_init__(self) -> None:
        """Refuse an endpoint that is not a bare URL, and empty keys.

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
        """The same settings as environment variables, for a child process."""
        return {
            "HEADRACE_S3_ENDPOINT": self.endpoint,
            "HEADRACE_S3_ACCESS_KEY": self.access_key,
            "HEADRACE_S3_SECRET_KEY": self.secret_key,
            "HEADRACE_S3_REGION": self.region,
            "HEADRACE_S3_BUCKET": self.bucket,
        }


def store_settings() -> StoreSettings | None:
    """The object store of ``HEADRACE_S3_*``, or None when no endpoint is set."""
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


def events_path() -> str:
    """File to which steps append their events (``HEADRACE_EVENTS``); empty when nobody listens."""
    return os.environ.get("HEADRACE_EVENTS", "")


def lease_path() -> str:
    """Lease that helper processes must not outlive (``HEADRACE_LEASE``); empty when there is none."""
    return os.environ.get("HEADRACE_LEASE", "")


def sql_password() -> str:
    """Password of the database that a table is read from (``HEADRACE_SQL_PASSWORD``); empty when unset."""
    return os.environ.get("HEADRACE_SQL_PASSWORD", "")


def max_download_bytes() -> int:
    """Most bytes that are fetched from one URL (``HEADRACE_MAX_DOWNLOAD_BYTES``); 20 GiB when unset.

    Raises:
        InputError: If it is no positive whole number.
    """
    text = os.environ.get("HEADRACE_MAX_DOWNLOAD_BYTES", "")
    if not text:
        return 20 * 2**30
    if not text.isdecimal() or int(text) == 0:
        raise InputError(f"HEADRACE_MAX_DOWNLOAD_BYTES must be a positive whole number; got {text!r} instead.")
    return int(text)


def hash_key() -> bytes:
    """Key under which personal columns are hashed (``HEADRACE_HASH_KEY``); empty when unset."""
    return os.environ.get("HEADRACE_HASH_KEY", "").encode()


@dataclass(frozen=True)
class Login:
    """Who asks a registry that wants to know.

    Attributes:
        user: Name for basic authentication; empty for none.
        password: Its password; never shown.
        token: Bearer token, in place of both; never shown.
    """

    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


def registry() -> str:
    """Where models are registered (``HEADRACE_REGISTRY``): a file, ``sqlite:///...`` or ``http(s)://...``; or empty."""
    return os.environ.get("HEADRACE_REGISTRY", "")


def registry_login() -> Login:
    """Who asks the registry (``HEADRACE_REGISTRY_USER``, ``_PASSWORD``, ``_TOKEN``); empty when unset."""
    return Login(
        user=os.environ.get("HEADRACE_REGISTRY_USER", ""),
        password=os.environ.get("HEADRACE_REGISTRY_PASSWORD", ""),
        token=os.environ.get("HEADRACE_REGISTRY_TOKEN", ""),
    )


def before_mlflow() -> None:
    """Set what MLflow reads from the environment when it is imported: no telemetry, the login, few retries."""
    login = registry_login()
    told = {
        "MLFLOW_TRACKING_USERNAME": login.user,
        "MLFLOW_TRACKING_PASSWORD": login.password,
        "MLFLOW_TRACKING_TOKEN": login.token,
    }
    os.environ.update({name: value for name, value in told.items() if value})
    usual = {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    }
    for name, value in usual.items():
        os.environ.setdefault(name, value)


def catalog() -> str:
    """Where tables are catalogued (``HEADRACE_CATALOG``): a file, ``sqlite:///`` or ``postgresql://``; or empty."""
    return os.environ.get("HEADRACE_CATALOG", "")


def catalog_password() -> str:
    """Password of the catalogue's database (``HEADRACE_CATALOG_PASSWORD``); empty when unset."""
    return os.environ.get("HEADRACE_CATALOG_PASSWORD", "")


def openlineage() -> str:
    """Where lineage events go (``HEADRACE_OPENLINEAGE``): a file, or the URL of an OpenLineage endpoint; or empty."""
    return os.environ.get("HEADRACE_OPENLINEAGE", "")


def openlineage_key() -> str:
    """Key of the OpenLineage endpoint (``HEADRACE_OPENLINEAGE_KEY``); empty when unset."""
    return os.environ.get("HEADRACE_OPENLINEAGE_KEY", "")


def actor() -> str:
    """Who acts, as the history is to call them (``HEADRACE_ACTOR``); the user of this process when unset."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container may run under a number that has no name
        user = str(os.getuid())
    return os.environ.get("HEADRACE_ACTOR", "") or user


def without_blas_threads() -> None:
    """Keep NumPy from starting threads when it is imported: a process that has some cannot be forked."""
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(name, "1")
