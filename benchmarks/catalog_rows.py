"""Fills a catalogue with many tables by rows: the ones that the calls of ``headrace.registry.catalog`` would write.

``compare_with_calls`` writes a small catalogue in both ways and compares every row of it. The rows are those of the
catalogue's first schema, so that an earlier commit can read them; later schemas follow by their migrations.
"""

import functools
import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from headrace.core.contracts.contract import Column
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog import writes
from headrace.registry.catalog.annotations import describe, set_tags
from headrace.registry.catalog.database import MIGRATIONS, VERSION_TABLE, CatalogDatabase

FIRST = "0001"
_AREAS = ("sales", "billing", "clinic", "weather", "fleet", "payments", "support", "web", "energy", "stock")
_THINGS = ("orders", "customers", "events", "readings", "visits", "claims", "trips", "items", "returns", "churn")
_PARTS = (
    "amount",
    "count",
    "date",
    "status",
    "region",
    "price",
    "score",
    "duration",
    "channel",
    "source",
    "code",
    "rate",
)
_DTYPES = ("number", "integer", "timestamp", "string", "string", "number")
_WIDTH = 10
_START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class KnownTable:
    """A table of the made-up catalogue, by its number.

    Attributes:
        number: Its number, from 0.
    """

    number: int

    @property
    def source(self) -> str:
        """Its address, from which the catalogue derives its name."""
        area, thing = _AREAS[self.number % 10], _THINGS[self.number // 10 % 10]
        if self.number % 7 == 0:
            return f"postgresql://reader@db/{area}#public.{thing}_{self.number}"
        return f"s3://lake/{area}/{thing}-{self.number}.{('csv', 'parquet', 'json')[self.number % 3]}"

    @property
    def time(self) -> str:
        """When it was read."""
        return (_START + timedelta(minutes=self.number * 7)).isoformat(timespec="seconds")

    @property
    def versions(self) -> list[str]:
        """Digests of its versions: one, or for each tenth table three."""
        return [_hex(f"table {self.number} {version}") for version in range(3 if self.number % 10 == 0 else 1)]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Its columns in a contract."""
        return _columns(self.number % 300)  # their names and dtypes repeat

    @property
    def checked(self) -> bool:
        """Whether it was validated."""
        return self.number % 10 == 0

    @property
    def annotations(self) -> dict[str, Any]:
        """What people have said of it."""
        if self.number % 4:
            return {}
        return {
            "owner": f"Team {self.number % 200}",
            "licence": "internal",
            "description": f"Table {self.number} of {_AREAS[self.number % 10]}, for the month end",
            "retention_days": (None, 30, 3650)[self.number % 3],
        }

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return ("gold", f"q{self.number % 4 + 1}") if self.number % 5 == 0 else ()

    def observed(self, digest: str) -> writes.ObservedTable:
        """Return what ingest has read of a version."""
        columns = tuple((column.name, column.dtype) for column in self.columns)
        return writes.ObservedTable(self.source, digest, rows=1000 + self.number, bytes=50_000, columns=columns)


@functools.cache
def _columns(number: int) -> tuple[Column, ...]:
    names = [f"{_AREAS[number % 10]}_{_PARTS[(number + place) % 12]}_{place}" for place in range(_WIDTH - 1)]
    dtypes = [_DTYPES[(number + place) % 6] for place in range(_WIDTH - 1)]
    columns = [
        Column(
            name,
            dtype,
            {"timestamp": "timestamp", "string": "ignore"}.get(dtype, "feature"),
            f"{name} as booked" if place == 3 else "",
        )
        for place, (name, dtype) in enumerate(zip(names, dtypes, strict=True))
    ]
    return (Column(f"e-mail_{number % 100}", "string", "ignore", personal="drop"), *columns)


@dataclass(frozen=True)
class KnownRun:
    """A run of the made-up catalogue.

    Attributes:
        number: Its number, from 0.
        model: Name of the model.
        version: Number of the version that it made.
        tables: Number of tables, of which each hundredth is trained on.
    """

    number: int
    model: str
    version: int
    tables: int

    @property
    def table(self) -> KnownTable:
        """The table that it used."""
        return KnownTable(self.number * 100 % self.tables)

    @property
    def bundle(self) -> writes.BundleRun:
        """The run with its bundle, whose digest is that of ``registry_rows``."""
        digest = _hex(f"{self.model} {self.version}")
        uri = f"s3://headrace/models/{self.model}/{digest}/"
        return writes.BundleRun(
            f"run-{self.number}", self.model, "ann", digest, "promote", f"1.0.{self.version - 1}", uri
        )

    @property
    def time(self) -> str:
        """When it ran."""
        return (_START + timedelta(days=600, minutes=self.number)).isoformat(timespec="seconds")

    @property
    def url(self) -> str:
        """The endpoint that served the bundle; empty for most."""
        return f"http://{self.model}.models/v2/models/{self.model}/infer" if self.number % 20 == 0 else ""


def runs_of(models: Mapping[str, int], tables: int) -> list[KnownRun]:
    """Return a run for each version of each model."""
    versions = [(model, version) for model, count in models.items() for version in range(1, count + 1)]
    return [KnownRun(number, model, version, tables) for number, (model, version) in enumerate(versions)]


def catalog_by_calls(path: Path, *, tables: int, models: Mapping[str, int]) -> None:
    """Fill a catalogue by real calls."""
    database = CatalogDatabase(catalog_location(str(path)))
    for known in map(KnownTable, range(tables)):
        with _at(known.time):
            for digest in known.versions:
                name = writes.add_table(database, known.observed(digest))
            if known.checked:
                figures = [writes.CheckFigure("rows read", "", 1000.0)]
                writes.add_checks(database, known.observed(known.versions[-1]), columns=known.columns, figures=figures)
            describe(database, name, **known.annotations)
            if known.tags:
                set_tags(database, name, add=known.tags)
    for run in runs_of(models, tables):
        with _at(run.time):
            writes.add_run(database, run.bundle, used=run.table.observed(run.table.versions[-1]))
            if run.url:
                writes.add_endpoint(database, url=run.url, digest=run.bundle.digest, verified=True)


def catalog_by_rows(path: Path, *, tables: int, models: Mapping[str, int]) -> None:
    """Fill a catalogue of the first schema by rows."""
    _create(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    latest: dict[int, int] = {}
    for table, rows in _table_rows(tables, latest):
        _insert(connection, table, rows)
    for run in runs_of(models, tables):
        for table, row in _run_rows(run, latest):
            _insert(connection, table, [row])
    connection.commit()
    connection.close()


def _table_rows(tables: int, latest: dict[int, int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    version_id = 0
    for known in map(KnownTable, range(tables)):
        identity, seen = known.number + 1, {"first_seen": known.time, "last_seen": known.time}
        row = {"id": identity, "source": known.source, "name": writes.table_name(known.source), **seen}
        row |= {"owner": "", "licence": "", "description": "", "retention_days": None, **known.annotations}
        yield "catalog_tables", [row]
        for digest in known.versions:
            version_id += 1
            observed = known.observed(digest)
            found = {
                "id": version_id,
                "table_id": identity,
                "digest": digest,
                "rows": observed.rows,
                "bytes": observed.bytes,
            }
            yield "catalog_versions", [found | seen]
            checked = known.checked and digest == known.versions[-1]
            yield "catalog_columns", [_column(version_id, place, it, checked) for place, it in enumerate(known.columns)]
        if known.checked:
            figure = {"version_id": version_id, "time": known.time, "name": "rows read", "subject": "", "value": 1000.0}
            yield "catalog_figures", [figure]
        if known.tags:
            yield "catalog_tags", [{"table_id": identity, "tag": tag} for tag in known.tags]
        latest[known.number] = version_id


def _column(version_id: int, place: int, column: Column, checked: bool) -> dict[str, Any]:
    row = {"version_id": version_id, "name": column.name, "place": place, "dtype": column.dtype}
    names = ("role", "unit", "personal", "description")
    return row | {name: getattr(column, name) if checked else "" for name in names}


def _run_rows(run: KnownRun, latest: Mapping[int, int]) -> Iterator[tuple[str, dict[str, Any]]]:
    bundle = run.bundle
    row = {
        "id": bundle.run,
        "model": bundle.model,
        "person": bundle.person,
        "time": run.time,
        "verdict": bundle.verdict,
    }
    yield "catalog_runs", row
    yield "catalog_uses", {"run_id": bundle.run, "version_id": latest[run.table.number]}
    made = {"run_id": bundle.run, "digest": bundle.digest, "model": bundle.model}
    yield "catalog_bundles", made | {"version": bundle.version, "uri": bundle.uri}
    if run.url:
        served = {"url": run.url, "digest": bundle.digest, "time": run.time, "verified": 1, "ended": ""}
        yield "catalog_endpoints", served


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"  # noqa: S608
    connection.executemany(statement, [tuple(row.values()) for row in rows])


def _create(path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = VERSION_TABLE
    with sa.create_engine(f"sqlite:///{path}").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, FIRST)


def _at(time: str) -> Any:
    """Return a context in which calls are made at a time."""

    def now() -> str:
        return time

    return mock.patch.object(writes, "now", now)


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def compare_with_calls(scratch: Path) -> int:
    """Raise unless rows, migrated to the latest schema, and real calls give the same catalogue.

    Returns:
        The number of rows compared.

    Raises:
        ValueError: If they do not.
    """
    found = []
    for kind, fill in (("calls", catalog_by_calls), ("rows", catalog_by_rows)):
        path = scratch / f"catalog-{kind}.db"
        fill(path, tables=45, models={"first": 3, "second": 30})
        with CatalogDatabase(catalog_location(str(path))).reading() as connection:
            names = [name for name in sa.inspect(connection).get_table_names() if name.startswith("catalog_")]
            found.append(
                {name: sorted(map(str, connection.execute(sa.text(f"SELECT * FROM {name}")))) for name in names}  # noqa: S608
            )
    by_calls, by_rows = found
    for table in by_calls.keys() | by_rows.keys():
        if by_calls.get(table) != by_rows.get(table):
            raise ValueError((table, by_calls.get(table, [])[:2], by_rows.get(table, [])[:2]))
    return sum(map(len, by_calls.values()))
