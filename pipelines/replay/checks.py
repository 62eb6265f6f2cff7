"""What must be as it was before a bundle is made again: the versions, and the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.base.parameter_text import plain
from headrace.core.packaging.environment import environment
from headrace.core.readers.table_reader import TableReader
from headrace.core.tables.source import ReadOptions
from headrace.registry.backends.locations import catalog_place
from headrace.registry.catalog import queries as catalogue
from headrace.registry.catalog.database import CatalogDatabase
from headrace.stores.sources.open_source import open_source

_MOST_TOLD = 5


@dataclass(frozen=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        source: Where the table lies; empty for what the papers or the catalogue say.
        champion: The champion that the gate compared with; empty for what the papers say.
        catalog: Address of the catalogue; empty for the usual one.
        anyway: Whether to go on with other versions of Python and packages.
        keep: Folder for the bundle that is made; None to throw it away.
    """

    source: str = ""
    champion: str = ""
    catalog: str = ""
    anyway: bool = False
    keep: Path | None = None


def check_versions(then: Mapping[str, Any], *, anyway: bool) -> None:
    """Refuse to replay with other versions than those that made the bundle.

    Raises:
        InputError: Naming what differs.
    """
    now = environment()
    pairs = {name: (then.get(name), now[name]) for name in ("python", "implementation", "system", "machine")}
    packages = then.get("packages", {})
    pairs |= {name: (packages.get(name), now["packages"].get(name)) for name in {**packages, **now["packages"]}}
    others = [f"{name} {old or 'none'} (here {new or 'none'})" for name, (old, new) in pairs.items() if old != new]
    if others and not anyway:
        more = f" and {len(others) - _MOST_TOLD} more" if len(others) > _MOST_TOLD else ""
        raise InputError(
            f"the bundle was made with other versions: {', '.join(others[:_MOST_TOLD])}{more}; install "
            "them, use the image that made it, or give --anyway."
        )


def find_source(table: Mapping[str, Any], wish: ReplayOptions) -> str:
    """Where the table lies that the papers name.

    Raises:
        MissingError: If that is not known.
    """
    if wish.source:
        return wish.source
    named, digest = str(table.get("source", "")), str(table.get("digest", ""))
    if "://" in named and not named.startswith("sqlite"):
        return named
    try:
        known = [
            table for table in catalogue.search(CatalogDatabase(catalog_place(wish.catalog))) if _has(table, digest)
        ]
    except MissingError:
        known = []
    there = [table.source for table in known if "://" in table.source or Path(table.source).exists()]
    if there:
        return there[0]
    gone = f", which was {known[0].source}," if known else ""
    raise MissingError(
        f"the papers name the table {quote(named)} of digest {digest[:12]}{gone} and nobody knows where it is: "
        "tell it with --source."
    )


def _has(table: catalogue.CatalogTable, digest: str) -> bool:
    return any(version.digest == digest for version in table.versions)


def check_source(source: str, table: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Refuse a table that is not the one that the papers name.

    Raises:
        InputError: If its digest is another.
    """
    given = arguments.get("ingest", {})
    options = ReadOptions(
        names=tuple(map(plain, given.get("names", ()))),
        header=bool(given.get("header", True)),
        delimiter=plain(str(given.get("delimiter", ""))),
        encoding=plain(str(given.get("encoding", ""))),
        skip_lines=int(given.get("skip_lines", -1)),
        comment=plain(str(given.get("comment", ""))),
    )
    reading = TableReader(open_source(source), options)
    for _ in reading.frames():
        pass
    found, wanted = str(reading.facts()["digest"]), str(table.get("digest", ""))
    if found != wanted:
        raise InputError(
            f"the table {reading.source.name} has the digest {found[:12]}, but the papers name {wanted[:12]}: "
            "it has changed since; give the table as it was with --source."
        )
