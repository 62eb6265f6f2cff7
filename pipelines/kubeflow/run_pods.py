"""The pods of a run on Kubeflow: whose each is, what keeps one from starting, and what ended it from outside."""

import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from headrace.cluster.api import pods
from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import PODS
from headrace.cluster.kfp.workflow import RUN_LABEL
from headrace.core.base.errors import ClusterError

NODE_ANNOTATION = "workflows.argoproj.io/node-name"
CONTAINER = "main"
_LINES = 2000
_STARTING = ("ContainerCreating", "PodInitializing")
_PULLS = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName")
_DRIVER = "-driver"
_EXECUTOR = "executor"
_WORD = re.compile(r"[\w-]+")
_UNPLACED = "FailedScheduling"  # of a pod that has its node by now; one that has none says so itself
_FRESH_SECONDS = 2.0
LONG_SECONDS = 45.0
"""How long what is usual must stand before it is worth telling."""


@dataclass(frozen=True)
class StartObstacle:
    """What keeps a task from starting.

    Attributes:
        kind: In a word, by which it is told once.
        text: What is told.
        seconds: How long it must stand before it is worth telling: much mends itself.
    """

    kind: str
    text: str
    seconds: float = 15.0


@dataclass
class RunPods:
    """Pods of runs.

    Attributes:
        cluster: Where they are; None if there is no way to it.
        namespaces: Namespaces in which they may be, the likeliest first.
        steps: Names of the pipeline's steps.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    steps: Collection[str] = ()
    _listed: tuple[float, str, list[Document]] = field(default=(0.0, "", []), init=False, repr=False)

    def all(self, run: str) -> list[Document]:
        """The pods of a run, in the order in which they were made.

        Raises:
            ClusterError: If none are found, and some place cannot be looked at.
        """
        listed_at, of, found = self._listed
        if of == run and time.monotonic() - listed_at < _FRESH_SECONDS:
            return found
        found = sorted(self._list(run), key=_creation_time)
        self._listed = time.monotonic(), run, found
        return found

    def _list(self, run: str) -> list[Document]:
        refused: ClusterError | None = None
        for namespace in self.namespaces if self.cluster else ():
            try:
                found = (
                    self.cluster.list(PODS, namespace=namespace, labels=f"{RUN_LABEL}={run}") if self.cluster else []
                )
            except ClusterError as error:
                refused = refused or error
                continue
            if found:
                return found
        if refused:
            raise refused
        return []

    def task_of(self, pod: Document) -> str:
        """Name of the task whose a pod is: a step, or a driver with ``-driver``; empty if the pod does not say."""
        return task_of(str((pod["metadata"].get("annotations") or {}).get(NODE_ANNOTATION, "")), self.steps)

    def latest(self, run: str, task: str) -> Document | None:
        """The latest pod of a task, if it is still there; raises as ``all`` does."""
        return next((pod for pod in reversed(self.all(run)) if self.task_of(pod) == task), None)

    def log(self, pod: Document) -> str:
        """What a pod's own container printed."""
        if self.cluster is None:
            return ""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        return pods.logs(self.cluster, name, namespace=namespace, container=CONTAINER, lines=_LINES)

    def obstacle(self, pod: Document) -> StartObstacle | None:
        """What keeps a pod from starting, such as an image that cannot be pulled; None if nothing is known to."""
        status = pod.get("status") or {}
        if status.get("phase") not in {None, "Pending"}:
            return None
        found = _waiting(status)
        if found or self.cluster is None:
            return found
        metadata = pod["metadata"]
        try:
            told = pods.events(
                self.cluster, "Pod", metadata["name"], namespace=metadata["namespace"], uid=metadata.get("uid", "")
            )
        except ClusterError:
            return None  # events are a help; who may not read them is told by the pod alone
        bad = [event for event in told if event.type == "Warning" and event.reason != _UNPLACED]
        if bad:
            return StartObstacle(bad[-1].reason, f"waiting, {bad[-1].reason}: {bad[-1].message}")
        return StartObstacle(
            "start", "waiting, its container is made: an image is pulled, or volumes are mounted", LONG_SECONDS
        )


def task_of(node: str, steps: Collection[str]) -> str:
    """Name of the task to which a node belongs, by the words of its name, whatever stands around and behind them.

    Args:
        node: Name of the node, such as ``NAME(0).root(0).train(0).executor(0)``.
        steps: Names of the pipeline's steps; empty if they are not known.
    """
    words = [word for word in _WORD.findall(node) if not word.isdigit()]
    known = (word for word in reversed(words) if word in steps or word.removesuffix(_DRIVER) in steps)
    plain = (word for word in reversed(words) if word != _EXECUTOR)
    return next(known, "") or next(plain, "")


def _creation_time(pod: Document) -> Any:
    return pod["metadata"].get("creationTimestamp", "")


def _waiting(status: Document) -> StartObstacle | None:
    """What the kubelet or the scheduler says of a pod that waits."""
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    waiting = [one.get("state", {}).get("waiting") or {} for one in statuses]
    stuck = next((one for one in waiting if one.get("reason") not in {None, *_STARTING}), None)
    if stuck:
        kind = "image" if stuck["reason"] in _PULLS else str(stuck["reason"])
        return StartObstacle(kind, f"waiting, {stuck['reason']}: {stuck.get('message', '')}".rstrip(": "))
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason = str(condition.get("reason") or "Unschedulable")
            return StartObstacle(reason, f"waiting, {reason}: {condition.get('message', '')}".rstrip(": "))
    return None


def kill_reason(pod: Document) -> str:
    """What a log cannot tell: that the kernel or the kubelet ended a pod; empty if they did not."""
    status = pod.get("status") or {}
    ended = [one.get("state", {}).get("terminated") or {} for one in status.get("containerStatuses") or []]
    if any(one.get("reason") == "OOMKilled" for one in ended):
        return "it was killed, for it needed more memory than it may have: give it more with --memory."
    if status.get("reason"):
        return f"its pod ended as {status['reason']}: {status.get('message') or 'the cluster says no more'}"
    return ""
