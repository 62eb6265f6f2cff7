"""What became of the steps of a run that has ended, where nobody has told it while they ran.

Above 1 MiB Argo compresses a Workflow's nodes, and the states that the API of Kubeflow Pipelines tells stand still:
what they leave open is asked of the object store, and what nobody knows is called unknown.
"""

from collections.abc import Callable
from typing import Literal

from headrace.cluster.kfp.pipeline_spec import PipelineTask
from headrace.cluster.kfp.run import PipelineRun
from headrace.pipelines.kubeflow.artifacts import TaskTrace

StepOutcome = Literal["succeeded", "failed", "canceled", "skipped", "unknown"]


def verdict(
    run: PipelineRun, step: PipelineTask, *, trace: TaskTrace | None, failed: Callable[[PipelineRun, str], bool]
) -> StepOutcome:
    """What became of a step of which no end was told.

    Args:
        run: The run at its end, with all that is known of its nodes.
        step: The step.
        trace: What it left in the store; None if that is nothing, or the store cannot be asked.
        failed: Whether the log of a step says that it failed; asked only if that decides.
    """
    told = [task for task in run.tasks if task.name == step.name]
    if not run.stale and (told or step.groups or run.state != "SUCCEEDED"):
        return "skipped"  # what is known of the others is whole: this one was left out, or never reached
    if trace and trace.outputs:
        return "succeeded"
    if trace and trace.log:
        if run.state == "SUCCEEDED":
            return "succeeded"
        if failed(run, step.name):
            return "failed"
    if run.state == "CANCELED" and any(task.began for task in told):
        return "canceled"
    return "unknown"
