"""Queries of the catalogue: tables by word, tag, owner, date and type, and the data that belong to a table."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from headrace.registry.catalog import schema as t
from headrace.registry.catalog.annotations import table_id
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.entities import (
    CatalogColumn,
    CatalogTable,
    QualityFigure,
    TableQuery,
    TableUse,
    TableVersion,
    retention_limit,
    source_kind,
)
from headrace.registry.catalog.search_rows import has_type, holds_word

__all__ = [
    "CatalogColumn",
    "CatalogTable",
    "QualityFigure",
    "TableQuery",
    "TableUse",
    "TableVersion",
    "count_runs",
    "places",
    "quality",
    "search",
    "search_page",
    "source_kind",
    "table",
    "uses",
]

# Tables that are read together; SQLite takes some ten thousand values in one statement at most.
_TOGETHER = 1_000


def search(database: CatalogDatabase, query: TableQuery | None = None) -> list[CatalogTable]:
    """Return the tables that match a query, most recently read first.

    Args:
        database: The catalogue.
        query: The query; None for all tables.
    """
    return search_page(database, query)[0]


def search_page(
    database: CatalogDatabase, query: TableQuery | None = None, *, limit: int = 0, skip: int = 0
) -> tuple[list[CatalogTable], int]:
    """Return some of the tables that match a query, most recently read first, and the number of all that match.

    Args:
        database: The catalogue.
        query: The query; None for all tables.
        limit: The most tables to return; 0 for all.
        skip: Number of matching tables to pass over first.
    """
    query = query or TableQuery()
    with database.reading() as connection:
        found: Any = t.tables
        if query != TableQuery():
            found = _matching(connection, query).cte()  # used twice, so that databases look for them once
        order = (found.c.last_seen.desc(), found.c.name)
        number = sa.select(sa.func.count()).select_from(found)
        page = (
            sa.select(found.c.id, number.scalar_subquery()).order_by(*order).limit(limit or None).offset(skip or None)
        )
        rows = connection.execute(page).all()
        total = rows[0][1] if rows else connection.execute(number).scalar_one()
        ids = [row[0] for row in rows]
        groups = [ids[first : first + _TOGETHER] for first in range(0, len(ids), _TOGETHER)]
        return [table for group in groups for table in _whole(connection, group)], int(total)


def _matching(connection: sa.Connection, query: TableQuery) -> "sa.Select[Any]":
    """Return the statement that selects the tables that match a query."""
    statement = sa.select(t.tables.c.id, t.tables.c.last_seen, t.tables.c.name)
    if query.words or query.type:
        statement = statement.join(t.search, t.search.c.table_id == t.tables.c.id)
    statement = statement.where(*(holds_word(word, connection) for word in query.words))
    for tag in query.tags:
        statement = statement.where(t.tables.c.id.in_(sa.select(t.tags.c.table_id).where(t.tags.c.tag == tag)))
    if query.type:
        statement = statement.where(has_type(query.type, connection))
    if query.owner:
        statement = statement.where(sa.func.lower(t.tables.c.owner) == query.owner.lower())
    if query.since:
        statement = statement.where(t.tables.c.last_seen >= query.since)
    if query.until:
        statement = statement.where(t.tables.c.last_seen < f"{query.until}~")  # after every time of that day
    return statement.where(_past_retention(connection)) if query.expired else statement


def _past_retention(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Return the condition that the retention period of one of a table's versions is over."""
    periods = sa.select(t.tables.c.retention_days).where(t.tables.c.retention_days.is_not(None)).distinct()
    over = []
    for days in connection.execute(periods).scalars():
        versions = sa.select(t.versions.c.id).where(t.versions.c.table_id == t.tables.c.id)
        read_before = versions.where(t.versions.c.last_seen < retention_limit(days))
        over.append((t.tables.c.retention_days == days) & read_before.exists())
    return sa.or_(sa.false(), *over)


def table(database: CatalogDatabase, name: str) -> CatalogTable:
    """Return one table, by its name or source.

    Raises:
        MissingError: If there is no such table.
    """
    with database.reading() as connection:
        (catalog_table,) = _whole(connection, [table_id(connection, name)])
    return catalog_table


def quality(database: CatalogDatabase, table: CatalogTable) -> list[QualityFigure]:
    """Return the quality figures of all versions of a table, oldest first."""
    statement = (
        sa.select(t.figures.c.time, t.versions.c.digest, t.figures.c.name, t.figures.c.subject, t.figures.c.value)
        .join(t.versions, t.versions.c.id == t.figures.c.version_id)
        .where(t.versions.c.table_id == table.id)
        .order_by(t.figures.c.id)
    )
    with database.reading() as connection:
        return [QualityFigure(*row) for row in connection.execute(statement)]


