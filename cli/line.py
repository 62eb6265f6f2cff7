"""The training line from the command line's side: folder, store, progress, summary."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headrace.cli.screen import Progress
from headrace.core import settings
from headrace.core.errors import HeadraceError, InputError, InternalError
from headrace.core.files import read_json, write_text
from headrace.core.processes import lease, stop_pid
from headrace.core.text import guarded
from headrace.pipelines.catalogue import PIPELINES
from headrace.pipelines.folder import RunFolder, run_folder
from headrace.pipelines.records import note_end, note_folder, records_environment
from headrace.pipelines.results import artifact, gather, report_failure, summarise, versions
from headrace.pipelines.runner import Outcome, run_pipeline, with_skipped
from headrace.pipelines.summary import Summary
from headrace.stores.local import local_store


@dataclass(frozen=True)
class Ended:
    """A line that ran to its end.

    Attributes:
        summary: What came of it.
        verification: What was asked of the endpoint and what it answered; empty when the gate rejected the model.
        home: The run's folder.
    """

    summary: Summary
    verification: Mapping[str, Any]
    home: Path


def run_line(
    arguments: Mapping[str, Any],
    *,
    home: Path,
    records: Path,
    summary_file: Path | None,
    verbose: bool,
    then: Callable[[Ended], None],
) -> None:
    """Run the training pipeline with ``arguments``; call ``then`` while its endpoint still answers.

    Args:
        arguments: Parameters of the pipeline.
        home: The run's folder.
        records: Folder of registry, catalogue and lineage, as far as the environment names no others.
        summary_file: Where the summary is written too; None for nowhere.
        verbose: Whether the raw logs are shown.
        then: Called with a line that ended well.

    Raises:
        HeadraceError: If the line failed; the summary has been written.
    """
    began, kept = time.monotonic(), records_environment(records)
    if summary_file:
        clear(summary_file)
    with contextlib.ExitStack() as stack:
        try:
            folder = stack.enter_context(run_folder(home))
            stack.enter_context(lease(folder.lease))
            store = stack.enter_context(store_of(folder))
        except HeadraceError as error:
            _write(_summary(Outcome(error=error), began, home.absolute()), summary_file)
            raise
        folder.searches.mkdir(exist_ok=True)
        outcome = run_pipeline(
            "training",
            {**arguments, "journal": guarded(str(folder.searches)), "deploy_to": "local"},
            folder=folder,
            environment={**store.environment(), **kept},
            watch=Progress(sys.stdout),
            echo=sys.stderr if verbose else None,
        )
        endpoint = _facts(folder, "deploy", "endpoint")
        catalog = kept["HEADRACE_CATALOG"]
        try:
            then(_conclude(outcome, folder, summary_file, began, catalog))
        finally:
            if endpoint:
                stop_pid(int(endpoint["pid"]))
                note_end(catalog, url=endpoint["url"], digest=endpoint["digest"])


def _conclude(outcome: Outcome, folder: RunFolder, summary_file: Path | None, began: float, catalog: str) -> Ended:
    gather(folder)
    if not outcome.error and not (folder.staging / "report.html").exists():
        outcome = replace(outcome, error=InternalError("the line ended well but left no report."))
    if outcome.error:
        report_failure(folder, str(outcome.error), PIPELINES["training"].steps)
    summary = summarise(folder, _summary(outcome, began, folder.home)).model_copy(update={"catalog": catalog})
    _write(summary, folder.staging / "summary.json", summary_file)
    if outcome.error:
        folder.set_aside()
        raise type(outcome.error)(f"{outcome.error} (see {folder.home / 'failed'})")
    verification = _facts(folder, "verify_endpoint", "verification")
    folder.keep()
    note_folder(catalog, folder.home)
    return Ended(summary=summary, verification=verification, home=folder.home)


def _summary(outcome: Outcome, began: float, home: Path) -> Summary:
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


def _facts(folder: RunFolder, step: str, name: str) -> dict[str, Any]:
    path = artifact(folder, step, name)
    return dict(read_json(path)) if path else {}


def _write(summary: Summary, *paths: Path | None) -> None:
    for path in paths:
        if path:
            write_text(path, summary.to_json())


@contextlib.contextmanager
def store_of(folder: RunFolder) -> Iterator[settings.StoreSettings]:
    """The store of the environment, or one of the run's own."""
    given = settings.store_settings()
    if given:
        yield given
        return
    with (
        (folder.log.parent / "store.log").open("wb") as log,
        local_store(folder.store, lease_path=folder.lease, log=log) as own,
    ):
        yield own


def clear(path: Path) -> None:
    """Take away an older summary, so that a killed run leaves none, and see that a new one can be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.unlink()
    except OSError as error:
        raise InputError(f"cannot write the summary to {path}: {error.strerror}.") from error
