"""``headrace tune``: the best model that a search finds, and what it is worth."""

import shlex
from typing import TYPE_CHECKING

import typer

from headrace.cli import options, table_options
from headrace.core.errors import InputError
from headrace.registry.places import FOLDER

if TYPE_CHECKING:
    from headrace.api.run_result import Run

EXAMPLES = """
Examples:

  headrace tune heart.csv --target target

  headrace tune heart.csv --target target --experiment random_forest --max-trials 50 --nested

  headrace tune heart.csv --target target --experiment mine.yaml --summary summary.json

  headrace tune s3://lake/heart.csv --target target --experiment families --on katib --namespace team-a --deadline 2h

  headrace tune --experiment mine.yaml --argument source=heart.csv      (its trial is a compiled pipeline)
"""


def tune(
    context: typer.Context,
    table: table_options.Table = "",
    target: table_options.Target = "",
    task: table_options.Task = "",
    name: table_options.Name = "",
    contract: table_options.ContractFile = "",
    names: table_options.Names = "",
    header: table_options.Header = True,
    delimiter: table_options.Delimiter = "",
    encoding: table_options.Encoding = "",
    skip_lines: table_options.SkipLines = -1,
    comment: table_options.Comment = "",
    missing: table_options.Missing = None,
    time: table_options.Time = "",
    id_column: table_options.Ids = None,
    group: table_options.Group = "",
    drop: table_options.Drop = None,
    hash_column: table_options.Hash = None,
    positive: table_options.Positive = "",
    country: table_options.Country = "",
    decimal: table_options.DecimalMark = "",
    thousands: table_options.Thousands = "",
    families: table_options.Families = "",
    experiment: table_options.ExperimentFile = "",
    budget: options.Budget = "",
    max_trials: table_options.MaxTrials = 0,
    folds: table_options.Folds = 0,
    nested: table_options.Nested = False,
    on: table_options.On = "local",
    deadline: table_options.Deadline = "",
    cleanup: table_options.Cleanup = "succeeded",
    namespace: table_options.SearchNamespace = "",
    test_size: table_options.TestSize = 0.2,
    split: table_options.Split = "",
    slices: table_options.Slices = None,
    cost_false_positive: table_options.FalsePositive = 1.0,
    cost_false_negative: table_options.FalseNegative = 1.0,
    require: table_options.Require = None,
    champion: table_options.Champion = "",
    card: options.Card = "",
    with_data: options.WithData = False,
    argument: options.Arguments = None,
    seed: options.Seed = 0,
    output: options.Output = None,
    summary: options.SummaryFile = None,
    verbose: options.Verbose = False,
) -> None:
    """Search for the best model of TABLE, refit it, and measure it on rows that the search has not seen.

    Without TABLE: run the search of an Experiment whose trial is a pipeline.
    """
    if not table:
        from headrace.cli.tune_pipeline import search_pipeline  # noqa: PLC0415 - slow to import, and tables need none

        search_pipeline(context, budget=table_options.budget_of(budget, max_trials))
        return
    if not target or argument:
        raise InputError("with TABLE, --target must be given and --argument must not, which is for pipelines.")
    arguments = table_options.arguments(locals())
    from headrace.cli.line import run_line  # noqa: PLC0415 - the runner of pipelines is slow to import, and other commands need none
    from headrace.cli.screen import outcome, search  # noqa: PLC0415

    home = table_options.home_of(output, arguments["name"])

    def then(completed: "Run") -> None:
        typer.echo(outcome(completed.summary))
        typer.echo(search(completed.summary))
        typer.echo(f"\nNext: open {home / 'search.html'}, or: headrace serve {shlex.quote(str(home))}")

    run_line(
        {**arguments, "publish": False},
        home=home,
        records=output or FOLDER,
        summary_file=summary,
        verbose=verbose,
        then=then,
    )
