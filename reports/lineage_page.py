"""The page of a lineage: data, runs, models and endpoints, drawn and listed."""

from importlib.metadata import version as installed
from pathlib import Path

from headrace.core.errors import MissingError
from headrace.core.files import write_text
from headrace.registry import catalog as catalogue
from headrace.registry.catalog_database import Database
from headrace.registry.lineage import Graph, of_uses
from headrace.registry.places import catalog_place
from headrace.registry.state import State
from headrace.reports.lineage_drawing import drawing
from headrace.reports.page import render as fill


def known_lineage(model: str, *, state: State | None, catalog: str = "") -> Graph | None:
    """The lineage of a model as far as the catalogue knows it; None if there is no catalogue, or it knows nothing.

    Args:
        model: Name of the model.
        state: What the registry knows of it; None for nothing.
        catalog: Address of the catalogue; empty for the usual one.
    """
    try:
        found = catalogue.uses(Database(catalog_place(catalog)), model=model)
    except MissingError:
        return None
    return of_uses(found, state) if found else None


def lineage_page(title: str, graph: Graph) -> str:
    """The page.

    Args:
        title: What it is the lineage of.
        graph: The lineage.
    """
    return fill("lineage.html", title=title, graph=graph, drawing=drawing(graph), version=installed("headrace"))


def write_lineage_page(path: Path, *, title: str, graph: Graph) -> None:
    """Write the page.

    Raises:
        InputError: If it cannot be written.
    """
    write_text(path, lineage_page(title, graph))
