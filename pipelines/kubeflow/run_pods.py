"""The pods of a run on Kubeflow: the task of each, why one does not start, and what killed one from outside."""

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
_UNPLACED = "FailedScheduling"  # outdated once the pod has a node; a pod without one has a condition that says so
_FRESH_SECONDS = 2.0
LONG_SECONDS = 45.0
"""How long a normal state of starting must last before it is reported."""


@dataclass(frozen=True)
class StartObstacle:
    """A reason why a task does not start.

    Attributes:
        kind: One word; each kind is reported once for a task.
        text: The message.
        seconds: How long it must last before it is reported, because many obstacles resolve themselves.
        waits: Whether the task waits; False where it is at work again after what the message tells.
    """

    kind: str
    text: str
    seconds: float = 15.0
    waits: bool = True


@dataclass
class RunPods:
    """The pods of runs.

    Attributes:
        cluster: Where they are; None if it cannot be reached.
        namespaces: Namespaces in which they may be, the likeliest first.
        steps: Names of the pipeline's steps.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    steps: Collection[str] = ()
    _listed: tuple[float, str, list[Document]] = field(default=(0.0, "", []), init=False, repr=False)

    def all(self, run: str) -> list[Document]:
        """Return the pods of a run, in the order of their creation.

        Raises:
            ClusterError: If none are found, and some namespace cannot be read.
        """
        listed_at, of, run_pods = self._listed
        if of == run and time.monotonic() - listed_at < _FRESH_SECONDS:
            return run_pods
        run_pods = sorted(self._list(run), key=_creation_time)
        self._listed = time.monotonic(), run, run_pods
        return run_pods

    def _list(self, run: str) -> list[Document]:
        refused: ClusterError | None = None
        for namespace in self.namespaces if self.cluster else ():
            try:
                run_pods = (
                    self.cluster.list(PODS, namespace=namespace, labels=f"{RUN_LABEL}={run}") if self.cluster else []
                )
            except ClusterError as error:
                refused = refused or error
                continue
            if run_pods:
                return run_pods
        if refused:
            raise refused
        return []

    def task_of(self, pod: Document) -> str:
        """Return the name of a pod's task: a step, or a driver with ``-driver``; empty if the pod does not say."""
        return task_of(str((pod["metadata"].get("annotations") or {}).get(NODE_ANNOTATION, "")), self.steps)

    def latest(self, run: str, task: str) -> Document | None:
        """Return the latest pod of a task, if it still exists; raise as ``all`` does."""
        return next((pod for pod in reversed(self.all(run)) if self.task_of(pod) == task), None)

    def log(self, pod: Document) -> str:
        """Return what a pod's main container printed."""
        if self.cluster is None:
            return ""
        name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
        return pods.logs(self.cluster, name, namespace=namespace, container=CONTAINER, lines=_LINES)

    def obstacle(self, pod: Document) -> StartObstacle | None:
        """Return why a pod does not start, such as an image that cannot be pulled; None if nothing is known."""
        status = pod.get("status") or {}
        if status.get("phase") not in {None, "Pending"}:
            return None
        obstacle = _waiting(status)
        if obstacle or self.cluster is None:
            return obstacle
        metadata = pod["metadata"]
        try:
            events = pods.events(
                self.cluster, "Pod", metadata["name"], namespace=metadata["namespace"], uid=metadata.get("uid", "")
            )
        except ClusterError:
            return None  # events are optional: an account may read pods without them
        warnings = [event for event in events if event.type == "Warning" and event.reason != _UNPLACED]
        if warnings:
            return StartObstacle(warnings[-1].reason, f"waiting, {warnings[-1].reason}: {warnings[-1].message}")
        return StartObstacle(
            "start", "waiting, its container is being created: an image is pulled, or volumes are mounted", LONG_SECONDS
        )


def task_of(node: str, steps: Collection[str]) -> str:
    """Return the task to which a node of a Workflow belongs, by the words of the node's name.

    Args:
        node: Name of the node, such as ``NAME(0).root(0).train(0).executor(0)``.
        steps: Names of the pipeline's steps; empty if unknown.
    """
    words = [word for word in _WORD.findall(node) if not word.isdigit()]
    step_names = (word for word in reversed(words) if word in steps or word.removesuffix(_DRIVER) in steps)
    other_names = (word for word in reversed(words) if word != _EXECUTOR)
    return next(step_names, "") or next(other_names, "")


def _creation_time(pod: Document) -> Any:
    return pod["metadata"].get("creationTimestamp", "")


def _waiting(status: Document) -> StartObstacle | None:
    """Return why a pod waits, as the kubelet or the scheduler says."""
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    waiting = [status_entry.get("state", {}).get("waiting") or {} for status_entry in statuses]
    stuck = next(
        (status_entry for status_entry in waiting if status_entry.get("reason") not in {None, *_STARTING}), None
    )
    if stuck:
        kind = "image" if stuck["reason"] in _PULLS else str(stuck["reason"])
        return StartObstacle(kind, f"waiting, {stuck['reason']}: {stuck.get('message', '')}".rstrip(": "))
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason = str(condition.get("reason") or "Unschedulable")
            return StartObstacle(reason, f"waiting, {reason}: {condition.get('message', '')}".rstrip(": "))
    return None


def kill_reason(pod: Document) -> str:
    """Return why the kernel or the kubelet killed a pod, which its log cannot say; empty if they did not."""
    status = pod.get("status") or {}
    ended = [
        status_entry.get("state", {}).get("terminated") or {} for status_entry in status.get("containerStatuses") or []
    ]
    if any(status_entry.get("reason") == "OOMKilled" for status_entry in ended):
        return "it was killed, for it needed more memory than it may have: give it more with --memory."
    if status.get("reason"):
        return f"its pod ended as {status['reason']}: {status.get('message') or 'the cluster says no more'}"
    return ""
