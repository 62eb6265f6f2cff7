"""``headrace run``: any table through the whole line."""

import shlex
from typing import TYPE_CHECKING

import typer

from headrace.cli import options, table_options
from headrace.cli.serve import keep_up
from headrace.registry.places import FOLDER

if TYPE_CHECKING:
    from headrace.api.run_result import Run

EXAMPLES = """
Examples:

  headrace run heart.csv --target target

  headrace run trips.csv --target tip --time pickup --country US --budget 2m

  headrace run people.csv.gz --target income --names "age,job,income" --drop name --hash e-mail

  headrace run "parts/*.parquet" --target churn --id customer --families logistic --require roc_auc=0.8
"""


def run(
    table: table_options.Table,
    target: table_options.Target,
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
    seed: options.Seed = 0,
    output: options.Output = None,
    summary: options.SummaryFile = None,
    serve: options.Serve = False,
    verbose: options.Verbose = False,
) -> None:
    """Take TABLE through every step to an endpoint that answers."""
    arguments = table_options.arguments(locals())
    from headrace.cli.line import run_line  # noqa: PLC0415 - the runner of pipelines is slow to import, and other commands need none
    from headrace.cli.screen import exchange, look, outcome  # noqa: PLC0415

    home = table_options.home_of(output, arguments["name"])

    def then(completed: "Run") -> None:
        typer.echo(outcome(completed.summary))
        if completed.verification:
            typer.echo("\n" + exchange(dict(completed.verification)))
        if serve:
            keep_up(completed)
        else:
            typer.echo(f"\nNext: headrace serve {shlex.quote(str(home))}{look(completed.summary)}")

    run_line(arguments, home=home, records=output or FOLDER, summary_file=summary, verbose=verbose, then=then)
