"""Wait for an object to change, with a deadline; a cut watch or a restarted API server does no harm."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import ObjectKind
from headrace.cluster.api.transport import ApiRequest
from headrace.core.base.errors import ClusterError

EVERY_SECONDS = 5.0
PATIENCE_SECONDS = 15.0
_PAUSE_SECONDS = 0.5

T = TypeVar("T")


def follow(
    cluster: Cluster,
    kind: ObjectKind,
    name: str,
    *,
    namespace: str = "",
    seconds: float,
    every_seconds: float = EVERY_SECONDS,
) -> Iterator[Document | None]:
    """The states of one object: the first at once, then one after each change, and at least one every few seconds.

    What is yielded is always read anew, so that it is never older than the moment before; the watch only tells when
    to read. Where the account may not watch, the object is read every half second instead.

    Args:
        cluster: Where the object lies.
        kind: Its kind.
        name: Its name.
        namespace: Its namespace.
        seconds: When to end, from now; the last state is yielded at the end.
        every_seconds: Longest time between two states, for callers that look at other things too.

    Yields:
        The object, or None while there is none.

    Raises:
        ClusterError: If the server refuses for longer than ``PATIENCE_SECONDS``, or cannot be asked at the end.
    """
    end = time.monotonic() + seconds
    refused_since = 0.0
    while True:
        try:
            found = cluster.get(kind, name, namespace=namespace)
        except ClusterError as error:
            now = time.monotonic()
            refused_since = (refused_since or now) if error.denied else 0.0
            passing = error.transient or (refused_since and now - refused_since < PATIENCE_SECONDS)
            if not passing or now >= end:
                raise
            time.sleep(_PAUSE_SECONDS)
            continue
        refused_since = 0.0
        last = time.monotonic() >= end
        yield found
        if last:
            return
        wait = min(every_seconds, end - time.monotonic())
        if wait > 0:
            _until_changed(cluster, kind, name, namespace, found, wait)


def _until_changed(
    cluster: Cluster, kind: ObjectKind, name: str, namespace: str, found: Document | None, seconds: float
) -> None:
    """Return when the object is no longer as it was found, after ``seconds`` at the latest."""
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "timeoutSeconds": str(max(1, round(seconds))),
        # Without a version, the watch begins with what is there now.
        **({"resourceVersion": found["metadata"]["resourceVersion"]} if found else {}),
    }
    path = kind.path(namespace or cluster.namespace)
    request = ApiRequest("GET", path, f"watch {kind.resource} {name}", query=query, read_seconds=seconds + 1)
    began = time.monotonic()
    with contextlib.suppress(ClusterError), contextlib.closing(cluster.transport.lines(request)) as events:
        for event in events:
            if event.get("type") in {"ADDED", "MODIFIED", "DELETED"}:
                return
    rest = seconds - (time.monotonic() - began)
    time.sleep(min(_PAUSE_SECONDS, max(rest, 0.0)))


def wait(
    cluster: Cluster,
    kind: ObjectKind,
    name: str,
    *,
    until: Callable[[Document | None], T | None],
    seconds: float,
    what: str,
    namespace: str = "",
) -> T:
    """Wait until an object is as wanted.

    Args:
        cluster: Where the object lies.
        kind: Its kind.
        name: Its name.
        until: Says of each state (None while there is no object) what it was waited for, or None to wait on; what it
            raises ends the waiting.
        seconds: Longest time to wait.
        what: What is waited for, for the message: ``to become ready``.
        namespace: Its namespace.

    Returns:
        What ``until`` said.

    Raises:
        ClusterError: If it takes longer (``timeout``), or the server refuses.
    """
    for state in follow(cluster, kind, name, namespace=namespace, seconds=seconds):
        said = until(state)
        if said is not None:
            return said
    place = namespace or cluster.namespace
    raise ClusterError(
        f"{kind.kind} {name} in {place} was given {seconds:.0f} s {what} and did not: "
        f"look at it with kubectl describe, or give it more time.",
        "timeout",
    )
