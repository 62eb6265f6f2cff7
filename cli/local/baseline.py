"""``headrace baseline``: a bundle that answers every row with a model's baseline."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options
from headrace.cli.options.model_argument import Model

EXAMPLES = """
Examples:

  headrace baseline tips@production -o tips-baseline
"""


def baseline(
    model: Model,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the new bundle.")],
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Make a bundle of MODEL's contract that answers every row with its baseline, without reading a row."""
    from headrace.api.monitoring.pulling_out import make_baseline  # noqa: PLC0415 - slow to import

    made = make_baseline(model, output)
    answer = made.json("cases.json")["cases"][0]["expected"]
    typer.echo(f"{made.name} {made.digest}: it answers every row with {answer}.")
    typer.echo(f"\nNext: headrace serve {shlex.quote(str(output))}")
