"""``headrace replay``: build a bundle again, and report whether it is the same."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from headrace.api.model_reference import open_model
from headrace.cli.options.model_argument import Model
from headrace.cli.options.registry_options import Catalog

EXAMPLES = """
Examples:

  headrace replay headrace-out/demo

  headrace replay s3://headrace/models/trips/3f…/ --source trips-2024.parquet

  headrace replay bundle/ --ignore-versions -o replayed/

Exit code 0: the bundle is the same, byte for byte. 1: it is different.
"""


def replay(
    model: Model,
    source: Annotated[
        str,
        typer.Option(
            metavar="TABLE", help="Path or address of the table.", show_default="from provenance or catalogue"
        ),
    ] = "",
    champion: Annotated[str, typer.Option(metavar="MODEL", help="Champion that the gate compared with.")] = "",
    ignore_versions: Annotated[
        bool, typer.Option("--ignore-versions", help="Continue with other versions of Python and packages.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Folder to keep the new bundle in.")
    ] = None,
    catalog: Catalog = "",
) -> None:
    """Repeat the run that made MODEL, on the same table, and report whether the model is the same."""
    from headrace.cli.output.run_output import Progress  # noqa: PLC0415 - the runner of pipelines is slow to import
    from headrace.pipelines.replay.checks import ReplayOptions  # noqa: PLC0415
    from headrace.pipelines.replay.replay import replay as again  # noqa: PLC0415

    options = ReplayOptions(
        source=source, champion=champion, catalog=catalog, ignore_versions=ignore_versions, output=output
    )
    with open_model(model) as bundle:
        typer.echo(f"Repeating the run that made {bundle.name} {bundle.digest[:12]}:\n")
        comparison = again(bundle, options=options, watch=Progress(sys.stdout))
    if comparison.same:
        typer.echo(f"\nThe same: {comparison.found}")
        return
    where = (
        f"the first step with another result is {comparison.step}"
        if comparison.step
        else "all steps have the same results"
    )
    typer.echo(
        f"\nDifferent: {comparison.found} instead of {comparison.expected}; {where}; "
        f"{', '.join(comparison.files)} differ."
    )
    if output:
        typer.echo(f"The bundle that was made is in {output}.")
    raise typer.Exit(1)
