"""Adds a table to the catalogue: digest, rows, columns with their dtypes, and columns that seem to be personal."""

import tempfile
from pathlib import Path

from headrace.core.contracts.profiling.column_defaults import input_column
from headrace.core.contracts.profiling.column_profile import profile_columns
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables import parquet_table
from headrace.core.tables.source import ReadOptions
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.writes import CheckFigure, ObservedTable, add_checks, add_table
from headrace.registry.record import absolute
from headrace.stores.sources.open_source import open_source


def add_source(database: CatalogDatabase, source: str, *, options: ReadOptions | None = None) -> str:
    """Read a table and add it to the catalogue, without storing its rows.

    Args:
        database: The catalogue.
        source: The table's address.
        options: How to read it.

    Returns:
        The table's name in the catalogue.

    Raises:
        MissingError: If the table does not exist.
        InputError: If it cannot be read.
        StoreError: If the catalogue cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        facts = ingest_table(open_source(source), folder=folder, options=options)
        profiles = profile_columns(parquet_table.scan(folder))
    observed = ObservedTable(absolute(facts["source"]), facts["digest"], facts["rows"], facts["bytes"])
    name = add_table(database, observed)
    figures = [
        CheckFigure("rows read", "", float(facts["rows"])),
        *(CheckFigure("missing share", item.name, item.missing / max(item.rows, 1)) for item in profiles.values()),
    ]
    columns = [input_column(item) for item in profiles.values()]
    add_checks(database, observed, columns=columns, figures=figures)
    return name
