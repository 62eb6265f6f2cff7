"""What a search looks at: a row for each table with all its words, its kind and its dtypes.

Searching the tables and the columns themselves would read a row for each column of each version. Every write to the
catalogue renews the rows of the tables that it touches, in the same transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from headrace.registry.catalog import schema as t
from headrace.registry.catalog.database import upsert
from headrace.registry.catalog.entities import source_kind

# Between the texts of a row; no word that a person types holds it.
SEPARATOR = "\n"
_MOST_TABLES = 500


def renew_search_row(connection: sa.Connection, table_id: int) -> None:
    """Write the row of a table again.

    Args:
        connection: The transaction that has changed the table.
        table_id: Id of the table.
    """
    upsert(connection, t.search, list(search_rows(connection, [table_id])), keys=("table_id",))


def search_rows(connection: sa.Connection, table_ids: Iterable[int]) -> Iterator[dict[str, Any]]:
    """Yield the rows of tables.

    Args:
        connection: A connection.
        table_ids: Their ids; at most a few hundred.
    """
    ids = list(table_ids)
    texts: dict[int, dict[str, None]] = defaultdict(dict)
    kinds = {}
    names = ("name", "source", "owner", "licence", "description")
    for row in connection.execute(sa.select(t.tables).where(t.tables.c.id.in_(ids))).mappings():
        kinds[row["id"]] = source_kind(row["source"])
        texts[row["id"]].update((row[name].lower(), None) for name in names)
    for table_id, tag in connection.execute(sa.select(t.tags).where(t.tags.c.table_id.in_(ids))):
        texts[table_id][tag.lower()] = None
    dtypes: dict[int, set[str]] = defaultdict(set)
    latest = _latest(connection, ids)
    columns = (
        sa.select(t.versions.c.table_id, t.versions.c.id, t.columns.c.name, t.columns.c.description, t.columns.c.dtype)
        .join(t.columns, t.columns.c.version_id == t.versions.c.id)
        .where(t.versions.c.table_id.in_(ids))
    )
    for table_id, version_id, name, description, dtype in connection.execute(columns):
        texts[table_id].update(((name.lower(), None), (description.lower(), None)))
        if latest[table_id] == version_id:
            dtypes[table_id].add(dtype)
    for table_id, kind in kinds.items():
        words = SEPARATOR.join(filter(None, texts[table_id]))
        its_dtypes = "".join(f"{SEPARATOR}{dtype}" for dtype in sorted(dtypes[table_id]))
        yield {"table_id": table_id, "kind": kind, "dtypes": its_dtypes + SEPARATOR, "words": words}


def fill(connection: sa.Connection) -> None:
    """Write the rows of all tables, for a catalogue that had none."""
    ids = connection.execute(sa.select(t.tables.c.id).order_by(t.tables.c.id)).scalars().all()
    for first in range(0, len(ids), _MOST_TABLES):
        upsert(
            connection, t.search, list(search_rows(connection, ids[first : first + _MOST_TABLES])), keys=("table_id",)
        )


def holds_word(word: str, connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Return the condition that a table's row holds a word, in upper or lower case."""
    found: sa.ColumnElement[bool] = _position(connection)(t.search.c.words, word.lower()) > 0
    return found


def has_type(name: str, connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Return the condition that a table is of a kind, or its latest version has a column of that dtype."""
    dtype = f"{SEPARATOR}{name}{SEPARATOR}"
    return sa.or_(t.search.c.kind == name, _position(connection)(t.search.c.dtypes, dtype) > 0)


def _position(connection: sa.Connection) -> Any:
    """Return the database's function for the position of a text in another; LIKE would take twice as long."""
    return sa.func.strpos if connection.dialect.name == "postgresql" else sa.func.instr


def _latest(connection: sa.Connection, ids: list[int]) -> dict[int, int]:
    """Return the id of the latest version of each table."""
    versions = sa.select(t.versions.c.table_id, t.versions.c.id).where(t.versions.c.table_id.in_(ids))
    return dict(connection.execute(versions.order_by(t.versions.c.last_seen, t.versions.c.id)).all())
