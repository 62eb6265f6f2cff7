"""``headrace replay``: make a bundle again, and say whether it is the same."""

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

  headrace replay bundle/ --anyway --keep replayed/

It ends with exit code 0 if the bundle is the same, byte for byte, and with 1 if it is another.
"""


def replay(
    model: Model,
    source: Annotated[
        str, typer.Option(metavar="TABLE", help="Where the table lies.", show_default="as papers or catalogue say")
    ] = "",
    champion: Annotated[str, typer.Option(metavar="MODEL", help="The champion that the gate compared with.")] = "",
    anyway: Annotated[bool, typer.Option("--anyway", help="Go on with other versions of Python and packages.")] = False,
    keep: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Keep the bundle that is made.")] = None,
    catalog: Catalog = "",
) -> None:
    """Run the line again that made MODEL, on the same table, and say whether the model is the same."""
    from headrace.cli.output.run_output import Progress  # noqa: PLC0415 - the runner of pipelines is slow to import
    from headrace.pipelines.replay.checks import ReplayOptions  # noqa: PLC0415
    from headrace.pipelines.replay.replay import replay as again  # noqa: PLC0415

    wish = ReplayOptions(source=source, champion=champion, catalog=catalog, anyway=anyway, keep=keep)
    with open_model(model) as bundle:
        typer.echo(f"The line that made {bundle.name} {bundle.digest[:12]}, again:\n")
        found = again(bundle, options=wish, watch=Progress(sys.stdout))
    if found.same:
        typer.echo(f"\nThe same: {found.found}")
        return
    where = f"the first step that gave something else is {found.step}" if found.step else "all steps gave the same"
    typer.echo(f"\nAnother: {found.found} instead of {found.expected}; {where}; {', '.join(found.files)} differ.")
    if keep:
        typer.echo(f"The bundle that was made is in {keep}.")
    raise typer.Exit(1)
