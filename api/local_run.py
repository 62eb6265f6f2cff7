"""A run of the training pipeline on this machine: its folder, its object store, its summary."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from headrace.api.run_result import Run, step_document
from headrace.core.base import settings
from headrace.core.base.errors import HeadraceError, InputError, InternalError
from headrace.core.base.files import write_text
from headrace.core.base.parameter_text import escape
from headrace.core.runtime.processes import lease, stop_pid
from headrace.pipelines.definitions.catalogue import PIPELINES
from headrace.pipelines.local.records import note_end, note_folder, records_environment
from headrace.pipelines.local.results import gather, report_failure, summarise, versions
from headrace.pipelines.local.run_folder import RunFolder, run_folder
from headrace.pipelines.local.run_notebook import leave_notebook
from headrace.pipelines.local.runner import RunOutcome, StepEvent, run_pipeline, with_skipped
from headrace.pipelines.local.summary import Summary
from headrace.stores.objects.local_s3 import local_store


@dataclass(frozen=True)
class RunOutput:
    """Where a run writes, and who receives its events.

    Attributes:
        home: The run's folder.
        records: Folder of registry, catalogue and lineage, unless the environment names other places.
        on_event: Called with each event of a step, as it happens.
        raw_log: Stream that also gets the steps' raw logs; None for none.
        summary_file: Where the summary is written too; None for nowhere.
    """

    home: Path
    records: Path
    on_event: Callable[[StepEvent], None] = lambda _: None
    raw_log: IO[str] | None = None
    summary_file: Path | None = None


@contextlib.contextmanager
def training_run(arguments: Mapping[str, Any], output: RunOutput) -> Iterator[Run]:
    """Run the training pipeline; its endpoint is live for the length of the block.

    Args:
        arguments: Parameters of the pipeline, as ``TrainingOptions.pipeline_arguments`` returns them.
        output: Where the run writes, and who receives its events.

    Yields:
        The completed run.

    Raises:
        HeadraceError: If the run failed; the summary has been written.
    """
    began, record_places = time.monotonic(), records_environment(output.records)
    if output.summary_file:
        clear_summary(output.summary_file)
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(run_folder(output.home))
            stack.enter_context(lease(folder.lease))
            store = stack.enter_context(object_store(folder))
        except HeadraceError as error:
            _write(_summary(RunOutcome(error=error), began, output.home.absolute()), output.summary_file)
            raise
        folder.searches.mkdir(exist_ok=True)
        outcome = run_pipeline(
            "training",
            {**arguments, "journal": escape(str(folder.searches)), "deploy_platform": "local"},
            folder=folder,
            environment={**store.environment(), **record_places},
            watch=output.on_event,
            echo=output.raw_log,
        )
        endpoint = step_document(folder, "deploy", "endpoint")
        catalog = record_places["HEADRACE_CATALOG"]
        try:
            yield _conclude(outcome, folder, output.summary_file, began, catalog)
        finally:
            if endpoint:
                stop_pid(int(endpoint["pid"]))
                note_end(catalog, url=endpoint["url"], digest=endpoint["digest"])


def _conclude(outcome: RunOutcome, folder: RunFolder, summary_file: Path | None, began: float, catalog: str) -> Run:
    gather(folder)
    if not outcome.error and not (folder.staging / "report.html").exists():
        outcome = replace(outcome, error=InternalError("the run succeeded but left no report."))
    if outcome.error:
        report_failure(folder, str(outcome.error), PIPELINES["training"].steps)
    summary = summarise(folder, _summary(outcome, began, folder.home)).model_copy(update={"catalog": catalog})
    _write(summary, folder.staging / "summary.json", summary_file)
    leave_notebook(folder, summary)
    if outcome.error:
        folder.set_aside()
        raise type(outcome.error)(f"{outcome.error} (see {folder.home / 'failed'})")
    verification = step_document(folder, "verify_endpoint", "verification")
    folder.keep()
    note_folder(catalog, folder.home)
    return Run(home=folder.home, summary=summary, verification=verification)


def _summary(outcome: RunOutcome, began: float, home: Path) -> Summary:
    failed = outcome.error is not None
    return Summary(
        status="failed" if failed else "succeeded",
        seconds=round(time.monotonic() - began, 3),
        steps=with_skipped(outcome.steps, PIPELINES["training"].steps),
        report="" if failed else str(home / "report.html"),
        output=str(home),
        versions=versions(),
        error=str(outcome.error or ""),
    )


def _write(summary: Summary, *paths: Path | None) -> None:
    for path in paths:
        if path:
            write_text(path, summary.to_json())


@contextlib.contextmanager
def object_store(folder: RunFolder) -> Iterator[settings.StoreSettings]:
    """Yield the store that the environment names, or one that lives as long as the run."""
    configured = settings.store_settings()
    if configured:
        yield configured
        return
    with (
        (folder.log.parent / "store.log").open("wb") as log,
        local_store(folder.store, lease_path=folder.lease, log=log) as own,
    ):
        yield own


def clear_summary(path: Path) -> None:
    """Delete an older summary, so that a killed run leaves no stale one, and check that a new one can be written.

    Raises:
        InputError: If it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.unlink()
    except OSError as error:
        raise InputError(f"cannot write the summary to {path}: {error.strerror}.") from error
