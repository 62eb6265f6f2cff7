"""Wait for an object to change, with a deadline, across interrupted watches and restarts of the API server."""

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


class ServerPatience:
    """Decides which errors of an API server to wait out.

    A server that has just started denies everything for a moment, before it has loaded its rights: a denial is final
    only after ``PATIENCE_SECONDS`` without a success in between.
    """

    def __init__(self) -> None:
        self._denied_since = 0.0

    def tolerates(self, error: ClusterError) -> bool:
        """Return whether the request that failed may succeed soon."""
        now = time.monotonic()
        self._denied_since = (self._denied_since or now) if error.denied else 0.0
        return error.transient or bool(self._denied_since and now - self._denied_since < PATIENCE_SECONDS)

    def reset(self) -> None:
        """Forget earlier denials after a request that succeeded."""
        self._denied_since = 0.0


def follow(
    cluster: Cluster,
    kind: ObjectKind,
    name: str,
    *,
    namespace: str = "",
    seconds: float,
    every_seconds: float = EVERY_SECONDS,
) -> Iterator[Document | None]:
    """Yield the states of one object: the first at once, one after each change, and at least one every few seconds.

    Each state is read afresh just before, because the events of a watch may be stale; the watch only tells when to
    read. If the account may not watch, the object is read every half second instead.

    Args:
        cluster: The cluster.
        kind: Its kind.
        name: Its name.
        namespace: Its namespace.
        seconds: Time until the end; the last state is yielded at the end.
        every_seconds: Longest time between two states, for callers that poll other things too.

    Yields:
        The object, or None while it does not exist.

    Raises:
        ClusterError: If the server refuses for longer than ``PATIENCE_SECONDS``, or does not answer at the end.
    """
    end = time.monotonic() + seconds
    patience = ServerPatience()
    while True:
        try:
            state = cluster.get(kind, name, namespace=namespace)
        except ClusterError as error:
            if not patience.tolerates(error) or time.monotonic() >= end:
                raise
            time.sleep(_PAUSE_SECONDS)
            continue
        patience.reset()
        last = time.monotonic() >= end
        yield state
        if last:
            return
        wait = min(every_seconds, end - time.monotonic())
        if wait > 0:
            _until_changed(cluster, kind, name, namespace, state, wait)


def _until_changed(
    cluster: Cluster, kind: ObjectKind, name: str, namespace: str, state: Document | None, seconds: float
) -> None:
    """Block until the object changes, for at most ``seconds``."""
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "timeoutSeconds": str(max(1, round(seconds))),
        # Without a version, the watch begins with the current state.
        **({"resourceVersion": state["metadata"]["resourceVersion"]} if state else {}),
    }
    path = kind.path(namespace or cluster.namespace)
    request = ApiRequest("GET", path, f"watch {kind.resource} {name}", query=query, read_seconds=seconds + 1)
    start = time.monotonic()
    with contextlib.suppress(ClusterError), contextlib.closing(cluster.transport.lines(request)) as events:
        for event in events:
            if event.get("type") in {"ADDED", "MODIFIED", "DELETED"}:
                return
    # Also after a failed watch, so that the object is not read in a busy loop.
    rest = seconds - (time.monotonic() - start)
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
    """Wait until an object meets a condition.

    Args:
        cluster: The cluster.
        kind: Its kind.
        name: Its name.
        until: Takes each state (None while the object does not exist); returns a result to end the wait, or None to
            continue. An exception ends the wait too.
        seconds: Longest time to wait.
        what: The condition in words, for the message: ``to become ready``.
        namespace: Its namespace.

    Returns:
        The result of ``until``.

    Raises:
        ClusterError: If the time is over (``timeout``), or the server refuses.
    """
    for state in follow(cluster, kind, name, namespace=namespace, seconds=seconds):
        result = until(state)
        if result is not None:
            return result
    scope = namespace or cluster.namespace
    raise ClusterError(
        f"{kind.kind} {name} in {scope} was given {seconds:.0f} s {what} and did not: "
        f"look at it with kubectl describe, or give it more time.",
        "timeout",
    )