def uses(
    database: CatalogDatabase,
    *,
    table: CatalogTable | None = None,
    model: str = "",
    bundle: str = "",
    latest_runs: int = 0,
) -> list[TableUse]:
    """Return which runs and bundles used which table, oldest first.

    Args:
        database: The catalogue.
        table: Only uses of this table.
        model: Only runs of this model.
        bundle: Only the run that made the bundle of this digest.
        latest_runs: Only those of so many runs, the latest ones of that table or model; 0 for all.
    """
    statement = (
        sa.select(
            t.tables.c.name.label("table"), t.tables.c.source, t.versions.c.digest, t.versions.c.rows,
            t.runs.c.id.label("run"), t.runs.c.model, t.runs.c.person, t.runs.c.time, t.runs.c.verdict,
            sa.func.coalesce(t.bundles.c.digest, "").label("bundle"),
            sa.func.coalesce(t.bundles.c.version, "").label("version"),
            sa.func.coalesce(t.bundles.c.uri, "").label("uri"),
        )
        .select_from(t.uses)
        .join(t.runs, t.runs.c.id == t.uses.c.run_id)
        .join(t.versions, t.versions.c.id == t.uses.c.version_id)
        .join(t.tables, t.tables.c.id == t.versions.c.table_id)
        .outerjoin(t.bundles, t.bundles.c.run_id == t.runs.c.id)
        .order_by(t.runs.c.time, t.runs.c.id)
    )  # fmt: skip
    if table:
        statement = statement.where(t.tables.c.id == table.id)
    if model:
        statement = statement.where(t.runs.c.model == model)
    if bundle:
        statement = statement.where(t.bundles.c.digest == bundle)
    if latest_runs:
        latest = _runs(t.runs.c.id, table, model).order_by(t.runs.c.time.desc(), t.runs.c.id.desc()).limit(latest_runs)
        statement = statement.where(t.runs.c.id.in_(latest))
    with database.reading() as connection:
        rows = connection.execute(statement).mappings().all()
        endpoints_by_bundle = _endpoints(connection, [row["bundle"] for row in rows])
    return [TableUse(**row, endpoints=tuple(endpoints_by_bundle.get(row["bundle"], ()))) for row in rows]


def count_runs(database: CatalogDatabase, *, table: CatalogTable | None = None, model: str = "") -> int:
    """Return the number of runs that used a table.

    Args:
        database: The catalogue.
        table: Only runs that used this table.
        model: Only runs of this model.
    """
    with database.reading() as connection:
        return int(connection.execute(_runs(sa.func.count(), table, model)).scalar_one())


def _runs(wanted: Any, table: CatalogTable | None, model: str) -> "sa.Select[Any]":
    """Return the statement that selects something of the runs that used a table."""
    used = sa.select(t.uses.c.run_id)
    if table:
        versions = sa.select(t.versions.c.id).where(t.versions.c.table_id == table.id)
        used = used.where(t.uses.c.version_id.in_(versions))
    statement = sa.select(wanted).select_from(t.runs).where(t.runs.c.id.in_(used))
    return statement.where(t.runs.c.model == model) if model else statement


def places(database: CatalogDatabase) -> list[Mapping[str, Any]]:
    """Return the places that may store rows of tables: ``address``, ``kind``, ``digest``, ``time``."""
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(t.places).order_by(t.places.c.time)).mappings()]


def _endpoints(connection: sa.Connection, digests: Sequence[str]) -> dict[str, list[Mapping[str, Any]]]:
    statement = sa.select(t.endpoints).where(t.endpoints.c.digest.in_(sorted({d for d in digests if d})))
    by_bundle: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in connection.execute(statement.order_by(t.endpoints.c.id)).mappings():
        by_bundle[row["digest"]].append({name: row[name] for name in ("url", "time", "verified", "ended")})
    return by_bundle


def _whole(connection: sa.Connection, ids: Sequence[int]) -> list[CatalogTable]:
    """Return tables with their tags, versions and columns, in the order of their ids."""
    found = connection.execute(sa.select(t.tables).where(t.tables.c.id.in_(ids))).mappings()
    rows = {row["id"]: row for row in found}
    tagged: dict[int, list[str]] = defaultdict(list)
    for identity, tag in connection.execute(sa.select(t.tags).where(t.tags.c.table_id.in_(ids)).order_by(t.tags.c.tag)):
        tagged[identity].append(tag)
    versions: dict[int, list[TableVersion]] = defaultdict(list)
    statement = sa.select(t.versions.c.table_id, *(t.versions.c[name] for name in TableVersion.__annotations__))
    statement = statement.where(t.versions.c.table_id.in_(ids)).order_by(t.versions.c.last_seen, t.versions.c.id)
    for owner_id, *values in connection.execute(statement):
        versions[owner_id].append(TableVersion(*values))
    latest = [table_versions[-1].id for table_versions in versions.values()]
    columns: dict[int, list[CatalogColumn]] = defaultdict(list)
    statement = sa.select(t.columns.c.version_id, *(t.columns.c[name] for name in CatalogColumn.__annotations__))
    statement = statement.where(t.columns.c.version_id.in_(latest)).order_by(t.columns.c.place)
    for version_id, *values in connection.execute(statement):
        columns[version_id].append(CatalogColumn(*values))
    return [
        CatalogTable(
            **{str(name): value for name, value in row.items()},
            tags=tuple(tagged[row["id"]]),
            versions=tuple(versions[row["id"]]),
            columns=tuple(columns[versions[row["id"]][-1].id]) if versions[row["id"]] else (),
        )
        for row in map(rows.__getitem__, ids)
    ]
