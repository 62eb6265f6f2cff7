"""``headrace new``: a project of one's own."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options

EXAMPLES = """
Examples:

  headrace new machines

  headrace new churn --table customers.csv --target churned

  headrace new churn --table customers.csv --target churned --folder projects
"""


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of project, pipeline and model: lower-case letters and dashes.")
    ],
    table: Annotated[
        Path | None,
        typer.Option(
            help="Table to copy into the project, at most 100 MB.", metavar="FILE", show_default="a made-up example"
        ),
    ] = None,
    target: Annotated[str, typer.Option(help="Column to predict, with --table.", metavar="COLUMN")] = "",
    folder: Annotated[Path, typer.Option(help="Folder in which the project is created.", metavar="DIR")] = Path(),
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Create the folder NAME: table, data contract, pipeline with a step of your own, tests and CI."""
    from headrace.api.projects import create_project  # noqa: PLC0415 - polars is slow to import
    from headrace.cli.output.findings_output import format_notes  # noqa: PLC0415
    from headrace.core.base.notes import worst_first  # noqa: PLC0415

    project = create_project(name, folder=folder, table=table, target=target)
    for line in format_notes(worst_first(project.notes), rest="in the descriptions of contract.yaml"):
        typer.echo(line, err=True)
    for path in sorted(path for path in project.folder.rglob("*") if path.is_file()):
        typer.echo(f"  {path.relative_to(folder)}")
    typer.echo(
        f"\nNext: cd {shlex.quote(str(project.folder))}, read README.md and contract.yaml, then: python -m pytest"
    )
