"""What the catalogue is told of: tables, their checks, runs, bundles, endpoints, places.

Each call writes all that it was told, or nothing.
"""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from headrace.core.contracts.contract import Column
from headrace.registry.catalog import schema as t
from headrace.registry.catalog.database import CatalogDatabase, upsert

UNKNOWN = "unknown"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class ObservedTable:
    """A table as ingest saw it.

    Attributes:
        source: Its address, without secrets.
        digest: SHA-256 of its bytes, or of its rows for a query.
        rows: How many rows it had.
        bytes: How many bytes were read.
        columns: Name and dtype of each column, in order.
    """

    source: str
    digest: str
    rows: int = 0
    bytes: int = 0
    columns: tuple[tuple[str, str], ...] = ()


def table_name(source: str) -> str:
    """A short name for a table, from its address: lower case, letters, digits and dashes."""
    address, _, table = source.partition("#")
    parts = [part for part in re.split(r"[/\\]", address.split("?", 1)[0]) if part and not set("*[]") & set(part)]
    last = table.rsplit(".", 1)[-1] if table else parts[-1].split(".")[0] if parts else ""
    name = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")
    return name[:60].strip("-") or "table"


def add_table(database: CatalogDatabase, seen: ObservedTable) -> str:
    """Tell of a table that was read; its digest is a version of it.

    Args:
        database: The catalogue.
        seen: What was read.

    Returns:
        The table's name.
    """
    with database.writing() as connection:
        table, name = _table(connection, seen.source)
        version = _version(connection, table, seen)
        known = connection.execute(sa.select(t.columns.c.name).where(t.columns.c.version_id == version)).first()
        if not known:
            rows = [
                {"version_id": version, "name": column, "place": place, "dtype": dtype}
                for place, (column, dtype) in enumerate(seen.columns)
            ]
            upsert(connection, t.columns, rows, keys=("version_id", "name"))
    return name


def add_checks(
    database: CatalogDatabase, seen: ObservedTable, *, columns: Sequence[Column], checks: Mapping[str, Any]
) -> None:
    """Tell what the contract says of a table's columns, and what was found when it was checked.

    Args:
        database: The catalogue.
        seen: The table that was checked.
        columns: Its columns, as a contract tells of them.
        checks: What ``validate`` found.
    """
    with database.writing() as connection:
        table, _ = _table(connection, seen.source)
        version = _version(connection, table, seen)
        rows = [
            {
                "version_id": version,
                "name": column.name,
                "place": place,
                "dtype": column.dtype,
                "role": column.role,
                "unit": column.unit,
                "personal": column.personal,
                "description": column.description[:1000],
            }
            for place, column in enumerate(columns)
        ]
        upsert(connection, t.columns, rows, keys=("version_id", "name"))
        time = now()
        found = [
            {"version_id": version, "time": time, "name": name, "subject": subject, "value": value}
            for name, subject, value in _figures(checks)
        ]
        if found:
            connection.execute(t.figures.insert(), found)


def _figures(checks: Mapping[str, Any]) -> Iterable[tuple[str, str, float]]:
    rows = checks.get("rows", {})
    for name in ("read", "valid", "quarantined"):
        if name in rows:
            yield f"rows {name}", "", float(rows[name])
    for column, facts in checks.get("columns", {}).items():
        yield "missing share", column, float(facts["missing_share"])
    for rule in checks.get("rules", []):
        yield f"broken {rule['rule']}", str(rule.get("column", "")), float(rule["count"])


