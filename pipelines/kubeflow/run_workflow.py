"""Reads the Workflow of a run from the cluster or from Kubeflow's archive, and merges its nodes into the run."""

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
    """Reads the Workflow of a run: from the cluster, where the account may, else as Kubeflow stores it.

    Attributes:
        cluster: Where it is; None if it cannot be reached.
        namespaces: Namespaces in which it may be, the likeliest first.
        read_stored: Reads what Kubeflow Pipelines stores of it, by the run's id.
        problems: Why it could not be read.
    """

    cluster: Cluster | None
    namespaces: tuple[str, ...]
    read_stored: Callable[[str], Workflow | None]
    problems: list[str] = field(default_factory=list)
    _closed: set[str] = field(default_factory=set, init=False)
    _found: tuple[float, Workflow | None] = field(default=(0.0, None), init=False)
    _there: bool = field(default=False, init=False)
    _absent: bool = field(default=False, init=False)
    _gone: bool = field(default=False, init=False)

    def of(self, run: PipelineRun) -> Workflow | None:
        """Return a run's Workflow, at most a few seconds old; None if it cannot be read. Errors become ``problems``."""
        read_at, workflow = self._found
        if not run.has_ended and workflow and time.monotonic() - read_at < _EVERY_SECONDS:
            return workflow
        workflow = self._in_cluster(run.id) or self._ask(_KEPT, partial(self.read_stored, run.id))[1]
        self._found = time.monotonic(), workflow
        return workflow

    def is_gone(self) -> bool:
        """Return whether the Workflow was in the cluster and no longer is: somebody deleted it."""
        return self._gone

    def is_absent(self) -> bool:
        """Return whether the cluster has none: somebody deleted it, or it is in another cluster."""
        return self._absent

    def _in_cluster(self, run: str) -> Workflow | None:
        if self.cluster is None:
            return None
        answered = []
        for namespace in self.namespaces:
            readable, workflow = self._ask(namespace, partial(workflows.of_run, self.cluster, run, namespace=namespace))
            answered.append(readable)
            if workflow:
                self._there, self._absent = True, False
                return workflow
        self._absent = all(answered)
        self._gone = self._there and self._absent
        return None

    def _ask(self, source: str, read: Callable[[], Workflow | None]) -> tuple[bool, Workflow | None]:
        """Return whether a source answers, and its Workflow; a source that denies access is not tried again."""
        if source in self._closed:
            return False, None
        try:
            return True, read()
        except UserError as error:
            if isinstance(error, MissingError) or (isinstance(error, ClusterError) and error.denied):
                self._closed.add(source)
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return False, None


def with_workflow(run: PipelineRun, workflow: Workflow | None) -> PipelineRun:
    """Return a run with the exact nodes of its Workflow, and as cancelled if somebody stopped it.

    Args:
        run: The run, as the API of Kubeflow Pipelines describes it.
        workflow: Its Workflow; None if unknown.
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
