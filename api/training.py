"""Take a table through the whole pipeline, or search for its best model."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Unpack

from headrace.api.local_run import RunOutput, training_run
from headrace.api.model_names import model_name
from headrace.api.model_reference import resolve_model
from headrace.api.progress import describe_event
from headrace.api.run_result import Run
from headrace.api.tables import TableReference, table_address
from headrace.api.training_arguments import prepare_options
from headrace.api.training_keywords import TrainingKeywords, complete_options, with_keyword_signature
from headrace.pipelines.local.runner import StepEvent
from headrace.registry.backends.locations import FOLDER


@with_keyword_signature
def run(
    table: TableReference,
    target: str = "",
    *,
    output: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    verbose: bool = False,
    **options: Unpack[TrainingKeywords],
) -> Run:
    """Train, evaluate, publish and verify a model of one table, as ``headrace run`` does.

    >>> import headrace.api as hr
    >>> run = hr.run("customers.csv", target="churn", budget=3)
    >>> run.rows.train + run.rows.test
    400
    >>> 0 <= run.metrics["roc_auc"].low <= run.metrics["roc_auc"].high <= 1
    True
    >>> run.report.name
    'report.html'

    Args:
        table: Path, folder, glob, ``http(s)://``, ``s3://`` or SQL address; or a data frame of pandas or Polars (n
            rows, p columns). A frame is written to a temporary Parquet file, which a later replay does not find; a
            named index becomes a column, an unnamed one is dropped.
        target: Column to predict; empty for a task anomaly without labels, or for the given contract's.
        output: The run's folder; None for ``headrace-out/NAME``.
        progress: Called with a line of text for each step that ended, such as ``print``; None for silence.
        verbose: Whether the steps' raw logs go to standard error.
        **options: See ``TrainingKeywords``.

    Returns:
        The completed run. Its endpoint has ended; ``serve`` starts another one.

    Raises:
        InputError: If an option is invalid, or a step refuses its input; the sentence names the step.
        MissingError: If a named file does not exist.
        InternalError: If a step fails by a fault of Headrace's own.
    """
    return _completed_run(table, target, options, output=output, progress=progress, verbose=verbose, function="run")


@with_keyword_signature
def tune(
    table: TableReference,
    target: str = "",
    *,
    output: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    verbose: bool = False,
    **options: Unpack[TrainingKeywords],
) -> Run:
    """Search for the best model of a table, refit it, and measure it on rows that the search has not seen.

    It is ``run`` without publishing. For a search whose trial is a pipeline, use the command ``headrace tune``.

    >>> import headrace.api as hr
    >>> best = hr.tune("customers.csv", target="churn", budget=3)
    >>> best.search.trials, best.search.failed
    (3, 0)

    Args:
        table: See ``run``.
        target: Column to predict; empty for a task anomaly without labels, or for the given contract's.
        output: The run's folder; None for ``headrace-out/NAME``.
        progress: Called with a line of text for each step that ended, such as ``print``; None for silence.
        verbose: Whether the steps' raw logs go to standard error.
        **options: See ``TrainingKeywords``; ``publish`` is False unless it is given.

    Returns:
        The completed run; ``search`` holds the result of the search.

    Raises:
        InputError: As ``run`` does.
        MissingError: As ``run`` does.
        InternalError: As ``run`` does.
    """
    chosen = {"publish": False, **options}
    return _completed_run(table, target, chosen, output=output, progress=progress, verbose=verbose, function="tune")


def _completed_run(
    table: TableReference,
    target: str,
    keywords: Mapping[str, Any],
    *,
    output: str | Path | None,
    progress: Callable[[str], None] | None,
    verbose: bool,
    function: str,
) -> Run:
    options = complete_options(keywords, function=function)
    champion = resolve_model(options["champion"]) if options["champion"] else ""
    name = model_name(options["name"]) if options["name"] else ""
    with table_address(table, name=name) as source:
        resolved = {"source": source, "target": target, "champion": champion, "budget": str(options["budget"])}
        training = prepare_options({**options, **resolved, "name": name})
        run_output = RunOutput(
            home=Path(output) if output else FOLDER / training.name,
            records=Path(output) if output else FOLDER,
            on_event=_line_printer(progress),
            raw_log=sys.stderr if verbose else None,
        )
        with training_run(training.pipeline_arguments(), run_output) as completed:
            return completed


def _line_printer(progress: Callable[[str], None] | None) -> Callable[[StepEvent], None]:
    def show(event: StepEvent) -> None:
        line = describe_event(event)
        if progress and line:
            progress(line)

    return show
