"""Runs as a person is to see them: cancelled ones by that name, steps in the order in which they run."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from headrace.cluster.kfp import workflow
from headrace.cluster.kfp.client import KfpClient
from headrace.cluster.kfp.pipeline_spec import PipelineFile
from headrace.cluster.kfp.run import PipelineRun, TaskState
from headrace.core.base.errors import UserError
from headrace.pipelines.kubeflow.step_logs import StepLogs
from headrace.pipelines.kubeflow.step_outcomes import verdict

_AT_ONCE = 8
_BEGUN = {"RUNNING", "SUCCEEDED", "FAILED", "CANCELED"}


def with_canceled(api: KfpClient, runs: Iterable[PipelineRun]) -> Iterator[PipelineRun]:
    """The runs, those called cancelled that somebody ended though the server says only that they failed.

    It notes that a run was told to end only if it looks at its Workflow before it has ended; the Workflow knows.
    """

    def mark_canceled(run: PipelineRun) -> PipelineRun:
        if run.state != "FAILED":
            return run
        try:
            found = workflow.read_kept_workflow(api.transport, run.id)
        except UserError:
            return run
        return replace(run, state="CANCELED") if found and found.stopped else run

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield from pool.map(mark_canceled, runs)


def steps(run: PipelineRun, pipeline: PipelineFile, logs: StepLogs) -> tuple[list[TaskState], dict[str, str]]:
    """The steps of a run that have begun, and what is known of the others by their names, both in the pipeline's order.

    Args:
        run: The run, with what its Workflow tells.
        pipeline: What it runs.
        logs: What its steps left, which is asked where states stand still.
    """
    traces = logs.traces(run) if run.stale else {}
    begun: list[TaskState] = []
    rest: dict[str, str] = {}
    for step in pipeline.steps.values():
        ended = {"SUCCEEDED", "FAILED", "CANCELED"} if run.stale else _BEGUN
        told = [task for task in run.tasks if task.name == step.name and task.state in ended]
        if told:
            begun += sorted(told, key=lambda task: task.began)[-1:]
            continue
        state = "pending"
        if run.has_ended:
            state = verdict(run, step, trace=traces.get(step.name), failed=logs.has_failed)
        if state in {"succeeded", "failed", "canceled"} or (state == "unknown" and step.name in traces):
            begun.append(TaskState(step.name, state.upper()))
        else:
            rest[step.name] = state
    return begun, rest
