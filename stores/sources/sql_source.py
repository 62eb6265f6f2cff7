"""Tables in a database: ``URL#TABLE`` or ``URL#SELECT ...``, with any URL that SQLAlchemy knows."""

import contextlib
import re
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import InputError, MissingError, StoreError, quote
from headrace.core.tables.source import QuerySource
from headrace.stores.sources.postgresql_times import allow_any_time
from headrace.stores.sources.url_redaction import without_secrets

BATCH_ROWS = 20_000
CONNECT_SECONDS = 10
_SELECT = re.compile(r"\s*(select|with|values|table)\b", re.IGNORECASE)


def sql_query(source: str) -> QuerySource:
    """Return a table of a database, or the rows of a query.

    Rows are streamed from a server-side cursor. The password comes from ``HEADRACE_SQL_PASSWORD`` unless the URL has
    one; it is never shown or stored.

    Args:
        source: ``URL#TABLE``, ``URL#SCHEMA.TABLE`` or ``URL#SELECT ...``.

    Raises:
        InputError: If no table is named.
    """
    url, _, query = source.partition("#")
    name = without_secrets(url)
    if not query.strip():
        raise InputError(f"a table of a database must be named as URL#TABLE or URL#SELECT ...; got {name} instead.")
    return QuerySource(f"{name}#{query}", lambda: _rows(url, query, name))


def _rows(url: str, query: str, name: str) -> tuple[list[str], Generator[list[tuple[object, ...]]]]:
    engine = _engine(url, name)
    stack = contextlib.ExitStack()
    stack.callback(engine.dispose)
    with stack, _translate_errors(name, query):
        connection = stack.enter_context(engine.connect())
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
        if engine.dialect.name == "postgresql":
            options["postgresql_readonly"] = True
        result = connection.execution_options(**options).execute(_statement(query))
        names = [str(key) for key in result.keys()]  # noqa: SIM118 - not a mapping
        return names, _batches(result, stack.pop_all(), name, query)
    raise AssertionError  # pragma: no cover - the block returns or raises


def _batches(result: Any, stack: contextlib.ExitStack, name: str, query: str) -> Generator[list[tuple[object, ...]]]:
    with stack, _translate_errors(name, query):
        for rows in result.partitions(BATCH_ROWS):
            yield [tuple(row) for row in rows]


def _engine(url: str, name: str) -> Any:
    try:
        import sqlalchemy as sa  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError("reading a database needs SQLAlchemy: pip install 'headrace[sql]'.") from error
    try:
        database_url = sa.make_url(url)
        if database_url.password is None and database_url.username and settings.sql_password():
            database_url = database_url.set(password=settings.sql_password())
        if database_url.get_backend_name() == "sqlite" and database_url.database not in {None, "", ":memory:"}:
            _check_sqlite(str(database_url.database))
        timed = database_url.get_backend_name() in {"postgresql", "mysql", "mariadb"}
        arguments = {"connect_timeout": CONNECT_SECONDS} if timed else {}
        engine = sa.create_engine(database_url, poolclass=sa.NullPool, connect_args=arguments)
    except sa.exc.NoSuchModuleError as error:
        raise InputError(
            f"{name} must be a path, or a URL with http, https, s3, or a database that SQLAlchemy knows; install its "
            f"dialect, or correct the URL."
        ) from error
    except sa.exc.ArgumentError as error:
        raise InputError(f"{name} is not a URL that SQLAlchemy understands; correct it.") from error
    except ImportError as error:
        raise InputError(f"reading {name} needs the driver {error.name}: pip install 'headrace[sql]'.") from error
    return _as_written(engine)


def _as_written(engine: Any) -> Any:
    """Return the engine; with psycopg, make it read every time that PostgreSQL has."""
    if engine.dialect.driver == "psycopg":
        import sqlalchemy as sa  # noqa: PLC0415 - an extra

        sa.event.listen(engine, "connect", lambda connection, _: allow_any_time(connection))
    return engine


def _check_sqlite(database: str) -> None:
    if not database.startswith("file:") and not Path(database).is_file():
        raise MissingError(f"there is no SQLite file {database}; correct the path.")


def _statement(query: str) -> Any:
    import sqlalchemy as sa  # noqa: PLC0415 - an extra

    if _SELECT.match(query):
        return sa.text(query.replace(":", r"\:"))
    schema, _, table = query.strip().rpartition(".")
    return sa.select(sa.text("*")).select_from(sa.table(table, schema=schema or None))


@contextlib.contextmanager
def _translate_errors(name: str, query: str) -> Iterator[None]:
    import sqlalchemy as sa  # noqa: PLC0415 - an extra

    try:
        yield
    except sa.exc.DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0][:200] if str(error.orig).strip() else type(error.orig).__name__
        if error.connection_invalidated or not error.statement:
            raise StoreError(
                f"the database {name} cannot be reached ({reason}); check that it runs, and the user and password."
            ) from error
        raise InputError(f"the database {name} cannot answer {quote(query)} ({reason}); correct the query.") from error
    except sa.exc.SQLAlchemyError as error:
        raise InputError(f"{quote(query)} cannot be read from {name} ({error}); correct the query.") from error
