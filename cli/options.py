"""The options that ``run`` and ``demo`` take, with their help, and what they become."""

import csv
import re
from pathlib import Path
from typing import Annotated

import typer

from headrace.core.errors import InputError

Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="The run's folder.", show_default="headrace-out/NAME")
]
SummaryFile = Annotated[Path | None, typer.Option("--summary", help="Also write the JSON summary to this file.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show the steps' raw logs, and tracebacks.")]
Seed = Annotated[int, typer.Option(help="Seed of every random choice.")]
Serve = Annotated[bool, typer.Option("--serve", help="Keep the endpoint up until Ctrl-C.")]
Arguments = Annotated[
    list[str] | None,
    typer.Option("--argument", help="Argument of a pipeline; repeatable.", metavar="NAME=VALUE"),
]

_NAME_LIMIT = 40
_BUDGET = re.compile(r"^[1-9][0-9]*[smh]?$")


def model_name(text: str) -> str:
    """A name that Kubernetes takes, made of any text: lower case letters, digits and dashes, at most 40."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"m-{name}".strip("-")
    return name[:_NAME_LIMIT].rstrip("-")


def default_name(table: str) -> str:
    """The model's name for a table: the last part of its address that is no pattern, without endings."""
    parts = re.split(r"[/\\]", table.split("#", maxsplit=1)[0].split("?", maxsplit=1)[0].rstrip("/"))
    plain = [part for part in parts if part.strip(".") and not set("*[]").intersection(part)]
    return model_name(plain[-1].split(".")[0] if plain else "table")


def comma_list(text: str) -> list[str]:
    """The parts of a text at its commas; a part that holds a comma stands in double quotes."""
    return [part.strip() for part in next(csv.reader([text], skipinitialspace=True))] if text else []


def separator(text: str) -> str:
    """A field separator; a backslash and a t may be typed for a tab."""
    return "\t" if text == "\\t" else text


def bounds(texts: list[str], *, option: str = "--require", example: str = "roc_auc=0.8") -> dict[str, float]:
    """Bounds by metric of texts such as ``roc_auc=0.8``.

    Args:
        texts: What was given.
        option: The option's name, for the message.
        example: What one may look like, for the message.

    Raises:
        InputError: If a text is not of that form.
    """
    found = {}
    for text in texts:
        metric, _, value = text.partition("=")
        try:
            found[metric.strip()] = float(value)
        except ValueError as error:
            raise InputError(f"{option} must be METRIC=NUMBER, such as {example}; got {text!r} instead.") from error
    return found


def pairs(texts: list[str] | None) -> dict[str, str]:
    """Arguments by name of texts such as ``source=heart.csv``.

    Raises:
        InputError: If a text is not of that form, or names an argument a second time.
    """
    found: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputError(f"--argument must be NAME=VALUE, such as source=heart.csv; got {text!r} instead.")
        if name in found:
            raise InputError(f"--argument must name each argument once; got {name} twice.")
        found[name] = value
    return found


def checked_budget(text: str) -> str:
    """The budget, if it is one.

    Raises:
        InputError: If it is neither a number of trials nor a time.
    """
    if text and not _BUDGET.match(text):
        raise InputError(f"--budget must be trials (20) or a time (90s, 5m, 1h); got {text!r} instead.")
    return text
