"""Annotations of tables by people: owner, licence, description, retention, tags."""

from collections.abc import Iterable

import sqlalchemy as sa

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.registry.catalog import schema as t
from headrace.registry.catalog.database import CatalogDatabase, upsert
from headrace.registry.catalog.search_rows import renew_search_row


def describe(database: CatalogDatabase, table: str, **values: str | int | None) -> None:
    """Set the annotations of a table.

    Args:
        database: The catalogue.
        table: The table's name.
        **values: ``owner``, ``licence``, ``description``, ``retention_days``, or ``name`` to rename it.

    Raises:
        MissingError: If there is no such table.
        InputError: If another table has the new name.
    """
    if not values:
        return
    with database.writing() as connection:
        identity = table_id(connection, table)
        new_name = values.get("name")
        if (
            new_name
            and new_name != table
            and connection.execute(sa.select(t.tables.c.id).where(t.tables.c.name == new_name)).first()
        ):
            raise InputError(f"the catalogue has a table {quote(new_name)} already; give another name.")
        connection.execute(t.tables.update().where(t.tables.c.id == identity).values(**values))
        renew_search_row(connection, identity)


def set_tags(database: CatalogDatabase, name: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Add tags to a table, and remove others.

    Raises:
        MissingError: If there is no such table.
    """
    with database.writing() as connection:
        identity = table_id(connection, name)
        rows = [{"table_id": identity, "tag": tag} for tag in dict.fromkeys(add)]
        upsert(connection, t.tags, rows, keys=("table_id", "tag"))
        gone = list(remove)
        if gone:
            connection.execute(t.tags.delete().where(t.tags.c.table_id == identity, t.tags.c.tag.in_(gone)))
        renew_search_row(connection, identity)


def table_id(connection: sa.Connection, name: str) -> int:
    """Return the id of a table by its name or its source.

    Raises:
        MissingError: If there is no such table.
    """
    ids = connection.execute(sa.select(t.tables.c.id).where((t.tables.c.name == name) | (t.tables.c.source == name)))
    identity = ids.scalar()
    if identity is None:
        latest_names = connection.execute(
            sa.select(t.tables.c.name).order_by(t.tables.c.last_seen.desc()).limit(10)
        ).scalars()
        raise MissingError(
            f"there is no table {quote(name)} in the catalogue; it has {', '.join(latest_names) or 'none'}."
        )
    return int(identity)
