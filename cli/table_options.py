"""Options of commands that take a table through the line, and the pipeline arguments that they become."""

from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.api.model_reference import resolve_model
from headrace.api.training_arguments import search_budget, training_arguments
from headrace.cli import options
from headrace.core.errors import InputError
from headrace.registry.places import FOLDER

Table = Annotated[str, typer.Argument(metavar="TABLE", help="Path, folder, glob, http(s)://, s3:// or SQL address.")]
Target = Annotated[str, typer.Option(help="Column to predict.", metavar="COLUMN")]
Task = Annotated[str, typer.Option(help="binary, multiclass or regression.", show_default="inferred")]
Name = Annotated[str, typer.Option(help="Name of the model.", show_default="the table's")]
ContractFile = Annotated[str, typer.Option(help="A data contract to hold the table to, made by `contract`.")]
Names = Annotated[str, typer.Option(help="Column names of a CSV, by commas, in place of its header if it has one.")]
Header = Annotated[bool, typer.Option(help="Whether the first line of a CSV holds the names.")]
Delimiter = Annotated[str, typer.Option(help="Field separator of a CSV.", show_default="detected")]
Encoding = Annotated[str, typer.Option(help="Text encoding of a CSV.", show_default="detected")]
SkipLines = Annotated[int, typer.Option(help="Lines of a CSV before its header.", metavar="N", show_default="detected")]
Comment = Annotated[
    str, typer.Option(help="What comment lines of a CSV begin with.", metavar="TEXT", show_default="detected")
]
Missing = Annotated[list[str] | None, typer.Option(help="Text that stands for a missing value; repeatable.")]
Time = Annotated[str, typer.Option(help="Timestamp to split by: the latest rows are the test.", metavar="COLUMN")]
Ids = Annotated[list[str] | None, typer.Option("--id", help="Identifies a row; repeatable.", metavar="COLUMN")]
Group = Annotated[str, typer.Option(help="Rows that share it stay on one side of the split.", metavar="COLUMN")]
Drop = Annotated[list[str] | None, typer.Option(help="Column to leave out; repeatable.", metavar="COLUMN")]
Hash = Annotated[
    list[str] | None,
    typer.Option("--hash", help="Column to keep only as a keyed hash; repeatable.", metavar="COLUMN"),
]
Positive = Annotated[
    str, typer.Option(help="Class whose probability is reported.", show_default="by its meaning, else the rarer one")
]
Country = Annotated[str, typer.Option(help="Country whose public holidays and notation matter, such as US.")]
DecimalMark = Annotated[
    str, typer.Option("--decimal", help="Decimal mark: a dot or a comma.", metavar="MARK", show_default="detected")
]
Thousands = Annotated[
    str, typer.Option(help="Mark between thousands: . , ' or space.", metavar="MARK", show_default="detected")
]
Families = Annotated[str, typer.Option(help="Model families to search, by commas.", show_default="three")]
ExperimentFile = Annotated[
    str, typer.Option(help="Katib Experiment that declares the search, or a shipped one's name.", metavar="FILE")
]
MaxTrials = Annotated[int, typer.Option(help="Largest number of trials.", show_default="the budget's", min=0)]
Folds = Annotated[int, typer.Option(help="Folds of the cross-validation.", show_default="5", min=0)]
Nested = Annotated[bool, typer.Option("--nested", help="Cross-validate the search itself too: as many searches more.")]
On = Annotated[str, typer.Option(help="Where trials run: local, or katib on the current cluster.")]
Deadline = Annotated[str, typer.Option(help="Longest time of a search on Katib, such as 2h.", show_default="a day")]
Cleanup = Annotated[str, typer.Option(help="When Katib's Experiments are deleted: always, succeeded or never.")]
SearchNamespace = Annotated[
    str,
    typer.Option(
        "--namespace", "-n", help="Namespace of Katib's Experiments.", metavar="NAME", show_default="the context's"
    ),
]
TestSize = Annotated[float, typer.Option(help="Share of rows for the test part.")]
Split = Annotated[str, typer.Option(help="random, stratified, time or group.", show_default="by the contract")]
Slices = Annotated[
    list[str] | None,
    typer.Option("--slice", help="Repeat the metrics by its values; repeatable.", metavar="COLUMN"),
]
FalsePositive = Annotated[float, typer.Option(help="Cost of a false alarm.")]
FalseNegative = Annotated[float, typer.Option(help="Cost of a miss.")]
Require = Annotated[
    list[str] | None, typer.Option(help="Bound that the model must meet; repeatable.", metavar="METRIC=NUMBER")
]
Champion = Annotated[
    str, typer.Option(help="Model to beat: a bundle's folder or address, or NAME@production.", metavar="MODEL")
]


def home_of(output: Path | None, name: str) -> Path:
    """The run's folder."""
    return output or FOLDER / name


# Options whose flag is not the parameter's name.
_FLAGS = {"search_on": "--on", "search_namespace": "--namespace"}


def flag(name: str) -> str:
    """How a parameter of the training pipeline is spelled at the command line."""
    return _FLAGS.get(name, f"--{name.replace('_', '-')}")


def arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the training pipeline, from a command's options by the names of its parameters.

    Args:
        given: The options; those that the pipeline does not know are left aside.

    Raises:
        InputError: If one of them cannot be.
    """
    champion = given["champion"]
    return training_arguments(
        {
            "source": given["table"],
            "target": given["target"],
            "name": given["name"],
            "task": given["task"],
            "contract": given["contract"],
            "names": options.comma_list(given["names"]),
            "header": given["header"],
            "delimiter": given["delimiter"],
            "encoding": given["encoding"],
            "skip_lines": given["skip_lines"],
            "comment": given["comment"],
            "missing_values": given["missing"] or [],
            "time_column": given["time"],
            "id_columns": given["id_column"] or [],
            "group_column": given["group"],
            "drop": given["drop"] or [],
            "hash_columns": given["hash_column"] or [],
            "positive": given["positive"],
            "country": given["country"],
            "decimal": given["decimal"],
            "thousands": given["thousands"],
            "families": options.comma_list(given["families"]),
            "experiment": given["experiment"],
            "budget": budget_of(given["budget"], given["max_trials"]),
            "folds": given["folds"],
            "nested": given["nested"],
            "search_on": given["on"],
            "deadline": given["deadline"],
            "cleanup": given["cleanup"],
            "search_namespace": given["namespace"],
            "test_size": given["test_size"],
            "split_method": given["split"],
            "slices": given["slices"] or [],
            "cost_false_positive": given["cost_false_positive"],
            "cost_false_negative": given["cost_false_negative"],
            "thresholds": options.bounds(given["require"] or []),
            "champion": resolve_model(champion) if "@" in champion else champion,
            "card": given["card"],
            "copies": given["with_data"],
            "seed": given["seed"],
        },
        spell=flag,
    )


def budget_of(budget: str, max_trials: int) -> str:
    """The budget of a search, of the two options that give it.

    Raises:
        InputError: If both are given, or it is none.
    """
    if max_trials and budget:
        raise InputError(f"--max-trials and --budget must not both be given; got {max_trials} and {budget!r}.")
    return str(max_trials) if max_trials else search_budget(budget, spell=flag)
