"""The environment, read here and nowhere else."""

import difflib
import os
import pwd
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from headrace.core.base.environment_values import KfpSettings, Login, TrialSettings, positive
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


def trial_settings() -> TrialSettings:
    """The trial of ``HEADRACE_STUDY``, ``HEADRACE_TRIAL`` and ``HEADRACE_TRIAL_PARAMETERS``.

    Raises:
        InputError: If one of them is not set.
    """
    names = ("HEADRACE_STUDY", "HEADRACE_TRIAL", "HEADRACE_TRIAL_PARAMETERS")
    values = [os.environ.get(name, "") for name in names]
    absent = [name for name, value in zip(names, values, strict=True) if not value]
    if absent:
        raise InputError(f"a trial must be told {', '.join(names)}; {', '.join(absent)} is not set.")
    return TrialSettings(*values)


def kfp_settings() -> KfpSettings | None:
    """The API of ``HEADRACE_KFP_*``, or None when no endpoint is set."""
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
    """URL of the same API as pods reach it (``HEADRACE_KFP_POD_ENDPOINT``); the usual Service's when unset."""
    return os.environ.get("HEADRACE_KFP_POD_ENDPOINT", "") or "http://ml-pipeline.kubeflow:8888"


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
    return positive("HEADRACE_MAX_DOWNLOAD_BYTES", os.environ.get("HEADRACE_MAX_DOWNLOAD_BYTES", ""), 20 * 2**30)


def claim_seconds() -> int:
    """How long a claim on what is under way on a cluster lasts unrenewed (``HEADRACE_CLAIM_SECONDS``); 300 when unset.

    Raises:
        InputError: If it is no positive whole number.
    """
    return positive("HEADRACE_CLAIM_SECONDS", os.environ.get("HEADRACE_CLAIM_SECONDS", ""), 300)


def kubeconfig() -> str:
    """Files that say how to reach a cluster (``KUBECONFIG``, kubectl's own variable); empty when unset."""
    return os.environ.get("KUBECONFIG", "")


def pod_environment() -> dict[str, str]:
    """Kubernetes' own variables by which a pod finds its API server; empty outside a pod."""
    names = ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT")
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def gateway() -> str:
    """Host and port of the gateway to a cluster's endpoints (``HEADRACE_GATEWAY``); empty inside of the cluster."""
    return os.environ.get("HEADRACE_GATEWAY", "")


def hash_key() -> bytes:
    """Key under which personal columns are hashed (``HEADRACE_HASH_KEY``); empty when unset."""
    return os.environ.get("HEADRACE_HASH_KEY", "").encode()


def unknown_variables() -> dict[str, str]:
    """Variables with the prefix ``HEADRACE_`` that nothing reads, each with the known name that it resembles, if any.

    All that are read stand in this module, so that its own text is the list of them.
    """
    known = set(re.findall(r"HEADRACE_[A-Z0-9_]*[A-Z0-9]", Path(__file__).read_text(encoding="utf-8")))
    unknown = sorted(name for name in os.environ if name.startswith("HEADRACE_") and name not in known)
    return {name: next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.8)), "") for name in unknown}


def image_digest() -> str:
    """Digest of the image that this process runs in (``HEADRACE_IMAGE_DIGEST``, set by the image); empty when unknown.

    Raises:
        InputError: If it is no digest of an image.
    """
    text = os.environ.get("HEADRACE_IMAGE_DIGEST", "")
    if text and not _IMAGE.fullmatch(text):
        raise InputError(
            f"HEADRACE_IMAGE_DIGEST must be a digest such as sha256:0123…, perhaps after an image's name and @; got "
            f"{text!r} instead."
        )
    return text


def signing_password() -> str:
    """Password of the private key that bundles are signed with (``HEADRACE_SIGNING_PASSWORD``); empty when unset."""
    return os.environ.get("HEADRACE_SIGNING_PASSWORD", "")


def identity_token() -> str:
    """Token of the identity that signs bundles without a key (``HEADRACE_IDENTITY_TOKEN``); empty when unset."""
    return os.environ.get("HEADRACE_IDENTITY_TOKEN", "")


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
"""Variables of registry, catalogue and lineage, as steps on a cluster get them too."""


def records() -> dict[str, str]:
    """Those of ``RECORDS`` that are set, by name."""
    return {name: os.environ[name] for name in RECORDS if os.environ.get(name)}


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


def without_telemetry() -> None:
    """Keep ONNX Runtime and MLflow from sending statistics to their makers, unless the user has chosen otherwise.

    To be called before either is imported; ``ORT_DISABLE_TELEMETRY=0`` or ``MLFLOW_DISABLE_TELEMETRY=false`` let them.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
