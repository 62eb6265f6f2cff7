"""Interfaces to the sources that following a run reads: Kubeflow's API, Workflows, pods and the object store."""

from collections.abc import Mapping
from typing import Protocol

from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow
from headrace.pipelines.kubeflow.artifacts import TaskTrace
from headrace.pipelines.kubeflow.log_patterns import FailureReason
from headrace.pipelines.kubeflow.run_pods import StartObstacle


class KfpApi(Protocol):
    """The part of Kubeflow Pipelines' API that following needs."""

    def run(self, run: str) -> PipelineRun:
        """Return a run, by its id."""


class TaskLogs(Protocol):
    """What is known of the steps of a run beside their states; empty where nothing is."""

    def current_message(self, run: PipelineRun, task: str) -> str:
        """Return the last message of a running step, or why it does not start."""

    def last_words(self, run: PipelineRun, task: str) -> str:
        """Return the last message of a step that succeeded."""

    def reason(self, run: PipelineRun, task: str) -> FailureReason:
        """Return why a step failed."""

    def has_failed(self, run: PipelineRun, task: str) -> bool:
        """Return whether the log of a step says that it failed."""

    def traces(self, run: PipelineRun) -> Mapping[str, TaskTrace]:
        """Return what the object store has of each task."""

    def obstacles(self, run: PipelineRun, workflow: Workflow | None) -> Mapping[str, StartObstacle]:
        """Return why tasks do not start, by their names; under an empty name, why the run does not."""


class WorkflowLookup(Protocol):
    """Looks up the Workflow of a run."""

    def of(self, run: PipelineRun) -> Workflow | None:
        """Return the current Workflow; None if it cannot be read."""

    def is_gone(self) -> bool:
        """Return whether it existed and somebody deleted it."""


class NoWorkflowLookup:
    """Looks up nothing, so that only the API of Kubeflow Pipelines counts."""

    def of(self, _: PipelineRun) -> Workflow | None:
        """Return None."""
        return None

    def is_gone(self) -> bool:
        """Return False, because it is unknown."""
        return False
