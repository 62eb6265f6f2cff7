"""A run of a pipeline as the API of Kubeflow Pipelines tells it, read into plain values.

What the API does not tell: why a task failed (``error`` is empty), values of metrics, where artifacts lie, and which
pod is whose. Above 1 MiB Argo compresses a Workflow's nodes, and from then on the states of tasks stand still.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
"""States of what will not change any more."""
_UNDER_WAY = {"PENDING", "RUNNING"}
_UNKNOWN = "RUNTIME_STATE_UNSPECIFIED"
_DRIVER = "-driver"
_EXECUTOR = "executor"


@dataclass(frozen=True)
class TaskState:
    """A node of a run: a step, the driver before it, its executor, or a graph of others.

    Attributes:
        name: The step's name, with ``-driver`` for its driver; ``executor`` for what runs inside a step.
        state: ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``SKIPPED`` or ``CANCELED``.
        began: When it began, in seconds since 1970; 0 if it has not.
        ended: When it ended, likewise.
        pod: Name of its pod; empty if the server does not say.
        children: Nodes below it, by the ids that its workflow knows them by.
        cached: Whether its Workflow says that its outputs were taken from an earlier run.
        message: What its Workflow says of it; empty for nothing of use.
    """

    name: str
    state: str
    began: float = 0.0
    ended: float = 0.0
    pod: str = ""
    children: tuple[str, ...] = ()
    cached: bool = False
    message: str = ""

    @property
    def step(self) -> str:
        """Name of the step that it belongs to."""
        return self.name.removesuffix(_DRIVER)

    @property
    def is_driver(self) -> bool:
        """Whether it only prepares a step."""
        return self.name.endswith(_DRIVER)


@dataclass(frozen=True)
class PipelineRun:
    """A run of a pipeline.

    Attributes:
        id: Its id.
        name: Its name.
        state: As of a task; a run that was ended by somebody is ``CANCELED``, though the server calls it failed.
        created: When it was made, in seconds since 1970.
        ended: When it ended; 0 while it has not.
        root: Where its artifacts lie, as it was told; empty for the server's own place.
        tasks: Its nodes.
        stale: Whether it has ended and its nodes are told as they were before, so that nothing is known of them.
        facts: Everything, as the server told it.
    """

    id: str
    name: str
    state: str
    created: float = 0.0
    ended: float = 0.0
    root: str = ""
    tasks: tuple[TaskState, ...] = ()
    stale: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def has_ended(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in ENDED

    def is_cached(self, task: TaskState) -> bool:
        """Return whether a step's outputs were taken from an earlier run: its executor was skipped.

        The API does not say whose an executor is; a skipped one that lies in the time of a step of which no other
        executor is told is the step's.
        """
        if task.cached:
            return True
        executors = [one for one in self.tasks if one.name == _EXECUTOR]
        skipped = [one for one in executors if one.state == "SKIPPED"]
        below = {child.rpartition("-")[2] for child in task.children}
        if any(one.pod for one in executors):
            return any(one.pod and one.pod.rpartition("-")[2] in below for one in skipped)
        if task.state != "SUCCEEDED" or not any(_within(one, task) for one in skipped):
            return False
        return not any(_within(one, task) for one in executors if one.state != "SKIPPED")


def _within(inner: TaskState, outer: TaskState) -> bool:
    return outer.began <= inner.began and inner.ended <= outer.ended


def read(facts: Mapping[str, Any]) -> PipelineRun:
    """Return a run, from what the server told of it."""
    history = [str(entry.get("state")) for entry in facts.get("state_history") or []]
    state = _state(facts.get("state"))
    if state == "FAILED" and "CANCELING" in history:
        state = "CANCELED"
    details = [one for one in (facts.get("run_details") or {}).get("task_details") or [] if one.get("display_name")]
    stale = state in ENDED and (not details or any(one.get("state") in _UNDER_WAY for one in details))
    return PipelineRun(
        id=str(facts.get("run_id", "")),
        name=str(facts.get("display_name") or ""),
        state=state,
        created=seconds(facts.get("created_at")),
        ended=seconds(facts.get("finished_at")) if state in ENDED else 0.0,
        root=str((facts.get("runtime_config") or {}).get("pipeline_root") or ""),
        tasks=tuple(_task(one, over=state in ENDED and not stale) for one in details),
        stale=stale,
        facts=facts,
    )


def _task(facts: Mapping[str, Any], *, over: bool) -> TaskState:
    """Return a node; one without a state was left out if all is over, else nobody has looked at it yet."""
    children = [one.get("pod_name") or one.get("task_id") or "" for one in facts.get("child_tasks") or []]
    state = _state(facts.get("state"))
    if over and state == "PENDING":
        state = "SKIPPED"
    return TaskState(
        name=str(facts["display_name"]),
        state=state,
        began=seconds(facts.get("start_time")),
        ended=seconds(facts.get("end_time")) if state in ENDED else 0.0,
        pod=str(facts.get("pod_name") or ""),
        children=tuple(filter(None, children)),
    )


def _state(told: Any) -> str:
    """Return a state; the server leaves it out, or calls it unspecified, before it has looked."""
    return "PENDING" if told in {None, "", _UNKNOWN} else str(told)


def seconds(moment: Any) -> float:
    """Return a time of the server's in seconds since 1970, which is also what it says of what has not happened yet."""
    try:
        return max(datetime.fromisoformat(str(moment)).timestamp(), 0.0)
    except ValueError:
        return 0.0
