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
    """A table of a database, or the rows of a query.

    The rows are streamed from a cursor of the server's. A password is taken from ``HEADRACE_SQL_PASSWORD`` unless the
    URL holds one; it is never shown or stored.

    Args:
        source: ``URL#TABLE``, ``URL#SCHEMA.TABLE`` or ``URL#SELECT ...``.

    Raises:
        InputError: If no table is named.
    """
    url, _, what = source.partition("#")
    name = without_secrets(url)
    if not what.strip():
        raise InputError(f"a table of a database must be named as URL#TABLE or URL#SELECT ...; got {name} instead.")
    return QuerySource(f"{name}#{what}", lambda: _rows(url, what, name))


def _rows(url: str, what: str, name: str) -> tuple[list[str], Generator[list[tuple[object, ...]]]]:
    engine = _engine(url, name)
    stack = contextlib.ExitStack()
    stack.callback(engine.dispose)
    with stack, _translate_errors(name, what):
        connection = stack.enter_context(engine.connect())
        options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
        if engine.dialect.name == "postgresql":
            options["postgresql_readonly"] = True
        result = connection.execution_options(**options).execute(_statement(what))
        names = [str(key) for key in result.keys()]  # noqa: SIM118 - not a mapping
        return names, _batches(result, stack.pop_all(), name, what)
    raise AssertionError  # pragma: no cover - the block returns or raises


def _batches(result: Any, stack: contextlib.ExitStack, name: str, what: str) -> Generator[list[tuple[object, ...]]]:
    with stack, _translate_errors(name, what):
        for rows in result.partitions(BATCH_ROWS):
            yield [tuple(row) for row in rows]


def _engine(url: str, name: str) -> Any:
    try:
        import sqlalchemy as sa  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise InputError("reading a database needs SQLAlchemy: pip install 'headrace[sql]'.") from error
    try:
        made = sa.make_url(url)
        if made.password is None and made.username and settings.sql_password():
            made = made.set(password=settings.sql_password())
        if made.get_backend_name() == "sqlite" and made.database not in {None, "", ":memory:"}:
            _check_sqlite(str(made.database))
        timed = made.get_backend_name() in {"postgresql", "mysql", "mariadb"}
        arguments = {"connect_timeout": CONNECT_SECONDS} if timed else {}
        engine = sa.create_engine(made, poolclass=sa.NullPool, connect_args=arguments)
    except sa.exc.NoSuchModuleError as error:
        raise InputError(
            f"{name} must be a path, or a URL with http, https, s3, or a database that SQLAlchemy knows; install its "
            f"dialect, or correct the URL."
        ) from error
    except sa.exc.ArgumentError as error:
        raise InputError(f"{name} is no URL that SQLAlchemy understands; correct it.") from error
    except ImportError as error:
        raise InputError(f"reading {name} needs the driver {error.name}: pip install 'headrace[sql]'.") from error
    return _as_written(engine)


def _as_written(engine: Any) -> Any:
    """The engine; one of psycopg reads every time that PostgreSQL has."""
    if engine.dialect.driver == "psycopg":
        import sqlalchemy as sa  # noqa: PLC0415 - an extra

        sa.event.listen(engine, "connect", lambda connection, _: allow_any_time(connection))
    return engine


def _check_sqlite(database: str) -> None:
    if not database.startswith("file:") and not Path(database).is_file():
        raise MissingError(f"there is no SQLite file {database}; correct the path.")


def _statement(what: str) -> Any:
    import sqlalchemy as sa  # noqa: PLC0415 - an extra

    if _SELECT.match(what):
        return sa.text(what.replace(":", r"\:"))
    schema, _, table = what.strip().rpartition(".")
    return sa.select(sa.text("*")).select_from(sa.table(table, schema=schema or None))


@contextlib.contextmanager
def _translate_errors(name: str, what: str) -> Iterator[None]:
    import sqlalchemy as sa  # noqa: PLC0415 - an extra

    try:
        yield
    except sa.exc.DBAPIError as error:
        said = str(error.orig).strip().splitlines()[0][:200] if str(error.orig).strip() else type(error.orig).__name__
        if error.connection_invalidated or not error.statement:
            raise StoreError(
                f"the database {name} cannot be reached ({said}); check that it runs, and the user and password."
            ) from error
        raise InputError(f"the database {name} cannot answer {quote(what)} ({said}); correct the query.") from error
    except sa.exc.SQLAlchemyError as error:
        raise InputError(f"{quote(what)} cannot be read from {name} ({error}); correct the query.") from error
