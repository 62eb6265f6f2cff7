"""What people say of tables: owner, licence, how long rows may be kept, tags."""

from collections.abc import Iterable

import sqlalchemy as sa

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.registry.catalog import schema as t
from headrace.registry.catalog.database import CatalogDatabase, upsert


def describe(database: CatalogDatabase, table: str, **values: str | int | None) -> None:
    """Set what people say of a table.

    Args:
        database: The catalogue.
        table: The table's name.
        **values: ``owner``, ``licence``, ``description``, ``retain_days``, or ``name`` to rename it.

    Raises:
        MissingError: If there is no such table.
        InputError: If another table has the new name.
    """
    if not values:
        return
    with database.writing() as connection:
        identity = table_id(connection, table)
        wanted = values.get("name")
        if (
            wanted
            and wanted != table
            and connection.execute(sa.select(t.tables.c.id).where(t.tables.c.name == wanted)).first()
        ):
            raise InputError(f"the catalogue has a table {quote(wanted)} already; give another name.")
        connection.execute(t.tables.update().where(t.tables.c.id == identity).values(**values))


def set_tags(database: CatalogDatabase, name: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
    """Add tags to a table, and take others away.

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


def table_id(connection: sa.Connection, name: str) -> int:
    """Identity of a table by its name or its source.

    Raises:
        MissingError: If there is none.
    """
    found = connection.execute(sa.select(t.tables.c.id).where((t.tables.c.name == name) | (t.tables.c.source == name)))
    identity = found.scalar()
    if identity is None:
        there = connection.execute(sa.select(t.tables.c.name).order_by(t.tables.c.last_seen.desc()).limit(10)).scalars()
        raise MissingError(f"there is no table {quote(name)} in the catalogue; it has {', '.join(there) or 'none'}.")
    return int(identity)
