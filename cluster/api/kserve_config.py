"""Read KServe's own configuration."""

import json
from dataclasses import dataclass
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS
from headrace.core.base.errors import ClusterError

CONFIG, CONFIG_NAMESPACE = "inferenceservice-config", "kserve"


@dataclass(frozen=True)
class KServeConfig:
    """The part of the configuration about modes and routes.

    Attributes:
        default_mode: Default mode, in KServe's own spelling; empty if not set.
        gateway_api: Whether KServe creates routes of the Gateway API, without which canaries get no requests.
        makes_ingress: Whether KServe creates an Ingress if it does not use the Gateway API.
    """

    default_mode: str = ""
    gateway_api: bool = False
    makes_ingress: bool = True


def read(cluster: Cluster) -> KServeConfig | None:
    """Return the configuration; None if this account may not read it.

    Raises:
        ClusterError: If the cluster cannot be read.
    """
    try:
        config_map = cluster.get(CONFIG_MAPS, CONFIG, namespace=CONFIG_NAMESPACE)
    except ClusterError as error:
        if error.reason == "forbidden":
            return None
        raise
    data = (config_map or {}).get("data") or {}
    deploy, ingress = _parse_value(data.get("deploy")), _parse_value(data.get("ingress"))
    return KServeConfig(
        default_mode=str(deploy.get("defaultDeploymentMode") or ""),
        gateway_api=bool(ingress.get("enableGatewayApi")),
        makes_ingress=not ingress.get("disableIngressCreation"),
    )


def _parse_value(text: Any) -> dict[str, Any]:
    """Return a value of the ConfigMap; empty if it is not a JSON object."""
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
