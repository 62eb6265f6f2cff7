"""Where the metrics of an endpoint's pods are read."""

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import PODS
from headrace.serving.deployment import kserve_pods, kserve_status

_PORT = "prometheus.kserve.io/port"


def of_services(cluster: Cluster, *names: str) -> dict[str, str]:
    """Addresses of the pods of some InferenceServices, by the pods' names.

    Args:
        cluster: Where they run.
        names: Names of the InferenceServices.
    """
    label = f"{kserve_status.SERVICE_LABEL} in ({','.join(names)})"
    return {str(pod["metadata"]["name"]): _address(pod) for pod in cluster.list(PODS, labels=label) if _there(pod)}


def of_workload(cluster: Cluster, workload: str) -> dict[str, str]:
    """Addresses of the pods of one Deployment that take requests, by the pods' names.

    Args:
        cluster: Where they run.
        workload: Name of the Deployment.
    """
    pods = cluster.list(PODS, labels=f"app=isvc.{workload}")
    return {str(pod["metadata"]["name"]): _address(pod) for pod in pods if _there(pod) and kserve_pods.ready(pod)}


def _there(pod: Document) -> bool:
    return bool((pod.get("status") or {}).get("podIP")) and not pod["metadata"].get("deletionTimestamp")


def _address(pod: Document) -> str:
    return f"http://{pod['status']['podIP']}:{_port(pod)}"


def _port(pod: Document) -> str:
    """Port of a pod's metrics: what its runtime says, else its server's first."""
    said = (pod["metadata"].get("annotations") or {}).get(_PORT)
    if said:
        return str(said)
    server: Document = next((one for one in pod["spec"]["containers"] if one["name"] == "kserve-container"), {})
    return str(next((one["containerPort"] for one in server.get("ports") or []), 8080))
