"""``headrace run``: any table through the whole line."""

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.cli import options
from headrace.cli.serve import bundle_of, keep_up
from headrace.core.errors import InputError
from headrace.core.text import guarded
from headrace.registry.places import FOLDER

if TYPE_CHECKING:
    from headrace.cli.line import Ended

TASKS = ("", "binary", "multiclass", "regression")
EXAMPLES = """
Examples:

  headrace run heart.csv --target target

  headrace run trips.csv --target tip --time pickup --country US --budget 2m

  headrace run people.csv.gz --target income --names "age,job,income" --drop name --hash e-mail

  headrace run "parts/*.parquet" --target churn --id customer --families logistic --require roc_auc=0.8
"""

_Champion = Annotated[
    str, typer.Option(help="Model to beat: a bundle's folder or address, or NAME@production.", metavar="MODEL")
]
_Columns = Annotated[list[str] | None, typer.Option(metavar="COLUMN")]


def run(
    table: Annotated[str, typer.Argument(metavar="TABLE", help="Path, glob, http(s)://, s3:// or SQL address.")],
    target: Annotated[str, typer.Option(help="Column to predict.", metavar="COLUMN")],
    task: Annotated[str, typer.Option(help="binary, multiclass or regression.", show_default="inferred")] = "",
    name: Annotated[str, typer.Option(help="Name of the model.", show_default="the table's")] = "",
    contract: Annotated[str, typer.Option(help="A data contract to hold the table to, made by `contract`.")] = "",
    names: Annotated[str, typer.Option(help="Column names of a table without a header, by commas.")] = "",
    header: Annotated[bool, typer.Option(help="Whether the first line of a CSV holds the names.")] = True,
    delimiter: Annotated[str, typer.Option(help="Field separator of a CSV.", show_default="detected")] = "",
    encoding: Annotated[str, typer.Option(help="Text encoding of a CSV.", show_default="detected")] = "",
    missing: Annotated[list[str] | None, typer.Option(help="Text that stands for a missing value; repeatable.")] = None,
    time: Annotated[
        str, typer.Option(help="Timestamp to split by: the latest rows are the test.", metavar="COLUMN")
    ] = "",
    id_column: Annotated[
        list[str] | None, typer.Option("--id", help="Identifies a row; repeatable.", metavar="COLUMN")
    ] = None,
    group: Annotated[
        str, typer.Option(help="Rows that share it stay on one side of the split.", metavar="COLUMN")
    ] = "",
    drop: Annotated[list[str] | None, typer.Option(help="Column to leave out; repeatable.", metavar="COLUMN")] = None,
    hash_column: Annotated[
        list[str] | None,
        typer.Option("--hash", help="Column to keep only as a keyed hash; repeatable.", metavar="COLUMN"),
    ] = None,
    positive: Annotated[str, typer.Option(help="Class whose probability is reported.", show_default="inferred")] = "",
    country: Annotated[str, typer.Option(help="Country whose public holidays matter, such as US.")] = "",
    families: Annotated[str, typer.Option(help="Model families to search, by commas.", show_default="three")] = "",
    experiment: Annotated[str, typer.Option(help="Katib Experiment that declares the search.", metavar="FILE")] = "",
    budget: options.Budget = "",
    folds: Annotated[int, typer.Option(help="Folds of the cross-validation.", show_default="5", min=0)] = 0,
    test_size: Annotated[float, typer.Option(help="Share of rows for the test part.")] = 0.2,
    split: Annotated[str, typer.Option(help="random, stratified, time or group.", show_default="by the contract")] = "",
    slices: Annotated[
        list[str] | None,
        typer.Option("--slice", help="Repeat the metrics by its values; repeatable.", metavar="COLUMN"),
    ] = None,
    cost_false_positive: Annotated[float, typer.Option(help="Cost of a false alarm.")] = 1.0,
    cost_false_negative: Annotated[float, typer.Option(help="Cost of a miss.")] = 1.0,
    require: Annotated[
        list[str] | None, typer.Option(help="Bound that the model must meet; repeatable.", metavar="METRIC=NUMBER")
    ] = None,
    champion: _Champion = "",
    seed: options.Seed = 0,
    output: options.Output = None,
    summary: options.SummaryFile = None,
    serve: options.Serve = False,
    verbose: options.Verbose = False,
) -> None:
    """Take TABLE through every step to an endpoint that answers."""
    from headrace.cli.line import run_line  # noqa: PLC0415 - the runner of pipelines is slow to import, and other commands need none
    from headrace.cli.screen import exchange, look, outcome  # noqa: PLC0415

    named = options.model_name(name or options.default_name(table))
    if task not in TASKS:
        raise InputError(f"--task must be binary, multiclass or regression; got {task!r} instead.")
    if not 0 < test_size < 1:
        raise InputError(f"--test-size must be above 0 and below 1; got {test_size} instead.")
    arguments = {
        "source": guarded(table),
        "target": guarded(target),
        "name": named,
        "task": task,
        "contract": guarded(contract),
        "names": _guarded(options.comma_list(names)),
        "header": header,
        "delimiter": options.separator(delimiter),
        "encoding": encoding,
        "missing_values": _guarded(missing),
        "time_column": guarded(time),
        "id_columns": _guarded(id_column),
        "group_column": guarded(group),
        "drop": _guarded(drop),
        "hash_columns": _guarded(hash_column),
        "positive": guarded(positive),
        "country": country,
        "families": options.comma_list(families),
        "experiment": guarded(experiment),
        "budget": options.checked_budget(budget),
        "folds": folds,
        "test_size": test_size,
        "split_method": split,
        "slices": _guarded(slices),
        "cost_false_positive": cost_false_positive,
        "cost_false_negative": cost_false_negative,
        "thresholds": options.bounds(require or []),
        "champion": guarded(bundle_of(champion) if "@" in champion else champion),
        "seed": seed,
    }
    home = output or FOLDER / named

    def then(ended: "Ended") -> None:
        typer.echo(outcome(ended.summary))
        if ended.verification:
            typer.echo("\n" + exchange(dict(ended.verification)))
        if serve:
            keep_up(ended)
        else:
            typer.echo(f"\nNext: headrace serve {home}{look(ended.summary)}")

    run_line(arguments, home=home, records=output or FOLDER, summary_file=summary, verbose=verbose, then=then)


def _guarded(values: list[str] | None) -> list[str]:
    return [guarded(value) for value in values or []]
