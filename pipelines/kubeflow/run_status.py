"""The state of one run on Kubeflow as a document, for programs that follow it from outside."""

from dataclasses import dataclass
from typing import Any

from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun
from headrace.pipelines.kubeflow import run_listing
from headrace.pipelines.kubeflow.follow import follow
from headrace.pipelines.kubeflow.run_sources import KfpApi
from headrace.pipelines.kubeflow.run_states import waiting
from headrace.pipelines.kubeflow.run_workflow import WorkflowSource, with_workflow
from headrace.pipelines.kubeflow.step_logs import StepLogs

GONE = "gone"
"""Kind of the obstacle of a run that has no Workflow: nothing will ever end it."""


@dataclass(frozen=True)
class RunStatus:
    """The state of a run at one moment.

    Attributes:
        id: Its id.
        name: Its name.
        state: ``pending``, ``running``, ``canceling``, ``succeeded``, ``skipped``, ``failed`` or ``canceled``.
        has_ended: Whether the state is final.
        created: Creation, in seconds since 1970.
        ended: End, in seconds since 1970; 0 before.
        steps: State of each step, by name, in the order of the pipeline. A step whose pod waits is ``running`` too.
        obstacles: Kind, step (empty for the run) and text of what keeps a task or the run from starting. The kind
            ``start`` is the usual one: an image is pulled, or volumes are mounted.
        error: Why it failed, in one sentence; empty unless it did.
    """

    id: str
    name: str
    state: str
    has_ended: bool
    created: float
    ended: float
    steps: dict[str, str]
    obstacles: tuple[dict[str, str], ...] = ()
    error: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the document."""
        return {**vars(self), "obstacles": list(self.obstacles)}


def run_status(
    api: KfpApi, run: PipelineRun, *, pipeline: PipelineFile, logs: StepLogs, workflows: WorkflowSource
) -> RunStatus:
    """Return the state of a run.

    Args:
        api: Kubeflow Pipelines.
        run: The run, as the API gives it.
        pipeline: The run's pipeline.
        logs: Logs of its steps, for the reason of a failure and for obstacles.
        workflows: Gives the run's Workflow.

    Raises:
        ClusterError: If the API fails.
    """
    if run.has_ended:
        ended, outcome = follow(
            api, run.id, pipeline=pipeline, logs=logs, watch=lambda _: None, workflows=workflows, poll_seconds=1.0
        )
        outcomes: dict[str, str] = {step.name: step.status for step in outcome.steps}
        return _status(ended, outcomes, error=str(outcome.error or ""))
    workflow = workflows.of(run)
    complete = with_workflow(run, workflow)
    begun, others = run_listing.steps(complete, pipeline, logs)
    states = {task.name: task.state.lower() for task in begun} | others
    steps = {pipeline.steps[name].runs: states[name] for name in pipeline.steps if name in states}
    found = logs.obstacles(complete, workflow)
    obstacles = [
        {"kind": obstacle.kind, "step": waiting(pipeline, task, obstacle).step, "text": obstacle.text}
        for task, obstacle in found.items()
        if obstacle.waits
    ]
    if workflows.is_absent():
        places = " or ".join(workflows.namespaces)
        text = f"it has no Workflow in {places}: it was deleted, or KUBECONFIG is another cluster's"
        obstacles.append({"kind": GONE, "step": "", "text": text})
    return _status(complete, steps, obstacles=tuple(obstacles))


def _status(
    run: PipelineRun, steps: dict[str, str], *, obstacles: tuple[dict[str, str], ...] = (), error: str = ""
) -> RunStatus:
    return RunStatus(
        id=run.id,
        name=run.name,
        state=(run.state or "pending").lower(),
        has_ended=run.has_ended,
        created=run.created,
        ended=run.ended,
        steps=steps,
        obstacles=obstacles,
        error=error,
    )
