"""What following a run asks, and of whom: the API of Kubeflow Pipelines, its Workflow, its pods, the object store."""

from collections.abc import Mapping
from typing import Protocol

from headrace.cluster.kfp.run import PipelineRun
from headrace.cluster.kfp.workflow import Workflow
from headrace.pipelines.kubeflow.artifacts import TaskTrace
from headrace.pipelines.kubeflow.log_patterns import FailureReason
from headrace.pipelines.kubeflow.run_pods import StartObstacle


class KfpApi(Protocol):
    """What following asks of Kubeflow Pipelines."""

    def run(self, run: str) -> PipelineRun:
        """A run, by its id."""


class TaskLogs(Protocol):
    """What can be known of the steps of a run beside their states; empty where nothing can."""

    def saying(self, run: PipelineRun, task: str) -> str:
        """The last words of a step that runs, or what keeps it from starting."""

    def last_words(self, run: PipelineRun, task: str) -> str:
        """The last words of a step that ended well."""

    def reason(self, run: PipelineRun, task: str) -> FailureReason:
        """Why a step failed."""

    def has_failed(self, run: PipelineRun, task: str) -> bool:
        """Whether the log of a step says that it failed."""

    def traces(self, run: PipelineRun) -> Mapping[str, TaskTrace]:
        """What each task left in the object store."""

    def obstacles(self, run: PipelineRun, workflow: Workflow | None) -> Mapping[str, StartObstacle]:
        """What keeps tasks from starting, by their names; under an empty name, the run."""


class WorkflowLookup(Protocol):
    """The Workflow of a run."""

    def of(self, run: PipelineRun) -> Workflow | None:
        """The Workflow, as it is now; None if it cannot be had."""

    def is_gone(self) -> bool:
        """Whether it was there and somebody deleted it."""


class NoWorkflowLookup:
    """Nothing but what the API of Kubeflow Pipelines tells."""

    def of(self, _: PipelineRun) -> Workflow | None:
        """None."""
        return None

    def is_gone(self) -> bool:
        """False: nobody knows."""
        return False
