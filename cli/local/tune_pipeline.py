"""``headrace tune`` for an Experiment whose trial is a pipeline: folder, engine, summary, closing lines."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from headrace.api.local_run import clear_summary, object_store
from headrace.cli.options import run_options
from headrace.cli.options.command_parameters import given_options
from headrace.cli.output.run_output import format_value
from headrace.core.base.errors import HeadraceError, InputError, quote
from headrace.core.base.files import write_text
from headrace.core.base.image import IMAGE
from headrace.core.runtime.processes import lease
from headrace.experiments.search.loop import SearchPlan
from headrace.experiments.search.result import SearchDocument
from headrace.experiments.trials.pipeline_trial import PipelineTrial
from headrace.experiments.tuners.factory import TunerTarget
from headrace.experiments.tuners.tune import plan_of
from headrace.pipelines.local.results import versions
from headrace.pipelines.local.run_folder import RunFolder, run_folder
from headrace.pipelines.local.summary import SearchSummary, StepSummary, Summary
from headrace.pipelines.tuning.factory import choose
from headrace.pipelines.tuning.search import read, tune_pipeline

_OPTIONS = frozenset(
    {
        "experiment",
        "argument",
        "budget",
        "max_trials",
        "tuner",
        "deadline",
        "cleanup",
        "search_namespace",
        "seed",
        "output",
        "summary",
        "verbose",
    }
)


@dataclass(frozen=True)
class PipelineTuneOptions:
    """Options of a search whose trial is a pipeline.

    Attributes:
        experiment: File of the Experiment, or the name of a shipped one.
        arguments: Arguments of the pipeline that all trials share, as texts.
        budget: Number of trials or time; empty for the Experiment's own.
        seed: Seed of the suggestions.
        place: Where trials run.
        output: The run's folder; None for one by the Experiment's name.
        summary: Where the summary is written too; None for nowhere.
    """

    experiment: str
    arguments: Mapping[str, str]
    budget: str
    seed: int
    place: TunerTarget
    output: Path | None
    summary: Path | None


def search_pipeline(context: typer.Context, *, budget: str) -> None:
    """Search as the options of ``tune`` say, without a table.

    Raises:
        InputError: If an option is one of tables, or the Experiment's trial is no pipeline.
        FailedSearchError: If there is no best trial.
    """
    params = context.params
    if not params["experiment"]:
        raise InputError(
            "TABLE and --target must be given, or --experiment with an Experiment whose trial is a pipeline; got "
            "neither."
        )
    for option in given_options(context, [name for name in params if name not in _OPTIONS]):
        raise InputError(
            f"{option} is about a table and means nothing where the trial is a pipeline; leave it out, or name the "
            "TABLE."
        )
    options = PipelineTuneOptions(
        experiment=params["experiment"],
        arguments=run_options.pairs(params["argument"]),
        budget=budget,
        seed=params["seed"],
        place=TunerTarget(
            params["tuner"],
            image=IMAGE,
            deadline=params["deadline"],
            cleanup=params["cleanup"],
            namespace=params["search_namespace"],
        ),
        output=params["output"],
        summary=params["summary"],
    )
    if options.summary:
        clear_summary(options.summary)
    _search(options)


def _search(options: PipelineTuneOptions) -> None:
    trial = read(options.experiment, arguments=options.arguments)
    if trial is None:
        raise InputError(
            f"TABLE and --target must be given, for a trial of the Experiment {quote(options.experiment)} fits a "
            "model; they may be left out only where the trial is a pipeline."
        )
    plan = plan_of(trial.experiment, budget_text=options.budget, seed=options.seed)
    home = options.output or Path("headrace-out") / trial.experiment.name
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(run_folder(home))
        stack.enter_context(lease(folder.lease))
        folder.searches.mkdir(exist_ok=True)
        try:
            result = _run_search(plan, trial, options, folder, stack)
        except HeadraceError as error:
            _write(_summary(None, folder, began, error=str(error)), folder, options.summary)
            folder.set_aside()
            raise type(error)(f"{error} (see {folder.home / 'failed'})") from error
        _write(_summary(result, folder, began), folder, options.summary)
        folder.keep()
    typer.echo(_outcome(result, folder.home))


def _run_search(
    plan: SearchPlan, trial: PipelineTrial, options: PipelineTuneOptions, folder: RunFolder, stack: contextlib.ExitStack
) -> SearchDocument:
    store = stack.enter_context(object_store(folder)) if options.place.tuner == "local" else None
    tuner = choose(
        options.place, searches=folder.searches, lease=folder.lease, environment=store.environment() if store else {}
    )
    return tune_pipeline(plan, trial, tuner, home=folder.staging, say=_say)


def _say(line: str) -> None:
    typer.echo(f"  {line}")


def _summary(result: SearchDocument | None, folder: RunFolder, began: float, *, error: str = "") -> Summary:
    seconds = round(time.monotonic() - began, 3)
    status: Literal["failed", "succeeded"] = "failed" if error else "succeeded"
    return Summary(
        status=status,
        seconds=seconds,
        steps=[StepSummary(name="tune", status=status, seconds=seconds)],
        search=_summarize_search(result) if result else None,
        output=str(folder.home),
        versions=versions(),
        error=error,
    )


def _summarize_search(result: SearchDocument) -> SearchSummary:
    best = None if result.best is None else result.trials[result.best]
    return SearchSummary(
        tuner=result.tuner,
        metric=result.objective.metric,
        score=None if best is None else best.score,
        trials=len(result.trials),
        failed=sum(trial.status in {"failed", "metrics_unavailable"} for trial in result.trials),
        reason=result.reason,
    )


def _write(summary: Summary, folder: RunFolder, other: Path | None) -> None:
    for path in (folder.staging / "summary.json", other):
        if path:
            write_text(path, summary.to_json())


def _outcome(result: SearchDocument, home: Path) -> str:
    """Return the result of the search in lines, and what to do next."""
    if result.best is None:
        return ""
    best = result.trials[result.best]
    metrics = ", ".join(f"{name} {format_value(values['latest'])}" for name, values in best.metrics.items())
    lines = [
        "",
        f"  best      {best.name}: {metrics}",
        *(f"            {name} = {value}" for name, value in best.parameters.items()),
        f"  trials    {home / 'trials.json'}",
    ]
    where = home / "trials" / best.name
    after = f"look at {where}" if where.exists() else f"look at {home / 'trials.json'}"
    return "\n".join([*lines, "", f"Next: {after}, or run the pipeline with these arguments."])
