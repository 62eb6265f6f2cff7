"""What became of steps of which nobody told the end."""

import pytest

from headrace.cluster.kfp.pipeline_spec import PipelineTask as Step
from headrace.cluster.kfp.run import PipelineRun, TaskState
from headrace.pipelines.kubeflow.artifacts import TaskTrace
from headrace.pipelines.kubeflow.step_outcomes import step_outcome

PLAIN, INSIDE = Step("a", "a", {}), Step("a", "a", {}, ("condition-1",))


def of(run: PipelineRun, *, step: Step = PLAIN, trace: TaskTrace | None = None, failed: bool = False) -> str:
    """The verdict on a step."""
    return step_outcome(run, step, trace=trace, failed=lambda *_: failed)


def ended(state: str, *tasks: TaskState, stale: bool = True) -> PipelineRun:
    """A run at its end."""
    return PipelineRun("r", "tiny", state, tasks=tasks, stale=stale)


@pytest.mark.parametrize(
    ("run", "trace", "failed", "found"),
    [
        (ended("SUCCEEDED"), None, False, "unknown"),
        (ended("SUCCEEDED"), TaskTrace(log=True), True, "succeeded"),
        (ended("FAILED"), TaskTrace(outputs=True), True, "succeeded"),
        (ended("FAILED"), TaskTrace(log=True), True, "failed"),
        (ended("FAILED"), TaskTrace(log=True), False, "unknown"),
        (ended("FAILED"), None, False, "unknown"),
        (ended("CANCELED", TaskState("a", "RUNNING", 1.0)), None, False, "canceled"),
        (ended("CANCELED"), None, False, "unknown"),
    ],
)
def test_where_states_stand_still_the_store_decides(
    run: PipelineRun, trace: TaskTrace | None, failed: bool, found: str
) -> None:
    """What neither tells is unknown, and never skipped."""
    assert of(run, trace=trace, failed=failed) == found


def test_a_run_that_succeeded_left_out_only_what_it_may() -> None:
    """A step outside of conditions and loops has run, also if nobody tells of it."""
    assert of(ended("SUCCEEDED", stale=False)) == "unknown"
    assert of(ended("SUCCEEDED", stale=False), step=INSIDE) == "skipped"
    assert of(ended("SUCCEEDED", TaskState("a", "SKIPPED"), stale=False)) == "skipped"
    assert of(ended("FAILED", stale=False)) == "skipped"
