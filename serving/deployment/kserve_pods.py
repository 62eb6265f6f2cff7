"""Why pods do not come up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headrace.serving.deployment.kserve_status import SOURCE

Document = Mapping[str, Any]
# What no waiting mends. An image that could not be pulled once may be pulled the next time, hence no ErrImagePull.
_HOPELESS = {
    "CrashLoopBackOff": "crashes again and again",
    "ImagePullBackOff": "has an image that cannot be pulled",
    "InvalidImageName": "has an image whose name is none",
    "ErrImageNeverPull": "has an image that is not on the node and may not be pulled",
    "CreateContainerConfigError": "lacks what its definition names",
    "CreateContainerError": "cannot be created",
    "RunContainerError": "cannot be started",
}


@dataclass(frozen=True)
class PodFailure:
    """Why a pod does not come up.

    Attributes:
        text: A clause that names pod and reason.
        pod: Its name.
        container: The container whose log may tell more; empty for none.
        previous: Whether that is the log of the container before its last restart.
        message: What it left behind when it ended, where its log cannot be had.
    """

    text: str
    pod: str
    container: str = ""
    previous: bool = False
    message: str = ""


def of(pods: Iterable[Document], uri: str, *, since: str = "") -> list[Document]:
    """The pods of one version, the newest first, without those of an earlier attempt at it or on their way out.

    Args:
        pods: Pods of the model.
        uri: Address of the version's bundle.
        since: When the attempt began, RFC 3339.
    """
    own = [
        pod
        for pod in pods
        if uri in _sources(pod)
        and not pod["metadata"].get("deletionTimestamp")
        and str(pod["metadata"]["creationTimestamp"]) >= since
    ]
    return sorted(own, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)


def _sources(pod: Document) -> set[str]:
    annotated = (pod["metadata"].get("annotations") or {}).get(SOURCE, "")
    fetched = [arg for container in pod["spec"].get("initContainers") or [] for arg in container.get("args") or []]
    return {annotated, *fetched}


def failure(pods: Iterable[Document], *, patience: float, now: datetime | None = None) -> PodFailure | None:
    """The first reason for which a pod will not come up by itself.

    Args:
        pods: Pods of one version.
        patience: Seconds that a pod may wait for a node, which an autoscaler may still have to make.
        now: The time; None for the clock's.
    """
    for pod in pods:
        found = _find_crash(pod) or _homeless(pod, patience, now or datetime.now(UTC))
        if found:
            return found
    return None


def ready(pod: Document) -> bool:
    """Whether a pod takes requests."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def waiting_since(pod: Document, now: datetime) -> float:
    """Seconds since a pod was made."""
    made = datetime.fromisoformat(str(pod["metadata"]["creationTimestamp"]))
    return (now - made).total_seconds()


def _find_crash(pod: Document) -> PodFailure | None:
    name, said = str(pod["metadata"]["name"]), pod.get("status") or {}
    for entry in [*(said.get("initContainerStatuses") or []), *(said.get("containerStatuses") or [])]:
        waiting = (entry.get("state") or {}).get("waiting") or {}
        reason, restarts = str(waiting.get("reason", "")), int(entry.get("restartCount") or 0)
        if reason not in _HOPELESS or (reason == "CrashLoopBackOff" and not restarts):
            continue
        ended = (entry.get("lastState") or {}).get("terminated") or {}
        facts = [reason]
        if ended:
            facts += [f"exit code {ended.get('exitCode')}", str(ended.get("reason", ""))]
        told = " ".join(str(waiting.get("message", "")).split())
        text = f"the container {entry['name']} of pod {name} {_HOPELESS[reason]} ({', '.join(filter(None, facts))})"
        more = f": {told}" if told and reason != "CrashLoopBackOff" else ""
        container, message = str(entry["name"]) if ended else "", str(ended.get("message") or "")
        return PodFailure(text + more, name, container, previous=bool(ended), message=message)
    return None


def _homeless(pod: Document, patience: float, now: datetime) -> PodFailure | None:
    for entry in (pod.get("status") or {}).get("conditions") or []:
        nowhere = (entry["type"], entry["status"]) == ("PodScheduled", "False")
        if nowhere and waiting_since(pod, now) > patience:
            name, told = str(pod["metadata"]["name"]), " ".join(str(entry.get("message", "")).split())
            return PodFailure(f"pod {name} finds no node ({entry.get('reason', '')}): {told}", name)
    return None
