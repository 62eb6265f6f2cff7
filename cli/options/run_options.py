"""Options of the commands that run pipelines here, with their help, and parsers for them."""

import csv
from pathlib import Path
from typing import Annotated

import typer

from headrace.core.base.errors import InputError

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The run's folder.", show_default="headrace-out/NAME")
]
SummaryFile = Annotated[Path | None, typer.Option("--summary", help="Also write the JSON summary to this file.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show raw logs and tracebacks.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.", min=0)]
Serve = Annotated[bool, typer.Option("--serve", help="Keep the endpoint live until Ctrl-C.")]
Arguments = Annotated[
    list[str] | None,
    typer.Option("--argument", help="Argument of the pipeline; repeatable.", metavar="NAME=VALUE"),
]


def comma_list(text: str) -> list[str]:
    """Split a text at its commas; a part that holds a comma stands in double quotes."""
    return [part.strip() for part in next(csv.reader([text], skipinitialspace=True))] if text else []


def bounds(texts: list[str], *, option: str = "--metric-bound", example: str = "roc_auc=0.8") -> dict[str, float]:
    """Parse texts such as ``roc_auc=0.8`` into bounds by metric.

    Args:
        texts: The values of the option.
        option: The option's name, for the message.
        example: An example of a value, for the message.

    Raises:
        InputError: If a text is not of that form.
    """
    limits = {}
    for text in texts:
        metric, _, value = text.partition("=")
        try:
            limits[metric.strip()] = float(value)
        except ValueError as error:
            raise InputError(f"{option} must be METRIC=NUMBER, such as {example}; got {text!r} instead.") from error
    return limits


def pairs(texts: list[str] | None) -> dict[str, str]:
    """Parse texts such as ``source=heart.csv`` into arguments by name.

    Raises:
        InputError: If a text is not of that form, or names an argument a second time.
    """
    arguments: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--argument must be NAME=VALUE, such as source=heart.csv; got {text!r} instead.")
        if name in arguments:
            raise InputError(f"--argument must name each argument once; got {name} twice.")
        arguments[name] = value
    return arguments
