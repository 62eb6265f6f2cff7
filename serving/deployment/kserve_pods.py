"""Why pods do not come up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.serving.deployment.kserve_status import SOURCE

Document = Mapping[str, Any]
# Reasons that waiting does not fix. ErrImagePull is not among them: the next pull may succeed.
_HOPELESS = {
    "CrashLoopBackOff": "crashes again and again",
    "ImagePullBackOff": "has an image that cannot be pulled",
    "InvalidImageName": "has an image with an invalid name",
    "ErrImageNeverPull": "has an image that is not on the node and may not be pulled",
    "CreateContainerConfigError": "refers to a ConfigMap, Secret or key that does not exist",
    "CreateContainerError": "cannot be created",
    "RunContainerError": "cannot be started",
}


@dataclass(frozen=True)
class PodFailure:
    """Why a pod does not come up.

    Attributes:
        text: A clause that names pod and reason.
        pod: Its name.
        container: The container whose log may explain the failure; empty for none.
        previous: Whether to read the log from before the container's last restart.
        message: The container's termination message, for use if its log cannot be read.
    """

    text: str
    pod: str
    container: str = ""
    previous: bool = False
    message: str = ""


def pods_of_version(pods: Iterable[Document], uri: str, *, since: str = "") -> list[Document]:
    """Return the pods of one version, newest first, without pods of an earlier attempt or that are being deleted.

    Args:
        pods: Pods of the model.
        uri: Address of the version's bundle.
        since: When the attempt began, RFC 3339.
    """
    version_pods = [
        pod
        for pod in pods
        if uri in _sources(pod)
        and not pod["metadata"].get("deletionTimestamp")
        and str(pod["metadata"]["creationTimestamp"]) >= since
    ]
    return sorted(version_pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)


def _sources(pod: Document) -> set[str]:
    annotated = (pod["metadata"].get("annotations") or {}).get(SOURCE, "")
    fetched = [arg for container in pod["spec"].get("initContainers") or [] for arg in container.get("args") or []]
    return {annotated, *fetched}


def failure(pods: Iterable[Document], *, patience: float, now: datetime | None = None) -> PodFailure | None:
    """Return the first failure of a pod that waiting does not fix; None if there is none.

    Args:
        pods: Pods of one version.
        patience: Seconds that a pod may wait for a node, which an autoscaler may have to create first.
        now: The time; None for the clock's.
    """
    for pod in pods:
        cause = _find_crash(pod) or _find_unscheduled(pod, patience, now or datetime.now(UTC))
        if cause:
            return cause
    return None


def ready(pod: Document) -> bool:
    """Return whether a pod takes requests."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any((condition["type"], condition["status"]) == ("Ready", "True") for condition in conditions)


def waiting_since(pod: Document, now: datetime) -> float:
    """Return the seconds since a pod was created."""
    created = datetime.fromisoformat(str(pod["metadata"]["creationTimestamp"]))
    return (now - created).total_seconds()


def _find_crash(pod: Document) -> PodFailure | None:
    name, status = str(pod["metadata"]["name"]), pod.get("status") or {}
    for entry in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (entry.get("state") or {}).get("waiting") or {}
        reason, restarts = str(waiting.get("reason", "")), int(entry.get("restartCount") or 0)
        if reason not in _HOPELESS or (reason == "CrashLoopBackOff" and not restarts):
            continue
        terminated = (entry.get("lastState") or {}).get("terminated") or {}
        facts = [reason]
        if terminated:
            facts += [f"exit code {terminated.get('exitCode')}", str(terminated.get("reason", ""))]
        message = " ".join(str(waiting.get("message", "")).split())
        text = f"the container {entry['name']} of pod {name} {_HOPELESS[reason]} ({', '.join(filter(None, facts))})"
        suffix = f": {message}" if message and reason != "CrashLoopBackOff" else ""
        container, termination_message = str(entry["name"]) if terminated else "", str(terminated.get("message") or "")
        return PodFailure(text + suffix, name, container, previous=bool(terminated), message=termination_message)
    return None


def _find_unscheduled(pod: Document, patience: float, now: datetime) -> PodFailure | None:
    for entry in (pod.get("status") or {}).get("conditions") or []:
        unscheduled = (entry["type"], entry["status"]) == ("PodScheduled", "False")
        if unscheduled and waiting_since(pod, now) > patience:
            name, message = str(pod["metadata"]["name"]), " ".join(str(entry.get("message", "")).split())
            return PodFailure(f"pod {name} finds no node ({entry.get('reason', '')}): {message}", name)
    return None
