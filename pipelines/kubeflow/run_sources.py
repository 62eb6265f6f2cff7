"""What following a run asks, and of whom: the API of Kubeflow Pipelines, its Workflow, its pods, the object store."""

from collections.abc import Mapping
from typing import Protocol

from headrace.cluster.kfp.run import Run
from headrace.cluster.kfp.workflow import Workflow
from headrace.pipelines.kubeflow.artifacts import Trace
from headrace.pipelines.kubeflow.log_patterns import Reason
from headrace.pipelines.kubeflow.run_pods import Obstacle


class Api(Protocol):
    """What following asks of Kubeflow Pipelines."""

    def run(self, run: str) -> Run:
        """A run, by its id."""


class Logs(Protocol):
    """What can be known of the steps of a run beside their states; empty where nothing can."""

    def saying(self, run: Run, task: str) -> str:
        """The last words of a step that runs, or what keeps it from starting."""

    def said(self, run: Run, task: str) -> str:
        """The last words of a step that ended well."""

    def reason(self, run: Run, task: str) -> Reason:
        """Why a step failed."""

    def failed(self, run: Run, task: str) -> bool:
        """Whether the log of a step says that it failed."""

    def traces(self, run: Run) -> Mapping[str, Trace]:
        """What each task left in the object store."""

    def obstacles(self, run: Run, workflow: Workflow | None) -> Mapping[str, Obstacle]:
        """What keeps tasks from starting, by their names; under an empty name, the run."""


class Workflows(Protocol):
    """The Workflow of a run."""

    def of(self, run: Run) -> Workflow | None:
        """The Workflow, as it is now; None if it cannot be had."""

    def is_gone(self) -> bool:
        """Whether it was there and somebody deleted it."""


class NoWorkflows:
    """Nothing but what the API of Kubeflow Pipelines tells."""

    def of(self, _: Run) -> Workflow | None:
        """None."""
        return None

    def is_gone(self) -> bool:
        """False: nobody knows."""
        return False
