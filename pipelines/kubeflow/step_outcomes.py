"""Determines the outcomes of steps whose end was not observed, after the run has ended.

Above 1 MiB Argo compresses a Workflow's nodes, and the states in the API of Kubeflow Pipelines no longer change. The
object store then shows which steps ended; what it does not show is called unknown.
"""

from collections.abc import Callable
from typing import Literal

from headrace.cluster.kfp.pipeline_spec import PipelineTask
from headrace.cluster.kfp.run import PipelineRun
from headrace.pipelines.kubeflow.artifacts import TaskTrace

StepOutcome = Literal["succeeded", "failed", "canceled", "skipped", "unknown"]


def step_outcome(
    run: PipelineRun, step: PipelineTask, *, trace: TaskTrace | None, failed: Callable[[PipelineRun, str], bool]
) -> StepOutcome:
    """Return the outcome of a step whose end was not observed.

    Args:
        run: The run in its final state, with its nodes as far as known.
        step: The step.
        trace: What the store has of it; None for nothing, or if the store cannot be reached.
        failed: Returns whether the log of a step says that it failed; called only if that decides.
    """
    tasks = [task for task in run.tasks if task.name == step.name]
    if not run.stale and (tasks or step.groups or run.state != "SUCCEEDED"):
        return "skipped"  # the states of the others are complete: this step was left out, or never reached
    if trace and trace.outputs:
        return "succeeded"
    if trace and trace.log:
        if run.state == "SUCCEEDED":
            return "succeeded"
        if failed(run, step.name):
            return "failed"
    if run.state == "CANCELED" and any(task.began for task in tasks):
        return "canceled"
    return "unknown"
