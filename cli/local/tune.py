"""``headrace tune``: the best model that a search finds, and what it is worth."""

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from headrace.cli.options import run_options, table_options
from headrace.core.base.errors import InputError
from headrace.registry.backends.locations import FOLDER

if TYPE_CHECKING:
    from headrace.api.run_result import Run

EXAMPLES = """
Examples:

  headrace tune heart.csv --target target

  headrace tune heart.csv --target target --experiment random_forest --max-trials 50 --nested

  headrace tune heart.csv --target target --experiment mine.yaml --summary summary.json

  headrace tune s3://lake/heart.csv --target target --experiment families --tuner katib --namespace team-a --deadline 2h

  headrace tune --experiment mine.yaml --argument source=heart.csv      (its trial is a compiled pipeline)
"""


@table_options.with_training_options(
    *table_options.ALL, optional=("source", "target"), after={"max_trials": "budget", "argument": "include_data"}
)
def tune(
    *,
    context: typer.Context,
    options: Mapping[str, Any],
    max_trials: table_options.MaxTrials = 0,
    argument: run_options.Arguments = None,
    output: run_options.Output = None,
    summary: run_options.SummaryFile = None,
    verbose: run_options.Verbose = False,
) -> None:
    """Search for the best model of TABLE, refit it, and measure it on rows that the search has not seen.

    Without TABLE: run the search of an Experiment whose trial is a pipeline.
    """
    if not options["source"]:
        from headrace.cli.local.tune_pipeline import search_pipeline  # noqa: PLC0415 - slow to import, and tables need none

        search_pipeline(context, budget=table_options.budget_of(options["budget"], max_trials))
        return
    if argument:
        raise InputError("--argument must not be given with TABLE, for it is for pipelines.")
    training = replace(table_options.training_options(options, max_trials=max_trials), publish=False)
    from headrace.cli.local.training_run import run_training  # noqa: PLC0415 - the runner of pipelines is slow to import, and other commands need none
    from headrace.cli.output.run_output import compare_search_scores, describe_run  # noqa: PLC0415

    home = table_options.home_of(output, training.name)

    def on_success(completed: "Run") -> None:
        typer.echo(describe_run(completed.summary))
        typer.echo(compare_search_scores(completed.summary))
        typer.echo(f"\nNext: open {home / 'search.html'}, or: headrace serve {shlex.quote(str(home))}")

    run_training(
        training.pipeline_arguments(),
        home=home,
        records=output or FOLDER,
        summary_file=summary,
        verbose=verbose,
        on_success=on_success,
    )
