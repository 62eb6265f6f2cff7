"""Options of commands that take a table through the line, and the pipeline arguments that they become."""

from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.cli import options
from headrace.cli.models import bundle_of
from headrace.core import card_file
from headrace.core.customs import Customs
from headrace.core.errors import InputError
from headrace.core.remedies import require_store
from headrace.core.text import guarded
from headrace.registry.places import FOLDER

ENGINES = ("local", "katib")
CLEANUPS = ("always", "succeeded", "never")
TASKS = ("", "binary", "multiclass", "regression")

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


def arguments(given: dict[str, Any]) -> dict[str, Any]:
    """Arguments of the training pipeline, from a command's options by the names of its parameters.

    Args:
        given: The options; those that the pipeline does not know are left aside.

    Raises:
        InputError: If one of them cannot be.
    """
    task, test_size = given["task"], given["test_size"]
    if task not in TASKS:
        raise InputError(f"--task must be binary, multiclass or regression; got {task!r} instead.")
    if not 0 < test_size < 1:
        raise InputError(f"--test-size must be above 0 and below 1; got {test_size} instead.")
    _check_search(given)
    if given["card"]:
        card_file.load(Path(given["card"]))
    return {
        "source": guarded(given["table"]),
        "target": guarded(given["target"]),
        "name": options.model_name(given["name"] or options.default_name(given["table"])),
        "task": task,
        "contract": guarded(given["contract"]),
        "names": guarded_list(options.comma_list(given["names"])),
        "header": given["header"],
        "delimiter": options.separator(given["delimiter"]),
        "encoding": given["encoding"],
        "skip_lines": given["skip_lines"],
        "comment": guarded(given["comment"]),
        "missing_values": guarded_list(given["missing"]),
        "time_column": guarded(given["time"]),
        "id_columns": guarded_list(given["id_column"]),
        "group_column": guarded(given["group"]),
        "drop": guarded_list(given["drop"]),
        "hash_columns": guarded_list(given["hash_column"]),
        "positive": guarded(given["positive"]),
        "country": given["country"],
        **marks(given["decimal"], given["thousands"]),
        "families": options.comma_list(given["families"]),
        "experiment": guarded(given["experiment"]),
        "budget": budget_of(given["budget"], given["max_trials"]),
        "folds": given["folds"],
        "nested": given["nested"],
        "search_on": given["on"],
        "deadline": given["deadline"],
        "cleanup": given["cleanup"],
        "search_namespace": given["namespace"],
        "test_size": test_size,
        "split_method": given["split"],
        "slices": guarded_list(given["slices"]),
        "cost_false_positive": given["cost_false_positive"],
        "cost_false_negative": given["cost_false_negative"],
        "thresholds": options.bounds(given["require"] or []),
        "champion": guarded(bundle_of(given["champion"]) if "@" in given["champion"] else given["champion"]),
        "card": guarded(given["card"]),
        "copies": given["with_data"],
        "seed": given["seed"],
    }


def budget_of(budget: str, max_trials: int) -> str:
    """The budget of a search, of the two options that give it.

    Raises:
        InputError: If both are given, or it is none.
    """
    if max_trials and budget:
        raise InputError(f"--max-trials and --budget must not both be given; got {max_trials} and {budget!r}.")
    return str(max_trials) if max_trials else options.checked_budget(budget)


def marks(decimal: str, thousands: str) -> dict[str, str]:
    """The marks that a person says numbers have, by the names of the pipeline's parameters.

    Raises:
        InputError: If no notation has them.
    """
    blank = {"space": " ", "blank": " "}.get(thousands, thousands)
    Customs(decimal, blank)  # type: ignore[arg-type]
    return {"decimal": decimal, "thousands": blank}


def _check_search(given: dict[str, Any]) -> None:
    """Refuse at once what the search would refuse after everything before it.

    Raises:
        InputError: If there is no such place or file, or no store that both this machine and a cluster reach.
    """
    if given["on"] not in ENGINES:
        raise InputError(f"--on must be {' or '.join(ENGINES)}; got {given['on']!r} instead.")
    if given["cleanup"] not in CLEANUPS:
        raise InputError(f"--cleanup must be one of {', '.join(CLEANUPS)}; got {given['cleanup']!r} instead.")
    if given["on"] == "katib":
        require_store("--on katib needs an object store that the trials' pods reach too")
    if given["namespace"] and given["on"] != "katib":
        raise InputError(
            f"--namespace says where a search on Katib runs; got {given['namespace']!r} without --on katib: add "
            "that, or leave it out."
        )
    experiment = given["experiment"]
    if experiment and not experiment.isidentifier() and not Path(experiment).is_file():
        raise InputError(
            f"--experiment must be a file, or the name of a shipped Experiment; got {experiment!r} instead."
        )


def guarded_list(values: list[str] | None) -> list[str]:
    """Texts that pass through pipeline parameters unharmed."""
    return [guarded(value) for value in values or []]
