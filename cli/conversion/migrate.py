"""``headrace migrate``: files of Kubeflow Pipelines v1 for v2."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options import run_options

EXAMPLES = """
Examples:

  headrace migrate component.yaml      (writes component.v2.yaml and component_component_v2.py beside it)

  headrace migrate components pipeline.py -o v2 --report migration.json

  headrace migrate train.yaml -o v2 --keep-text      (the program gets "True" and "1.0", as from v1)
"""
_REMAINS = 3


def migrate(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="v1 component files, Python files with pipelines, or folders of them."),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", help="Folder of the new files, else they stand beside the old ones."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist; without -o, the old files.")
    ] = False,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON.", metavar="FILE.json")] = None,
    keep_text: Annotated[
        bool,
        typer.Option(
            "--keep-text",
            help="Declare parameters as str where KFP 2 writes another text than v1, such as true for True.",
        ),
    ] = False,
    verbose: run_options.Verbose = False,  # noqa: ARG001 - the command's frame reads it
) -> None:
    """Rewrite components and pipelines of KFP v1 for v2, and report what a person must do (exit code 3 if anything)."""
    from headrace.api.conversion.migrating import migrate as migrate_files  # noqa: PLC0415 - other commands need none
    from headrace.cli.output.migration_output import report_lines  # noqa: PLC0415
    from headrace.core.base.errors import InputError  # noqa: PLC0415
    from headrace.core.base.files import write_json  # noqa: PLC0415

    if report is not None and report.exists() and not overwrite:
        raise InputError(f"{report} exists; choose another path, or replace it by --overwrite.")
    done = migrate_files(files, folder=output, overwrite=overwrite, keep_text=keep_text)
    if report is not None:
        write_json(report, done.as_json())
    typer.echo("\n".join(report_lines(done)))
    marked = [str(path) for one in done.migrations if not one.complete for path in one.files if path.suffix == ".py"]
    if not done.complete:
        typer.echo(
            "\nNext: do what remains"
            + (f"; grep -n 'TODO(kfp2)' {shlex.join(marked)} shows the places in pipelines" if marked else "")
        )
        raise typer.Exit(_REMAINS)
    if done.migrations:
        typer.echo("\nNext: read what changed, compile the pipelines with kfp 2, and delete the v1 files.")
