"""Cancels runs on Kubeflow, and stops recurring ones.

When a recurring run is deleted, Kubeflow Pipelines also deletes the Workflows and pods of its active runs, and still
reports those as running. So a recurring run is deleted only when it has no active runs: they end by themselves, or are
cancelled first if the caller says so.
"""

import time
from collections.abc import Collection

from headrace.cluster.kfp.client import KfpClient
from headrace.cluster.kfp.run import PipelineRun
from headrace.core.base.errors import ClusterError, InputError, MissingError

SECONDS = 120.0
_EVERY_SECONDS = 1.0
_LATEST = 200
_ENDING = "CANCELING"
_OVER = ("Row not found", "not in a cancellable state")  # as 2.17 says it, and as earlier ones did


def cancel(api: KfpClient, run: str) -> None:
    """Cancel a run; do nothing if it is being cancelled already.

    Raises:
        InputError: If it has ended already.
        MissingError: If there is no such run.
    """
    state_before = api.run(run)
    if state_before.has_ended:
        raise _over(state_before)
    if state_before.state == _ENDING:
        return
    try:
        api.end(run)
    except ClusterError as error:
        if any(phrase in str(error) for phrase in _OVER):
            raise _over(api.run(run)) from error
        raise


def _over(run: PipelineRun) -> InputError:
    return InputError(
        f"a run must be under way to be cancelled; {run.name} has ended, {run.state.lower()}: headrace logs {run.id}"
    )


def cancel_recurring(api: KfpClient, recurring: str, *, with_runs: bool, seconds: float = SECONDS) -> str:
    """Disable a recurring run, and delete it once no run that it started is active.

    Args:
        api: Kubeflow Pipelines.
        recurring: The id of the recurring run.
        with_runs: Whether to cancel its active runs, instead of leaving them to complete.
        seconds: How long to wait for cancelled runs.

    Returns:
        A text for the user that says what happened.

    Raises:
        MissingError: If there is no such recurring run.
        ClusterError: If a cancelled run has not ended in time.
    """
    api.pause(recurring)
    under_way = _under_way(api, recurring)
    if under_way and not with_runs:
        names = ", ".join(run.name for run in under_way)
        return (
            f"It starts no more runs. Active runs continue: {names}. Kubeflow would kill them with the recurring run, "
            f"so this is kept, disabled, until they have ended.\n\nNext: headrace cancel --recurring {recurring} then, "
            "or with --with-runs to end them now"
        )
    gone = {run.id for run in under_way if not _end_run(api, run)}
    _wait(api, recurring, gone, seconds=seconds)
    api.unschedule(recurring)
    ended = f", and its active runs are cancelled: {', '.join(run.name for run in under_way)}" if under_way else ""
    return f"It is deleted{ended or '; it had no active runs'}."


def _end_run(api: KfpClient, run: PipelineRun) -> bool:
    """Cancel a run; return False if its Workflow is gone, though the API calls it running."""
    try:
        cancel(api, run.id)
    except MissingError:
        return False
    except InputError:  # it has ended meanwhile
        return True
    return True


def _under_way(api: KfpClient, recurring: str) -> list[PipelineRun]:
    return [run for run in api.runs(_LATEST) if run.facts.get("recurring_run_id") == recurring and not run.has_ended]


def _wait(api: KfpClient, recurring: str, gone: Collection[str], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while remaining := [run for run in _under_way(api, recurring) if run.id not in gone]:
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{remaining[0].name} was given {seconds:.0f} s to end and did not; the recurring run is disabled and "
                f"kept: try again with headrace cancel --recurring {recurring} --with-runs.",
                "timeout",
            )
        time.sleep(_EVERY_SECONDS)
