"""Logs of pods, and events of objects."""

from dataclasses import dataclass
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EVENTS, PODS
from headrace.cluster.api.transport import ApiRequest
from headrace.core.base.errors import ClusterError

# Texts by which the server refuses the log of a container that has not started: while it waits, before the kubelet
# knows its pod, and in between.
_NOT_STARTED = ("waiting to start", "not found in pod", "is not available")


@dataclass(frozen=True)
class ObjectEvent:
    """An event of an object.

    Attributes:
        kind: Kind of the object.
        name: Name of the object.
        type: ``Normal`` or ``Warning``.
        reason: Reason in one word, such as ``FailedCreate``.
        message: Message of the component that reported it.
        last: Time of its last occurrence, RFC 3339; empty if unknown.
        count: Number of occurrences.
    """

    kind: str
    name: str
    type: str
    reason: str
    message: str
    last: str
    count: int


def events(cluster: Cluster, kind: str, name: str, *, namespace: str = "", uid: str = "") -> list[ObjectEvent]:
    """Return the events of an object, the latest last.

    Args:
        cluster: The cluster.
        kind: Its kind, such as ``Pod``.
        name: Its name.
        namespace: Its namespace.
        uid: Its ``metadata.uid``, to exclude events of an earlier object of that name.

    Raises:
        ClusterError: If the server does not answer, or does not allow it.
    """
    selectors = {"involvedObject.kind": kind, "involvedObject.name": name, "involvedObject.uid": uid}
    fields = ",".join(f"{field}={value}" for field, value in selectors.items() if value)
    result = [_event(entry) for entry in cluster.list(EVENTS, namespace=namespace, fields=fields)]
    return sorted(result, key=lambda event: event.last)


def _event(entry: dict[str, Any]) -> ObjectEvent:
    subject, series = entry.get("involvedObject") or {}, entry.get("series") or {}
    times = (series.get("lastObservedTime"), entry.get("lastTimestamp"), entry.get("eventTime"))
    created = (entry.get("metadata") or {}).get("creationTimestamp", "")
    return ObjectEvent(
        kind=str(subject.get("kind", "")),
        name=str(subject.get("name", "")),
        type=str(entry.get("type", "")),
        reason=str(entry.get("reason", "")),
        message=" ".join(str(entry.get("message", "")).split()),
        last=str(next((time for time in times if time), created)),
        count=int(series.get("count") or entry.get("count") or 1),
    )


def logs(
    cluster: Cluster,
    pod: str,
    *,
    namespace: str = "",
    container: str = "",
    lines: int = 100,
    previous: bool = False,
    limit_bytes: int = 1 << 20,
) -> str:
    """Return the last lines of a container's log; empty while it has not started.

    Args:
        cluster: The cluster.
        pod: Its name.
        namespace: Its namespace.
        container: The container; empty for the only one.
        lines: Number of lines.
        previous: Whether to read the log from before the container's last restart.
        limit_bytes: Maximum number of bytes to read.

    Raises:
        MissingError: If the pod does not exist.
        ClusterError: If the server does not answer, or does not allow it.
    """
    query = {"tailLines": str(lines), "limitBytes": str(limit_bytes), "container": container}
    query |= {"previous": "true"} if previous else {}
    scope = namespace or cluster.namespace
    request = ApiRequest(
        "GET",
        PODS.path(scope, pod, "log"),
        f"get the log of {pod} in {scope}",
        query={name: value for name, value in query.items() if value},
    )
    try:
        return cluster.transport.data(request).decode("utf-8", "replace")
    except ClusterError as error:
        if error.reason == "invalid" and any(word in str(error) for word in _NOT_STARTED):
            return ""
        raise
