"""What commands leave for a notebook: a run, predictions, or a text."""

import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.files import read_json

_RUNS = ("run", "tune", "demo")


class CommandText(str):
    """What a command wrote, which the notebook has already shown."""

    __slots__ = ()

    def _ipython_display_(self) -> None:
        """Show nothing again."""


@dataclass(frozen=True)
class ResultPlan:
    """A command with the arguments that tell where its result is.

    Attributes:
        words: The command and its arguments.
        summary: File for its summary; None if it leaves only a text.
        predictions: File for predictions that are read into memory; None for another result.
    """

    words: tuple[str, ...]
    summary: Path | None = None
    predictions: Path | None = None

    def describe_output(self, text: str) -> str:
        """Return a text of the command without the temporary file that the notebook's user never sees."""
        return text.replace(f": {self.predictions}", "") if self.predictions else text


def plan_result(words: Sequence[str], stack: ExitStack) -> ResultPlan:
    """Add the arguments that a notebook needs; ``score`` without an output keeps its predictions in memory.

    Args:
        words: The command and its arguments.
        stack: Gets what deletes temporary files.
    """
    command = words[0]
    if "--help" in words or not (command == "score" or (command in _RUNS and _leaves_run(words))):
        return ResultPlan(tuple(words))
    scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-")))
    added = list(words)
    predictions = None
    if command == "score" and not _option(words, "--output", "-o"):
        predictions = scratch / "predictions.parquet"
        added += ["--output", str(predictions)]
    given = _option(words, "--summary")
    summary = Path(given) if given else scratch / "summary.json"
    if not given:
        added += ["--summary", str(summary)]
    return ResultPlan(tuple(added), summary, predictions)


def read_result(plan: ResultPlan, text: str) -> Any:
    """Return what a command left that has succeeded.

    Args:
        plan: The command.
        text: What it wrote.

    Returns:
        A ``Run`` of ``run``, ``tune`` and ``demo``; ``Predictions`` of ``score``; a ``Contract`` of ``contract``; the
        parsed document of a command with ``--json``; else the text.
    """
    if plan.words[0] == "contract" and "--help" not in plan.words:
        from headrace.core.contracts import contract_yaml  # noqa: PLC0415 - texts need no contracts

        output = _option(plan.words, "--output", "-o")
        return contract_yaml.load(output) if output else contract_yaml.parse(text)
    if plan.summary is None or not plan.summary.exists():
        return _parse(text) if "--json" in plan.words else CommandText(text)
    summary = read_json(plan.summary)
    if plan.words[0] != "score":
        from headrace.api.run_result import open_run  # noqa: PLC0415 - texts need no runs

        return open_run(summary["output"])
    import polars as pl  # noqa: PLC0415 - as above

    from headrace.api.scoring import Predictions  # noqa: PLC0415 - as above

    if plan.predictions is not None:
        return Predictions(**summary, _frame=pl.read_parquet(plan.predictions, glob=False, memory_map=False))
    return Predictions(**summary, output=Path(_option(plan.words, "--output", "-o")))


def _leaves_run(words: Sequence[str]) -> bool:
    if words[0] == "demo":
        return not {"--life", "--stream"} & set(words)
    return _option(words, "--target") != ""


def _option(words: Sequence[str], *names: str) -> str:
    """Return the value of an option, such as ``--output=a``, ``-o a`` or ``-oa``; empty if it is not given."""
    for place, word in enumerate(words):
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name in names and (not equals or name.startswith("--")):
            return value if equals else "".join(words[place + 1 : place + 2])
        if word[:2] in names and not word.startswith("--"):
            return word[2:]
    return ""


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return CommandText(text)
