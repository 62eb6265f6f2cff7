"""The Workflow of a run, from wherever it can be had, and the run with what the Workflow tells."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from headrace.cluster.api.client import Cluster
from headrace.cluster.kfp import workflow as workflows
from headrace.cluster.kfp.run import PipelineRun, TaskState
from headrace.cluster.kfp.workflow import Workflow, WorkflowNode
from headrace.core.base.errors import ClusterError, MissingError, UserError

_EVERY_SECONDS = 5.0
_KEPT = "Kubeflow Pipelines itself"
_EXECUTOR = "executor"
_STATES = {
    "": "PENDING",
    "Pending": "PENDING",
    "Running": "RUNNING",
    "Succeeded": "SUCCEEDED",
    "Skipped": "SKIPPED",
    "Omitted": "SKIPPED",
    "Failed": "FAILED",
    "Error": "FAILED",
}


@dataclass
class WorkflowSource:
    """Gives the Workflow of a run: from the cluster, where the account may look at it, else as Kubeflow keeps it.

    Attributes:
        cluster: Where it is; None if there is no way to it.
        namespaces: Namespaces in which it may be, the likeliest first.
        kept: Gives what Kubeflow Pipelines keeps of it, by the run's id.
        problems: Why it could not be had.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    kept: Callable[[str], Workflow | None]
    problems: list[str] = field(default_factory=list)
    _closed: set[str] = field(default_factory=set, init=False)
    _found: tuple[float, Workflow | None] = field(default=(0.0, None), init=False)
    _there: bool = field(default=False, init=False)
    _absent: bool = field(default=False, init=False)
    _gone: bool = field(default=False, init=False)

    def of(self, run: PipelineRun) -> Workflow | None:
        """The Workflow of a run, at most a few seconds old; None if it cannot be had. Errors become ``problems``."""
        asked_at, found = self._found
        if not run.has_ended and found and time.monotonic() - asked_at < _EVERY_SECONDS:
            return found
        found = self._in_cluster(run.id) or self._ask(_KEPT, partial(self.kept, run.id))[1]
        self._found = time.monotonic(), found
        return found

    def is_gone(self) -> bool:
        """Whether the Workflow was in the cluster and is not any more: somebody deleted it."""
        return self._gone

    def is_absent(self) -> bool:
        """Whether the cluster was asked and has none: somebody deleted it, or it is in another cluster."""
        return self._absent

    def _in_cluster(self, run: str) -> Workflow | None:
        if self.cluster is None:
            return None
        answered = []
        for namespace in self.namespaces:
            well, found = self._ask(namespace, partial(workflows.of_run, self.cluster, run, namespace=namespace))
            answered.append(well)
            if found:
                self._there, self._absent = True, False
                return found
        self._absent = all(answered)
        self._gone = self._there and self._absent
        return None

    def _ask(self, place: str, ask: Callable[[], Workflow | None]) -> tuple[bool, Workflow | None]:
        """Whether a place answers, and with what; one that will never answer is not asked again."""
        if place in self._closed:
            return False, None
        try:
            return True, ask()
        except UserError as error:
            if isinstance(error, MissingError) or (isinstance(error, ClusterError) and error.denied):
                self._closed.add(place)
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return False, None


def with_workflow(run: PipelineRun, workflow: Workflow | None) -> PipelineRun:
    """A run with the nodes that its Workflow tells, which are exact, and with whether somebody ended it.

    Args:
        run: What the API of Kubeflow Pipelines tells.
        workflow: Its Workflow; None if it is not known.
    """
    if workflow is None:
        return run
    state = "CANCELED" if run.state == "FAILED" and workflow.stopped else run.state
    if not workflow.nodes:
        return replace(run, state=state)
    inner = {node.path[:-1]: node for node in workflow.nodes if node.name == _EXECUTOR}
    tasks = tuple(_task(node, inner.get(node.path), workflow) for node in workflow.nodes if node.name != _EXECUTOR)
    standing = any(task.state in {"PENDING", "RUNNING"} for task in tasks)
    return replace(run, state=state, tasks=tasks, stale=run.has_ended and not workflow.has_ended and standing)


def _task(node: WorkflowNode, executor: WorkflowNode | None, workflow: Workflow) -> TaskState:
    return TaskState(
        name=node.name,
        state=_STATES.get(node.phase, "PENDING"),
        began=node.began,
        ended=node.ended,
        cached=workflow.is_cached(node.path),
        message=node.message or (executor.message if executor else ""),
    )
