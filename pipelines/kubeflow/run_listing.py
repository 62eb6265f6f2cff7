"""Prepares runs for display: cancelled ones as cancelled, steps in the order of the pipeline."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from headrace.cluster.kfp import workflow
from headrace.cluster.kfp.client import KfpClient
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun, TaskState
from headrace.core.base.errors import UserError
from headrace.pipelines.kubeflow.step_logs import StepLogs
from headrace.pipelines.kubeflow.step_outcomes import step_outcome

_AT_ONCE = 8
_BEGUN = {"RUNNING", "SUCCEEDED", "FAILED", "CANCELED"}


def with_canceled(api: KfpClient, runs: Iterable[PipelineRun]) -> Iterator[PipelineRun]:
    """Yield the runs, with the state CANCELED for those that somebody stopped and the server calls failed.

    The server records a cancellation only if it sees the Workflow before it has ended; the Workflow itself says so.
    """

    def mark_canceled(run: PipelineRun) -> PipelineRun:
        if run.state != "FAILED":
            return run
        try:
            kept_workflow = workflow.read_kept_workflow(api.transport, run.id)
        except UserError:
            return run
        return replace(run, state="CANCELED") if kept_workflow and kept_workflow.stopped else run

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(mark_canceled, runs)


def steps(run: PipelineRun, pipeline: PipelineFile, logs: StepLogs) -> tuple[list[TaskState], dict[str, str]]:
    """Return the steps of a run that have begun, and the states of the others by name, both in the pipeline's order.

    Args:
        run: The run, with the nodes of its Workflow.
        pipeline: The run's pipeline.
        logs: Logs of its steps, used where the API's states are stale.
    """
    traces = logs.traces(run) if run.stale else {}
    begun: list[TaskState] = []
    other_states: dict[str, str] = {}
    for step in pipeline.steps.values():
        ended = {"SUCCEEDED", "FAILED", "CANCELED"} if run.stale else _BEGUN
        tasks = [task for task in run.tasks if task.name == step.name and task.state in ended]
        if tasks:
            begun += sorted(tasks, key=lambda task: task.began)[-1:]
            continue
        state = "pending"
        if run.has_ended:
            state = step_outcome(run, step, trace=traces.get(step.name), failed=logs.has_failed)
        if state in {"succeeded", "failed", "canceled"} or (state == "unknown" and step.name in traces):
            begun.append(TaskState(step.name, state.upper()))
        else:
            other_states[step.name] = state
    return begun, other_states
