"""Have runs on Kubeflow end, and recurring ones start nothing more.

Kubeflow Pipelines deletes with a recurring run the Workflows of its runs that are under way, pods and all, and goes on
to call those running. So nothing is deleted that something under way belongs to: it goes on to its end, or is ended
first, as is wished.
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
    """Have a run ended; one that is ending already is left to it.

    Raises:
        InputError: If it has ended already.
        MissingError: If there is none.
    """
    found = api.run(run)
    if found.has_ended:
        raise _over(found)
    if found.state == _ENDING:
        return
    try:
        api.end(run)
    except ClusterError as error:
        if any(words in str(error) for words in _OVER):
            raise _over(api.run(run)) from error
        raise


def _over(run: PipelineRun) -> InputError:
    return InputError(
        f"a run must be under way to be cancelled; {run.name} has ended, {run.state.lower()}: headrace logs {run.id}"
    )


def cancel_recurring(api: KfpClient, recurring: str, *, with_runs: bool, seconds: float = SECONDS) -> str:
    """Have a recurring run start nothing more, and delete it as soon as nothing that it started is under way.

    Args:
        api: Kubeflow Pipelines.
        recurring: The id of the recurring run.
        with_runs: Whether what is under way is ended, instead of going on.
        seconds: How long what is ended is waited for.

    Returns:
        What became of it, in words.

    Raises:
        MissingError: If there is no such recurring run.
        ClusterError: If what was told to end has not ended in time.
    """
    api.pause(recurring)
    under_way = _under_way(api, recurring)
    if under_way and not with_runs:
        names = ", ".join(run.name for run in under_way)
        return (
            f"It starts nothing more. What is under way goes on: {names}. Kubeflow would kill that with the recurring "
            f"run, so this is kept, disabled, until then.\n\nNext: headrace cancel --recurring {recurring} when it has "
            "ended, or with --with-runs to end it now"
        )
    gone = {run.id for run in under_way if not _end_run(api, run)}
    _wait(api, recurring, gone, seconds=seconds)
    api.unschedule(recurring)
    ended = f", and what was under way is cancelled: {', '.join(run.name for run in under_way)}" if under_way else ""
    return f"It is deleted{ended or '; nothing of it was under way'}."


def _end_run(api: KfpClient, run: PipelineRun) -> bool:
    """Have a run ended; False if there is nothing left to end, though the API calls it running."""
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
    while left := [run for run in _under_way(api, recurring) if run.id not in gone]:
        if time.monotonic() > deadline:
            raise ClusterError(
                f"{left[0].name} was given {seconds:.0f} s to end and did not; the recurring run is disabled and kept: "
                f"try again with headrace cancel --recurring {recurring} --with-runs.",
                "timeout",
            )
        time.sleep(_EVERY_SECONDS)
