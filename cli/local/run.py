"""``headrace run``: any table through the whole pipeline."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from headrace.cli.local.serve import wait_until_interrupted
from headrace.cli.options import run_options, table_options
from headrace.registry.backends.locations import FOLDER

if TYPE_CHECKING:
    from headrace.api.run_result import Run

EXAMPLES = """
Examples:

  headrace run heart.csv --target target

  headrace run trips.csv --target tip --time-column pickup --country US --budget 2m

  headrace run people.csv.gz --target income --column-names "age,job,income" --drop-column name --hash-column e-mail

  headrace run "parts/*.parquet" --target churn --id-column customer --families logistic --metric-bound roc_auc=0.8
"""


@table_options.with_training_options(*table_options.ALL, after={"max_trials": "budget"})
def run(
    *,
    options: Mapping[str, Any],
    max_trials: table_options.MaxTrials = 0,
    output: run_options.Output = None,
    summary: run_options.SummaryFile = None,
    serve: run_options.Serve = False,
    verbose: run_options.Verbose = False,
) -> None:
    """Take TABLE through every step to a live endpoint."""
    training = table_options.training_options(options, max_trials=max_trials)
    from headrace.cli.local.training_run import run_training  # noqa: PLC0415 - the runner of pipelines is slow to import, and other commands need none
    from headrace.cli.output.run_output import describe_request, describe_run, registry_command  # noqa: PLC0415

    home = table_options.home_of(output, training.name)

    def on_success(completed: "Run") -> None:
        typer.echo(describe_run(completed.summary))
        if completed.verification:
            typer.echo("\n" + describe_request(dict(completed.verification)))
        if serve:
            wait_until_interrupted(completed)
        else:
            typer.echo(f"\nNext: headrace serve {shlex.quote(str(home))}{registry_command(completed.summary)}")

    run_training(
        training.pipeline_arguments(),
        home=home,
        records=output or FOLDER,
        summary_file=summary,
        verbose=verbose,
        on_success=on_success,
    )
