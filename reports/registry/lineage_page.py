"""The page of a lineage: data, runs, models and endpoints, drawn and listed."""

from importlib.metadata import version as installed
from pathlib import Path

from headrace.core.base.errors import MissingError
from headrace.core.base.files import write_text
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog import queries as catalogue
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.lineage.graph import MOST_RUNS, LineageGraph, of_uses
from headrace.registry.models.state import ModelState
from headrace.reports.page.page import render as fill
from headrace.reports.registry.lineage_svg import drawing


def known_lineage(model: str, *, state: ModelState | None, catalog: str = "") -> LineageGraph | None:
    """Return the lineage of a model from the catalogue; None if there is no catalogue, or it knows no such model.

    Args:
        model: Name of the model.
        state: Its state in the registry; None if it is not registered.
        catalog: Address of the catalogue; empty for the default one.
    """
    try:
        database = CatalogDatabase(catalog_location(catalog))
        uses = catalogue.uses(database, model=model, latest_runs=MOST_RUNS)
        runs = catalogue.count_runs(database, model=model)
    except MissingError:
        return None
    shown = len({use.run for use in uses})
    return of_uses(uses, state, earlier_runs=max(runs - shown, 0)) if uses else None


def lineage_page(title: str, graph: LineageGraph) -> str:
    """Render the page.

    Args:
        title: Name of the model.
        graph: The lineage.
    """
    return fill("lineage.html", title=title, graph=graph, drawing=drawing(graph), version=installed("headrace"))


def write_lineage_page(path: Path, *, title: str, graph: LineageGraph) -> None:
    """Write the page.

    Raises:
        InputError: If it cannot be written.
    """
    write_text(path, lineage_page(title, graph))
