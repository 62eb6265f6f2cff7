"""Finds all data held about a data subject: tables, bundles and logs that contain a person's keys in a column.

The keys stay in this process's memory: they are not stored, shown or logged, and no message contains one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from headrace.core.base import settings
from headrace.core.base.errors import HeadraceError, InputError
from headrace.core.contracts import contract_yaml
from headrace.core.readers.table_reader import TableReader
from headrace.core.tables import parquet_table
from headrace.core.tables.pseudonyms import hashed_text
from headrace.core.tables.source import ReadOptions
from headrace.core.validation.records import records
from headrace.registry.catalog import queries
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.text_search import matches
from headrace.stores.sources.open_source import open_source

Kind = Literal["source", "table", "bundle", "log"]
MOST_KEYS = 10_000
_TEXTS = frozenset({".html", ".json", ".jsonl", ".log", ".md", ".txt", ".yaml", ".csv"})


@dataclass(frozen=True)
class SubjectLocation:
    """A place with rows of the person, or that may have some.

    Attributes:
        kind: Kind of the place.
        address: Path or address.
        rows: Number of the person's rows, lines or test cases.
        note: Why it could not be read, or why the number is uncertain; empty for neither.
    """

    kind: Kind
    address: str
    rows: int
    note: str = ""


class SubjectKeys:
    """The keys of the people to search for, and the column that has them."""

    def __init__(self, column: str, values: Iterable[str]) -> None:
        """Set the keys.

        Args:
            column: Name of the column.
            values: Keys as texts; empty ones are ignored.

        Raises:
            InputError: If there are no keys, or too many.
        """
        self.column = column
        self.values = sorted({value.strip() for value in values} - {""})
        if not 0 < len(self.values) <= MOST_KEYS:
            raise InputError(
                f"1 to {MOST_KEYS} keys must be given, one a line, by standard input or --keys; got {len(self.values)}."
            )
        key = settings.hash_key()
        self.wanted = [*self.values, *(hashed_text(value, key=key) for value in self.values)]

    def mask(self) -> pl.Expr:
        """Return the expression of the people's rows; it also matches keys that ingest has hashed."""
        return pl.col(self.column).cast(pl.String).str.strip_chars().is_in(self.wanted)


def search(
    database: CatalogDatabase, keys: SubjectKeys, *, logs: Iterable[Path] = (), sources: bool = True
) -> Iterator[SubjectLocation]:
    """Yield every place that has rows of these people, or that could not be read.

    Args:
        database: The catalogue, with tables, folders of runs, and bundles.
        keys: The people's keys.
        logs: Further files and folders of logs, such as those of servers.
        sources: Whether to read the original sources of the tables too.
    """
    if sources:
        for table in queries.search(database):
            if any(column.name == keys.column for column in table.columns):
                yield from _source(table, keys)
    for place in queries.places(database):
        if place["kind"] == "run":
            yield from _run(Path(place["address"]), keys)
        else:
            yield from _remote(str(place["address"]), keys)
    for path in logs:
        yield from _logs(path, keys)


def _source(table: queries.CatalogTable, keys: SubjectKeys) -> Iterator[SubjectLocation]:
    try:
        rows = _count(table.source, keys)
    except HeadraceError as error:
        yield SubjectLocation("source", table.source, 0, f"could not be read: {error}")
        return
    if rows:
        yield SubjectLocation("source", table.source, rows)


def _count(source: str, keys: SubjectKeys) -> int:
    """Return the number of the people's rows in a table, reading only the column, in bounded memory."""
    reading = TableReader(open_source(source), ReadOptions(only=(keys.column,)), digest=False)
    return sum(frame.filter(keys.mask()).height for frame in reading.frames() if keys.column in frame.columns)


def _remote(address: str, keys: SubjectKeys) -> Iterator[SubjectLocation]:
    """Search a table in a cluster's artifact store."""
    url = "s3://" + address.partition("://")[2].rstrip("/") + "/part-*.parquet"
    try:
        rows = _count(url, keys)
    except HeadraceError as error:
        yield SubjectLocation("table", address, 0, f"could not be read: {error}")
        return
    if rows:
        yield SubjectLocation("table", address, rows)


def _run(home: Path, keys: SubjectKeys) -> Iterator[SubjectLocation]:
    """Search the folder of a run: its steps' tables, its bundles, reports and logs."""
    if not home.is_dir():
        return
    folders = sorted({path.parent for path in home.rglob("part-*.parquet")})
    theirs: dict[Path, int] = {}
    unkeyed = []
    for folder in folders:
        if keys.column not in parquet_table.scan(folder).collect_schema().names():
            unkeyed.append(folder)
        elif rows := _rows(folder, keys):
            theirs[folder] = rows
            yield SubjectLocation("table", str(folder), rows)
    if theirs:
        for folder in unkeyed:
            yield SubjectLocation(
                "table", str(folder), 0, "derived from a table with rows of theirs, but without the column"
            )
    yield from _bundles(home, keys, theirs)
    yield from _logs(home, keys)


def _rows(folder: Path, keys: SubjectKeys) -> int:
    return int(parquet_table.scan(folder).filter(keys.mask()).select(pl.len()).collect().item())


def _bundles(home: Path, keys: SubjectKeys, theirs: Mapping[Path, int]) -> Iterator[SubjectLocation]:
    """Search the bundles below a folder; their test cases are rows of the test part."""
    for path in sorted(home.rglob("cases.json")):
        cases = [case.get("request", {}) for case in _cases(path)]
        named = sum(str(case.get(keys.column, "")).strip() in keys.wanted for case in cases)
        alike = _alike(path.parent, cases, keys, theirs)
        if named or alike:
            note = "" if named else "test cases with the values of their rows, without the key"
            yield SubjectLocation("bundle", str(path.parent), named or alike, note)
        if theirs and path.parent.name == "bundle" and path.parent.parent == home:
            yield SubjectLocation("bundle", str(path.parent), 0, "trained on a table with rows of theirs")


def _cases(path: Path) -> list[Mapping[str, Any]]:
    try:
        return list(json.loads(path.read_bytes()).get("cases", []))
    except (ValueError, AttributeError, OSError):
        return []


def _alike(folder: Path, cases: list[Mapping[str, Any]], keys: SubjectKeys, theirs: Mapping[Path, int]) -> int:
    """Return the number of test cases with the values of the people's rows, which find cases without the key."""
    contract = folder / "contract.yaml"
    test_folder = next((table_folder for table_folder in theirs if table_folder.name == "test_table"), None)
    if test_folder is None or not contract.exists():
        return 0
    inputs = [column for column in contract_yaml.load(contract).inputs if not column.personal]
    rows = parquet_table.scan(test_folder).filter(keys.mask()).collect()
    values = {json.dumps(record, sort_keys=True) for record in records(rows, inputs)}
    names = [column.name for column in inputs]
    return sum(json.dumps({name: case.get(name) for name in names}, sort_keys=True) in values for case in cases)


def _logs(path: Path, keys: SubjectKeys) -> Iterator[SubjectLocation]:
    """Search reports and logs for a key as text."""
    if not path.exists():
        yield SubjectLocation("log", str(path), 0, "could not be read: there is no such file")
        return
    files = (
        [path] if path.is_file() else sorted(candidate for candidate in path.rglob("*") if candidate.suffix in _TEXTS)
    )
    for file in files:
        if (
            file.is_file()
            and file.name != "cases.json"
            and (lines := matches(file, column=keys.column, values=keys.wanted))
        ):
            yield SubjectLocation("log", str(file), lines)
