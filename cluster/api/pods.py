"""What pods said and what happened to objects: logs and events."""

from dataclasses import dataclass
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import EVENTS, PODS
from headrace.cluster.api.transport import ApiRequest
from headrace.core.base.errors import ClusterError

# In which words a container's log is refused before it has started: as it waits, before the kubelet knows its pod, and
# in between.
_NOT_STARTED = ("waiting to start", "not found in pod", "is not available")


@dataclass(frozen=True)
class ObjectEvent:
    """Something that happened to an object.

    Attributes:
        kind: Kind of the object.
        name: Name of the object.
        type: ``Normal`` or ``Warning``.
        reason: In one word, such as ``FailedCreate``.
        message: In the words of whoever saw it.
        last: When it happened last, RFC 3339; empty if unknown.
        count: How often.
    """

    kind: str
    name: str
    type: str
    reason: str
    message: str
    last: str
    count: int


def events(cluster: Cluster, kind: str, name: str, *, namespace: str = "", uid: str = "") -> list[ObjectEvent]:
    """What happened to an object, the latest last.

    Args:
        cluster: Where it lies.
        kind: Its kind, such as ``Pod``.
        name: Its name.
        namespace: Its namespace.
        uid: Its ``metadata.uid``, to leave out what happened to an earlier one of that name.

    Raises:
        ClusterError: If the server cannot be asked, or does not allow it.
    """
    wanted = {"involvedObject.kind": kind, "involvedObject.name": name, "involvedObject.uid": uid}
    fields = ",".join(f"{field}={value}" for field, value in wanted.items() if value)
    found = [_event(entry) for entry in cluster.list(EVENTS, namespace=namespace, fields=fields)]
    return sorted(found, key=lambda event: event.last)


def _event(entry: dict[str, Any]) -> ObjectEvent:
    about, series = entry.get("involvedObject") or {}, entry.get("series") or {}
    times = (series.get("lastObservedTime"), entry.get("lastTimestamp"), entry.get("eventTime"))
    made = (entry.get("metadata") or {}).get("creationTimestamp", "")
    return ObjectEvent(
        kind=str(about.get("kind", "")),
        name=str(about.get("name", "")),
        type=str(entry.get("type", "")),
        reason=str(entry.get("reason", "")),
        message=" ".join(str(entry.get("message", "")).split()),
        last=str(next((time for time in times if time), made)),
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
        cluster: Where the pod runs.
        pod: Its name.
        namespace: Its namespace.
        container: Which container; empty for the only one.
        lines: How many lines.
        previous: Whether of the container before its last restart.
        limit_bytes: Most bytes that are read.

    Raises:
        MissingError: If there is no such pod.
        ClusterError: If the server cannot be asked, or does not allow it.
    """
    query = {"tailLines": str(lines), "limitBytes": str(limit_bytes), "container": container}
    query |= {"previous": "true"} if previous else {}
    place = namespace or cluster.namespace
    request = ApiRequest(
        "GET",
        PODS.path(place, pod, "log"),
        f"get the log of {pod} in {place}",
        query={name: value for name, value in query.items() if value},
    )
    try:
        return cluster.transport.data(request).decode("utf-8", "replace")
    except ClusterError as error:
        if error.reason == "invalid" and any(word in str(error) for word in _NOT_STARTED):
            return ""
        raise