@dataclass(frozen=True)
class BundleRun:
    """A run and the bundle that it made.

    Attributes:
        run: Identity of the run.
        model: Name of the model.
        person: Who ran it.
        digest: Digest of the bundle.
        verdict: What the gate said.
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


def add_run(database: CatalogDatabase, made: BundleRun, *, used: ObservedTable) -> None:
    """Tell of a run, of the table that it used, and of the bundle that it made.

    Args:
        database: The catalogue.
        made: The run.
        used: The table; one that is not known yet is added under its public name.
    """
    with database.writing() as connection:
        version = _known_version(connection, used)
        known = connection.execute(sa.select(t.runs.c.time).where(t.runs.c.id == made.run)).scalar()
        when = known or now()  # a run that is told of again stays where it was
        run = {"id": made.run, "model": made.model, "person": made.person, "time": when, "verdict": made.verdict}
        upsert(connection, t.runs, [run], keys=("id",))
        upsert(connection, t.uses, [{"run_id": made.run, "version_id": version}], keys=("run_id", "version_id"))
        bundle = {
            "run_id": made.run,
            "digest": made.digest,
            "model": made.model,
            "version": made.version,
            "uri": made.uri,
        }
        upsert(connection, t.bundles, [bundle], keys=("run_id", "digest"))


def add_endpoint(database: CatalogDatabase, *, url: str, digest: str, verified: bool) -> None:
    """Tell that an endpoint answers with a bundle."""
    with database.writing() as connection:
        row = {"url": url, "digest": digest, "time": now(), "verified": verified}
        connection.execute(t.endpoints.insert(), [row])


def end_endpoint(database: CatalogDatabase, *, url: str, digest: str) -> None:
    """Tell that an endpoint answers no more."""
    same = (t.endpoints.c.url == url) & (t.endpoints.c.digest == digest) & (t.endpoints.c.ended == "")
    with database.writing() as connection:
        connection.execute(t.endpoints.update().where(same).values(ended=now()))


def add_places(database: CatalogDatabase, addresses: Sequence[str], *, kind: str, digest: str = "") -> None:
    """Tell where rows of a table may lie.

    Args:
        database: The catalogue.
        addresses: Folders or URIs.
        kind: ``run`` for the folder of a run, ``table``, ``bundle`` or ``log``.
        digest: Digest of the table or bundle; empty if it is none.
    """
    rows = [{"address": address, "kind": kind, "digest": digest, "time": now()} for address in addresses]
    with database.writing() as connection:
        upsert(connection, t.places, rows, keys=("address",))


def add_inquiry(database: CatalogDatabase, *, person: str, column: str, keys: int, found: int) -> None:
    """Tell that somebody asked where rows of people lie; the keys themselves are told to nobody."""
    row = {"time": now(), "person": person, "column_name": column, "keys": keys, "found": found}
    with database.writing() as connection:
        connection.execute(t.inquiries.insert(), [row])


def _table(connection: sa.Connection, source: str) -> tuple[int, str]:
    """Identity and name of the table with that source, made if it is not there."""
    asked = sa.select(t.tables.c.id, t.tables.c.name).where(t.tables.c.source == source)
    time = now()
    if found := connection.execute(asked).first():
        connection.execute(t.tables.update().where(t.tables.c.id == found.id).values(last_seen=time))
        return int(found.id), str(found.name)
    base = table_name(source)
    for number in itertools.count(1):
        row = {"source": source, "name": base if number == 1 else f"{base}-{number}"}
        upsert(connection, t.tables, [row | {"first_seen": time, "last_seen": time}], change=False)
        if found := connection.execute(asked).first():  # else another table has the name
            return int(found.id), str(found.name)
    raise AssertionError  # pragma: no cover - the loop ends by returning


def _version(connection: sa.Connection, table: int, seen: ObservedTable) -> int:
    """Identity of a table's version, made if it is not there."""
    same = (t.versions.c.table_id == table) & (t.versions.c.digest == seen.digest)
    time = now()
    row = {"table_id": table, "digest": seen.digest, "rows": seen.rows, "bytes": seen.bytes}
    row |= {"first_seen": time, "last_seen": time}
    upsert(connection, t.versions, [row], keys=("table_id", "digest"), change=False)
    connection.execute(t.versions.update().where(same).values(last_seen=time))
    return int(connection.execute(sa.select(t.versions.c.id).where(same)).scalar_one())


def _known_version(connection: sa.Connection, used: ObservedTable) -> int:
    """The version of that digest which was seen last; a table of its own if none was."""
    asked = sa.select(t.versions.c.id).where(t.versions.c.digest == used.digest)
    found = connection.execute(asked.order_by(t.versions.c.last_seen.desc(), t.versions.c.id.desc())).scalar()
    if found is not None:
        return int(found)
    table, _ = _table(connection, used.source or UNKNOWN)
    return _version(connection, table, used)
