"""A run of a pipeline, parsed from the API of Kubeflow Pipelines.

The API does not report why a task failed (``error`` is empty), values of metrics, addresses of artifacts, and which pod
belongs to which step. Above 1 MiB Argo compresses a Workflow's nodes; from then on the states of tasks are frozen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ENDED = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"})
"""Final states of tasks and runs."""
_UNDER_WAY = {"PENDING", "RUNNING"}
_UNKNOWN = "RUNTIME_STATE_UNSPECIFIED"
_DRIVER = "-driver"
_EXECUTOR = "executor"


@dataclass(frozen=True)
class TaskState:
    """A node of a run: a step, the driver before it, its executor, or a group of nodes.

    Attributes:
        name: The step's name, with ``-driver`` for its driver; ``executor`` for the executor of a step.
        state: ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``SKIPPED`` or ``CANCELED``.
        began: Start, in seconds since 1970; 0 before.
        ended: End, in seconds since 1970; 0 before.
        pod: Name of its pod; empty if unknown.
        children: Ids of the nodes below it in its Workflow.
        cached: Whether its Workflow reports that its outputs come from an earlier run.
        message: Message of its Workflow about it; empty if uninformative.
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
        """Whether it is the driver of a step."""
        return self.name.endswith(_DRIVER)


@dataclass(frozen=True)
class PipelineRun:
    """A run of a pipeline.

    Attributes:
        id: Its id.
        name: Its name.
        state: As of a task; a run that a user terminated is ``CANCELED``, although the server calls it failed.
        created: Creation, in seconds since 1970.
        ended: End, in seconds since 1970; 0 before.
        root: Requested address of its artifacts; empty for the server's default.
        tasks: Its nodes.
        stale: Whether it has ended but the server reports its nodes in former states, which are unusable.
        facts: The server's document.
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
        """Whether its state is final."""
        return self.state in ENDED

    def is_cached(self, task: TaskState) -> bool:
        """Return whether a step's outputs come from an earlier run: its executor was skipped.

        The API does not report the step of an executor. A skipped executor within the time of a step belongs to that
        step if no other executor does.
        """
        if task.cached:
            return True
        executors = [executor for executor in self.tasks if executor.name == _EXECUTOR]
        skipped = [executor for executor in executors if executor.state == "SKIPPED"]
        child_suffixes = {child.rpartition("-")[2] for child in task.children}
        if any(executor.pod for executor in executors):
            return any(executor.pod and executor.pod.rpartition("-")[2] in child_suffixes for executor in skipped)
        if task.state != "SUCCEEDED" or not any(_within(executor, task) for executor in skipped):
            return False
        return not any(_within(executor, task) for executor in executors if executor.state != "SKIPPED")


def _within(inner: TaskState, outer: TaskState) -> bool:
    return outer.began <= inner.began and inner.ended <= outer.ended


def read(facts: Mapping[str, Any]) -> PipelineRun:
    """Return a run from the server's document."""
    history = [str(entry.get("state")) for entry in facts.get("state_history") or []]
    state = _state(facts.get("state"))
    if state == "FAILED" and "CANCELING" in history:
        state = "CANCELED"
    details = [
        detail for detail in (facts.get("run_details") or {}).get("task_details") or [] if detail.get("display_name")
    ]
    stale = state in ENDED and (not details or any(detail.get("state") in _UNDER_WAY for detail in details))
    return PipelineRun(
        id=str(facts.get("run_id", "")),
        name=str(facts.get("display_name") or ""),
        state=state,
        created=seconds(facts.get("created_at")),
        ended=seconds(facts.get("finished_at")) if state in ENDED else 0.0,
        root=str((facts.get("runtime_config") or {}).get("pipeline_root") or ""),
        tasks=tuple(_task(detail, run_ended=state in ENDED and not stale) for detail in details),
        stale=stale,
        facts=facts,
    )


def _task(facts: Mapping[str, Any], *, run_ended: bool) -> TaskState:
    """Return a node; one without a state was skipped if the run has ended, else it is pending."""
    children = [child.get("pod_name") or child.get("task_id") or "" for child in facts.get("child_tasks") or []]
    state = _state(facts.get("state"))
    if run_ended and state == "PENDING":
        state = "SKIPPED"
    return TaskState(
        name=str(facts["display_name"]),
        state=state,
        began=seconds(facts.get("start_time")),
        ended=seconds(facts.get("end_time")) if state in ENDED else 0.0,
        pod=str(facts.get("pod_name") or ""),
        children=tuple(filter(None, children)),
    )


def _state(reported: Any) -> str:
    """Return a state; the server omits it or calls it unspecified at first."""
    return "PENDING" if reported in {None, "", _UNKNOWN} else str(reported)


def seconds(moment: Any) -> float:
    """Return a time of the server in seconds since 1970; 0 if it is not set, for which the server may send 1970 too."""
    try:
        return max(datetime.fromisoformat(str(moment)).timestamp(), 0.0)
    except ValueError:
        return 0.0
