"""Connect to a cluster with a pod's service account or the kubeconfig of the environment."""

import dataclasses
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.transport import ApiTransport
from headrace.core.base import settings
from headrace.core.base.errors import ClusterError, quote

if TYPE_CHECKING:
    from kubernetes.client import Configuration

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT_KUBECONFIG = "~/.kube/config"


def connect(*, context: str = "", kubeconfig: str = "", namespace: str = "", folder: Path = SERVICE_ACCOUNT) -> Cluster:
    """Return a client for the cluster without sending a request.

    A kubeconfig that is named here or by ``KUBECONFIG`` has priority, as has a context; then comes the service account
    of the pod in which this runs, then kubectl's default file.

    Args:
        context: Context of the kubeconfig; empty for its current one.
        kubeconfig: Path of a kubeconfig, several joined by colons; empty for the one of ``KUBECONFIG``.
        namespace: Namespace to work in; empty for the pod's own or the context's.
        folder: Folder of a pod's service account.

    Raises:
        ClusterError: If there is neither, or it cannot be used.
    """
    files = kubeconfig or settings.kubeconfig()
    if files or context or not (folder / "token").is_file():
        cluster = _from_kubeconfig(files or DEFAULT_KUBECONFIG, context)
    else:
        cluster = _from_pod(folder)
    return dataclasses.replace(cluster, namespace=namespace) if namespace else cluster


def with_token(cluster: Cluster, token: str) -> Cluster:
    """Return a client for the same cluster with the identity of a bearer token."""
    configuration = _configuration()
    current = cluster.transport.api.configuration
    configuration.host, configuration.ssl_ca_cert = current.host, current.ssl_ca_cert
    configuration.verify_ssl, configuration.tls_server_name = current.verify_ssl, current.tls_server_name
    configuration.proxy, configuration.no_proxy = current.proxy, current.no_proxy
    configuration.api_key["authorization"] = f"Bearer {token}"
    return _cluster(configuration, namespace=cluster.namespace, context=cluster.context)


def _configuration() -> "Configuration":
    from kubernetes.client import Configuration  # noqa: PLC0415 - slow

    configuration = Configuration()
    configuration.retries = False  # ApiTransport retries what is safe to retry
    return configuration


def _cluster(configuration: "Configuration", *, namespace: str, context: str) -> Cluster:
    from kubernetes.client import ApiClient  # noqa: PLC0415 - slow

    api = ApiClient(configuration)
    api.user_agent = f"headrace/{version('headrace')}"
    return Cluster(transport=ApiTransport(api=api, address=configuration.host), namespace=namespace, context=context)


def _from_pod(folder: Path) -> Cluster:
    from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415 - slow
    from kubernetes.config.incluster_config import InClusterConfigLoader  # noqa: PLC0415

    configuration = _configuration()
    loader = InClusterConfigLoader(
        token_filename=str(folder / "token"),
        cert_filename=str(folder / "ca.crt"),
        environ=settings.pod_environment(),
    )
    try:
        loader.load_and_set(configuration)
        namespace = (folder / "namespace").read_text(encoding="utf-8").strip()
    except (ConfigException, OSError) as error:
        raise ClusterError(
            f"the pod's service account in {folder} cannot be used: {error}; "
            "run in a pod that mounts its token, or set KUBECONFIG.",
            "config",
        ) from error
    return _cluster(configuration, namespace=namespace or "default", context="")


def _from_kubeconfig(files: str, context: str) -> Cluster:
    from kubernetes.config import kube_config  # noqa: PLC0415 - slow
    from kubernetes.config.config_exception import ConfigException  # noqa: PLC0415

    paths = [Path(part).expanduser() for part in files.split(":") if part]
    if not any(path.is_file() for path in paths):
        raise ClusterError(
            f"no cluster is known: there is no kubeconfig {files}; "
            "set KUBECONFIG to the file that kubectl uses, or run in a pod.",
            "config",
        )
    configuration = _configuration()
    try:
        contexts, current = kube_config.list_kube_config_contexts(files)
        kube_config.load_kube_config(
            config_file=files, context=context or None, client_configuration=configuration, persist_config=False
        )
        entry_in_use = next(entry for entry in contexts if entry["name"] == (context or current["name"]))
    except (ConfigException, yaml.YAMLError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # The loader validates little: a document of another form raises Python's own errors.
        suffix = f" (context {quote(context)})" if context else ""
        raise ClusterError(
            f"the kubeconfig {files}{suffix} cannot be used: {_one_line(error)}; correct it, or set KUBECONFIG.",
            "config",
        ) from error
    details: dict[str, Any] = entry_in_use.get("context") or {}
    return _cluster(
        configuration, namespace=str(details.get("namespace") or "default"), context=str(entry_in_use.get("name", ""))
    )


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
