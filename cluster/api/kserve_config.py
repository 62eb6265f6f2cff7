"""What KServe's own configuration says."""

import json
from dataclasses import dataclass
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS
from headrace.core.base.errors import ClusterError

CONFIG, CONFIG_NAMESPACE = "inferenceservice-config", "kserve"


@dataclass(frozen=True)
class KServeConfig:
    """What of it concerns modes and routes.

    Attributes:
        default_mode: Mode of what names none, in KServe's own word; empty if it is not said.
        gateway_api: Whether routes of the Gateway API are made, by which alone canaries get requests.
        makes_ingress: Whether an Ingress is made where the Gateway API is not used.
    """

    default_mode: str = ""
    gateway_api: bool = False
    makes_ingress: bool = True


def read(cluster: Cluster) -> KServeConfig | None:
    """Read it; None if that is not allowed.

    Raises:
        ClusterError: If the cluster cannot be asked.
    """
    try:
        found = cluster.get(CONFIG_MAPS, CONFIG, namespace=CONFIG_NAMESPACE)
    except ClusterError as error:
        if error.reason == "forbidden":
            return None
        raise
    data = (found or {}).get("data") or {}
    deploy, ingress = _parse_value(data.get("deploy")), _parse_value(data.get("ingress"))
    return KServeConfig(
        default_mode=str(deploy.get("defaultDeploymentMode") or ""),
        gateway_api=bool(ingress.get("enableGatewayApi")),
        makes_ingress=not ingress.get("disableIngressCreation"),
    )


def _parse_value(text: Any) -> dict[str, Any]:
    """Return a value of the ConfigMap; empty if it is no JSON object."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
