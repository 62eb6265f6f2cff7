"""Writes to the catalogue: tables, their checks, runs, bundles, endpoints, places.

Each call is one transaction.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from headrace.core.contracts.contract import Column
from headrace.core.validation.data_checks import DataChecks
from headrace.registry.catalog import schema as t
from headrace.registry.catalog.database import CatalogDatabase, upsert
from headrace.registry.catalog.search_rows import renew_search_row

UNKNOWN = "unknown"


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class ObservedTable:
    """A table as ingest read it.

    Attributes:
        source: Its address, without secrets.
        digest: SHA-256 of its bytes, or of its rows for a query.
        rows: Number of rows.
        bytes: Number of bytes read.
        columns: Name and dtype of each column, in order.
    """

    source: str
    digest: str
    rows: int = 0
    bytes: int = 0
    columns: tuple[tuple[str, str], ...] = ()


def table_name(source: str) -> str:
    """Return a short name for a table, from its address: lower-case letters, digits and dashes."""
    address, _, table = source.partition("#")
    parts = [part for part in re.split(r"[/\\]", address.split("?", 1)[0]) if part and not set("*[]") & set(part)]
    last = table.rsplit(".", 1)[-1] if table else parts[-1].split(".")[0] if parts else ""
    name = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
    return name[:60].strip("-") or "table"


def add_table(database: CatalogDatabase, observed: ObservedTable) -> str:
    """Add a table that was read; its digest identifies the version.

    Args:
        database: The catalogue.
        observed: What was read.

    Returns:
        The table's name.
    """
    with database.writing() as connection:
        table, name = _table(connection, observed.source)
        version = _version(connection, table, observed)
        existing = connection.execute(sa.select(t.columns.c.name).where(t.columns.c.version_id == version)).first()
        if not existing:
            rows = [
                {"version_id": version, "name": column, "place": position, "dtype": dtype}
                for position, (column, dtype) in enumerate(observed.columns)
            ]
            upsert(connection, t.columns, rows, keys=("version_id", "name"))
        renew_search_row(connection, table)
    return name


@dataclass(frozen=True)
class CheckFigure:
    """A figure of a check of a table.

    Attributes:
        name: What it is of, such as ``rows read`` or ``missing share``.
        subject: The column; empty for the table as a whole.
        value: Its value: a number of rows, or a share from 0 to 1.
    """

    name: str
    subject: str
    value: float


def add_checks(
    database: CatalogDatabase, observed: ObservedTable, *, columns: Sequence[Column], figures: Iterable[CheckFigure]
) -> None:
    """Add the contract's columns of a table, and the figures of its validation.

    Args:
        database: The catalogue.
        observed: The table that was checked.
        columns: Its columns in the contract.
        figures: The figures, such as those of ``list_figures``.
    """
    with database.writing() as connection:
        table, _ = _table(connection, observed.source)
        version = _version(connection, table, observed)
        rows = [
            {
                "version_id": version,
                "name": column.name,
                "place": position,
                "dtype": column.dtype,
                "role": column.role,
                "unit": column.unit,
                "personal": column.personal,
                "description": column.description[:1000],
            }
            for position, column in enumerate(columns)
        ]
        upsert(connection, t.columns, rows, keys=("version_id", "name"))
        renew_search_row(connection, table)
        time = now()
        values = [{"version_id": version, "time": time, **asdict(figure)} for figure in figures]
        if values:
            connection.execute(t.figures.insert(), values)


def list_figures(checks: DataChecks) -> Iterator[CheckFigure]:
    """Yield the figures of a table's validation: rows, missing shares, broken rules."""
    for name, count in asdict(checks.rows).items():
        yield CheckFigure(f"rows {name}", "", float(count))
    for name, column in checks.columns.items():
        yield CheckFigure("missing share", name, float(column.missing_share))
    for rule in checks.rules:
        yield CheckFigure(f"broken {rule.rule}", rule.column, float(rule.count))


@dataclass(frozen=True)
class BundleRun:
    """A run and the bundle that it made.

    Attributes:
        run: Id of the run.
        model: Name of the model.
        person: Who ran it.
        digest: Digest of the bundle.
        verdict: The gate's verdict.
        version: Version in the registry; empty for none.
        uri: Where the bundle is published; empty if it is not.
    """

    run: str
    model: str
    person: str
    digest: str
    verdict: str = ""
    version: str = ""
    uri: str = ""


