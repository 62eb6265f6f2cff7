"""Queries of the catalogue: tables by word, tag, owner, date and type, and the data that belong to a table."""

import re
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
    source_kind,
)

__all__ = [
    "CatalogColumn",
    "CatalogTable",
    "QualityFigure",
    "TableQuery",
    "TableUse",
    "TableVersion",
    "places",
    "quality",
    "search",
    "source_kind",
    "table",
    "uses",
]


def search(database: CatalogDatabase, query: TableQuery | None = None) -> list[CatalogTable]:
    """Return the tables that match a query, most recently read first.

    Args:
        database: The catalogue.
        query: The query; None for all tables.
    """
    query = query or TableQuery()
    statement = sa.select(t.tables).order_by(t.tables.c.last_seen.desc(), t.tables.c.name)
    for word in query.words:
        statement = statement.where(_holds(word))
    for tag in query.tags:
        statement = statement.where(t.tables.c.id.in_(sa.select(t.tags.c.table_id).where(t.tags.c.tag == tag)))
    if query.owner:
        statement = statement.where(sa.func.lower(t.tables.c.owner) == query.owner.lower())
    if query.since:
        statement = statement.where(t.tables.c.last_seen >= query.since)
    if query.until:
        statement = statement.where(t.tables.c.last_seen < f"{query.until}~")  # after every time of that day
    with database.reading() as connection:
        tables = _whole(connection, connection.execute(statement).mappings().all())
    return [
        table for table in tables if not query.type or query.type in {table.kind, *(c.dtype for c in table.columns)}
    ]


def table(database: CatalogDatabase, name: str) -> CatalogTable:
    """Return one table, by its name or source.

    Raises:
        MissingError: If there is no such table.
    """
    with database.reading() as connection:
        statement = sa.select(t.tables).where(t.tables.c.id == table_id(connection, name))
        (catalog_table,) = _whole(connection, connection.execute(statement).mappings().all())
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
    database: CatalogDatabase, *, table: CatalogTable | None = None, model: str = "", bundle: str = ""
) -> list[TableUse]:
    """Return which runs and bundles used which table, oldest first.

    Args:
        database: The catalogue.
        table: Only uses of this table.
        model: Only runs of this model.
        bundle: Only the run that made the bundle of this digest.
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
    with database.reading() as connection:
        rows = connection.execute(statement).mappings().all()
        endpoints_by_bundle = _endpoints(connection, [row["bundle"] for row in rows])
    return [TableUse(**row, endpoints=tuple(endpoints_by_bundle.get(row["bundle"], ()))) for row in rows]


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


def _holds(word: str) -> sa.ColumnElement[bool]:
    escaped = re.sub(r"([\\%_])", r"\\\1", word.lower())

    def like(column: sa.Column[Any]) -> sa.ColumnElement[bool]:
        return sa.func.lower(column).like(f"%{escaped}%", escape="\\")

    own = [like(t.tables.c[name]) for name in ("name", "source", "owner", "licence", "description")]
    tagged = t.tables.c.id.in_(sa.select(t.tags.c.table_id).where(like(t.tags.c.tag)))
    named = sa.select(t.versions.c.table_id).join(t.columns, t.columns.c.version_id == t.versions.c.id)
    columned = t.tables.c.id.in_(named.where(like(t.columns.c.name) | like(t.columns.c.description)))
    return sa.or_(*own, tagged, columned)


def _whole(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[CatalogTable]:
    """Return tables with their tags, versions and columns."""
    ids = [row["id"] for row in rows]
    tagged: dict[int, list[str]] = defaultdict(list)
    for identity, tag in connection.execute(sa.select(t.tags).where(t.tags.c.table_id.in_(ids)).order_by(t.tags.c.tag)):
        tagged[identity].append(tag)
    versions: dict[int, list[TableVersion]] = defaultdict(list)
    statement = (
        sa.select(t.versions).where(t.versions.c.table_id.in_(ids)).order_by(t.versions.c.last_seen, t.versions.c.id)
    )
    for row in connection.execute(statement).mappings():
        versions[row["table_id"]].append(TableVersion(**{name: row[name] for name in TableVersion.__annotations__}))
    latest = [table_versions[-1].id for table_versions in versions.values()]
    columns: dict[int, list[CatalogColumn]] = defaultdict(list)
    statement = sa.select(t.columns).where(t.columns.c.version_id.in_(latest)).order_by(t.columns.c.place)
    for row in connection.execute(statement).mappings():
        columns[row["version_id"]].append(CatalogColumn(**{name: row[name] for name in CatalogColumn.__annotations__}))
    return [
        CatalogTable(
            **{str(name): value for name, value in row.items()},
            tags=tuple(tagged[row["id"]]),
            versions=tuple(versions[row["id"]]),
            columns=tuple(columns[versions[row["id"]][-1].id]) if versions[row["id"]] else (),
        )
        for row in rows
    ]
