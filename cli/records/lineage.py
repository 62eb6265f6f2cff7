"""``headrace lineage``: data, run, model and endpoint, drawn on one page."""

from pathlib import Path
from typing import Annotated

import typer

from headrace.cli.options.registry_options import Catalog, Registry
from headrace.core.base.errors import MissingError

EXAMPLES = """
Examples:

  headrace lineage tumours

  headrace lineage tumours -o lineage.html --catalog postgresql://headrace@db/catalog

  headrace lineage headrace-out/demo/bundle
"""


def lineage(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Name of a model, or folder of a run or a bundle.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="HTML page to write.", show_default="MODEL-lineage.html"),
    ] = None,
    registry: Registry = "",
    catalog: Catalog = "",
) -> None:
    """Draw the lineage of MODEL: data, runs, versions and endpoints, on one page that needs no network."""
    from headrace.registry.lineage.graph import of_bundle  # noqa: PLC0415 - SQLAlchemy and templates take their time
    from headrace.registry.mlflow.registry import open_registry  # noqa: PLC0415
    from headrace.registry.models.submission import ModelSubmission, bundle_folder  # noqa: PLC0415
    from headrace.reports.registry.lineage_page import known_lineage, write_lineage_page  # noqa: PLC0415

    title, submission = model, None
    if Path(model).is_dir():
        submission = ModelSubmission.read(bundle_folder(Path(model)))
        title = submission.name
    try:
        state = open_registry(registry).model(title)
    except MissingError:
        state = None
    graph = known_lineage(title, state=state, catalog=catalog)
    if graph is None and submission is not None:
        graph = of_bundle(submission)
    if graph is None:
        raise MissingError(
            f"the catalogue knows no model {title!r}, and there is no folder of that name: name a registered model, a "
            "run's folder or a bundle's folder, or the catalogue by --catalog."
        )
    path = output or Path(f"{title}-lineage.html")
    write_lineage_page(path, title=title, graph=graph)
    typer.echo(f"{path} is written: open it in a browser.")
