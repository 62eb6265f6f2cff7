"""Addresses of the metrics of an endpoint's pods."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import PODS
from headrace.serving.deployment import kserve_pods, kserve_status

_PORT = "prometheus.kserve.io/port"


def of_services(cluster: Cluster, *names: str) -> dict[str, str]:
    """Return the addresses of the pods of some InferenceServices, by the pods' names.

    Args:
        cluster: The cluster and the namespace.
        names: Names of the InferenceServices.
    """
    label = f"{kserve_status.SERVICE_LABEL} in ({','.join(names)})"
    return {
        str(pod["metadata"]["name"]): _address(pod) for pod in cluster.list(PODS, labels=label) if _is_reachable(pod)
    }


def of_workload(cluster: Cluster, workload: str) -> dict[str, str]:
    """Return the addresses of the ready pods of one Deployment, by the pods' names.

    Args:
        cluster: The cluster and the namespace.
        workload: Name of the Deployment.
    """
    pods = cluster.list(PODS, labels=f"app=isvc.{workload}")
    return {
        str(pod["metadata"]["name"]): _address(pod) for pod in pods if _is_reachable(pod) and kserve_pods.ready(pod)
    }


def _is_reachable(pod: Document) -> bool:
    return bool((pod.get("status") or {}).get("podIP")) and not pod["metadata"].get("deletionTimestamp")


def _address(pod: Document) -> str:
    return f"http://{pod['status']['podIP']}:{_port(pod)}"


def _port(pod: Document) -> str:
    """Return the port of a pod's metrics: the one that its runtime names, else its server's first."""
    annotated = (pod["metadata"].get("annotations") or {}).get(_PORT)
    if annotated:
        return str(annotated)
    server: Document = next(
        (container for container in pod["spec"]["containers"] if container["name"] == "kserve-container"), {}
    )
    return str(next((container["containerPort"] for container in server.get("ports") or []), 8080))