def add_run(database: CatalogDatabase, bundle_run: BundleRun, *, used: ObservedTable) -> None:
    """Add a run, the table that it used, and the bundle that it made.

    Args:
        database: The catalogue.
        bundle_run: The run.
        used: The table; an unknown one is added under its public name.
    """
    with database.writing() as connection:
        version = _known_version(connection, used)
        first_time = connection.execute(sa.select(t.runs.c.time).where(t.runs.c.id == bundle_run.run)).scalar()
        when = first_time or now()  # a run that is recorded again keeps its time
        run = {
            "id": bundle_run.run,
            "model": bundle_run.model,
            "person": bundle_run.person,
            "time": when,
            "verdict": bundle_run.verdict,
        }
        upsert(connection, t.runs, [run], keys=("id",))
        upsert(connection, t.uses, [{"run_id": bundle_run.run, "version_id": version}], keys=("run_id", "version_id"))
        bundle = {
            "run_id": bundle_run.run,
            "digest": bundle_run.digest,
            "model": bundle_run.model,
            "version": bundle_run.version,
            "uri": bundle_run.uri,
        }
        upsert(connection, t.bundles, [bundle], keys=("run_id", "digest"))


def add_endpoint(database: CatalogDatabase, *, url: str, digest: str, verified: bool) -> None:
    """Add an endpoint that serves a bundle."""
    with database.writing() as connection:
        row = {"url": url, "digest": digest, "time": now(), "verified": verified}
        connection.execute(t.endpoints.insert(), [row])


def end_endpoint(database: CatalogDatabase, *, url: str, digest: str) -> None:
    """Record that an endpoint has ended."""
    same = (t.endpoints.c.url == url) & (t.endpoints.c.digest == digest) & (t.endpoints.c.ended == "")
    with database.writing() as connection:
        connection.execute(t.endpoints.update().where(same).values(ended=now()))


def add_places(database: CatalogDatabase, addresses: Sequence[str], *, kind: str, digest: str = "") -> None:
    """Add places that may store rows of a table.

    Args:
        database: The catalogue.
        addresses: Folders or URIs.
        kind: ``run`` for the folder of a run, ``table``, ``bundle`` or ``log``.
        digest: Digest of the table or bundle; empty for other kinds.
    """
    rows = [{"address": address, "kind": kind, "digest": digest, "time": now()} for address in addresses]
    with database.writing() as connection:
        upsert(connection, t.places, rows, keys=("address",))


def add_inquiry(database: CatalogDatabase, *, person: str, column: str, keys: int, found: int) -> None:
    """Record that somebody searched for people's data; the keys themselves are not recorded."""
    row = {"time": now(), "person": person, "column_name": column, "keys": keys, "found": found}
    with database.writing() as connection:
        connection.execute(t.inquiries.insert(), [row])


def _table(connection: sa.Connection, source: str) -> tuple[int, str]:
    """Return id and name of the table with that source, and add it if it does not exist."""
    statement = sa.select(t.tables.c.id, t.tables.c.name).where(t.tables.c.source == source)
    time = now()
    if row_found := connection.execute(statement).first():
        connection.execute(t.tables.update().where(t.tables.c.id == row_found.id).values(last_seen=time))
        return int(row_found.id), str(row_found.name)
    base = table_name(source)
    for number in itertools.count(1):
        row = {"source": source, "name": base if number == 1 else f"{base}-{number}"}
        upsert(connection, t.tables, [row | {"first_seen": time, "last_seen": time}], change=False)
        if row_found := connection.execute(statement).first():  # else another table has the name
            return int(row_found.id), str(row_found.name)
    raise AssertionError  # pragma: no cover - the loop ends by returning


def _version(connection: sa.Connection, table: int, observed: ObservedTable) -> int:
    """Return the id of a table's version, and add it if it does not exist."""
    same = (t.versions.c.table_id == table) & (t.versions.c.digest == observed.digest)
    time = now()
    row = {"table_id": table, "digest": observed.digest, "rows": observed.rows, "bytes": observed.bytes}
    row |= {"first_seen": time, "last_seen": time}
    upsert(connection, t.versions, [row], keys=("table_id", "digest"), change=False)
    connection.execute(t.versions.update().where(same).values(last_seen=time))
    return int(connection.execute(sa.select(t.versions.c.id).where(same)).scalar_one())


def _known_version(connection: sa.Connection, used: ObservedTable) -> int:
    """Return the most recently read version with that digest; add a table for it if there is none."""
    statement = sa.select(t.versions.c.id).where(t.versions.c.digest == used.digest)
    version_id = connection.execute(statement.order_by(t.versions.c.last_seen.desc(), t.versions.c.id.desc())).scalar()
    if version_id is not None:
        return int(version_id)
    table, _ = _table(connection, used.source or UNKNOWN)
    version = _version(connection, table, used)
    renew_search_row(connection, table)
    return version
