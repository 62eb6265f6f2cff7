"""Checks, before a bundle is made again, that the versions and the table are the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.packaging.environment import environment
from headrace.core.packaging.provenance_document import RecordedTable
from headrace.core.readers.table_reader import TableReader
from headrace.core.tables.source import ReadOptions
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog import queries as catalogue
from headrace.registry.catalog.database import CatalogDatabase
from headrace.stores.sources.open_source import open_source

_MOST_SHOWN = 5


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        source: Path or address of the table; empty for what the provenance or the catalogue says.
        champion: The champion that the gate compared with; empty for the recorded one.
        catalog: Address of the catalogue; empty for the default one.
        ignore_versions: Whether to continue with other versions of Python and packages.
        output: Folder for the new bundle; None to delete it.
    """

    source: str = ""
    champion: str = ""
    catalog: str = ""
    ignore_versions: bool = False
    output: Path | None = None


def check_versions(recorded: Mapping[str, Any], *, ignore_versions: bool) -> None:
    """Raise if the versions are not those that made the bundle.

    Raises:
        InputError: Naming what differs.
    """
    current = environment()
    pairs = {name: (recorded.get(name), current[name]) for name in ("python", "implementation", "system", "machine")}
    packages = recorded.get("packages", {})
    pairs |= {name: (packages.get(name), current["packages"].get(name)) for name in {**packages, **current["packages"]}}
    differences = [f"{name} {old or 'none'} (here {new or 'none'})" for name, (old, new) in pairs.items() if old != new]
    if differences and not ignore_versions:
        more = f" and {len(differences) - _MOST_SHOWN} more" if len(differences) > _MOST_SHOWN else ""
        raise InputError(
            f"the bundle was made with other versions: {', '.join(differences[:_MOST_SHOWN])}{more}; install "
            "them, use the image that made it, or give --ignore-versions."
        )


def find_source(table: RecordedTable, options: ReplayOptions) -> str:
    """Return the address of the table that the provenance names.

    Raises:
        MissingError: If it is unknown.
    """
    if options.source:
        return options.source
    named, digest = table.source, table.digest
    if "://" in named and not named.startswith("sqlite"):
        return named
    try:
        entries = [
            table
            for table in catalogue.search(CatalogDatabase(catalog_location(options.catalog)))
            if _has(table, digest)
        ]
    except MissingError:
        entries = []
    sources = [table.source for table in entries if "://" in table.source or Path(table.source).exists()]
    if sources:
        return sources[0]
    gone = f", which was {entries[0].source}," if entries else ""
    raise MissingError(
        f"the provenance names the table {quote(named)} of digest {digest[:12]}{gone} and it cannot be found: "
        "give it with --source."
    )


def _has(table: catalogue.CatalogTable, digest: str) -> bool:
    return any(version.digest == digest for version in table.versions)


def check_source(source: str, table: RecordedTable, arguments: Mapping[str, Any]) -> None:
    """Raise if a table is not the one that the provenance names.

    Raises:
        InputError: If its digest differs.
    """
    ingest_arguments = arguments.get("ingest", {})
    options = ReadOptions(
        column_names=tuple(ingest_arguments.get("column_names", ())),
        header=bool(ingest_arguments.get("header", True)),
        delimiter=str(ingest_arguments.get("delimiter", "")),
        encoding=str(ingest_arguments.get("encoding", "")),
        skip_lines=int(ingest_arguments.get("skip_lines", -1)),
        comment=str(ingest_arguments.get("comment", "")),
    )
    reading = TableReader(open_source(source), options)
    for _ in reading.frames():
        pass
    digest, recorded = str(reading.facts()["digest"]), table.digest
    if digest != recorded:
        raise InputError(
            f"the table {reading.source.name} has the digest {digest[:12]}, but the provenance names {recorded[:12]}: "
            "it has changed since; give the original table with --source."
        )
