"""The database of the catalogue: SQLite in a file, or PostgreSQL; brought up to date when it is opened."""

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from headrace.core.base import settings
from headrace.core.base.errors import BusyError, HeadraceError, MissingError, StoreError
from headrace.registry.backends.errors import file_sentence
from headrace.registry.backends.locations import RegistryLocation

VERSION_TABLE = "catalog_version"
MIGRATIONS = Path(__file__).parents[1] / "migrations"
LOCK_SECONDS = 20
CONNECT_SECONDS = 10
# Alembic keeps what it works on in its modules, so that two threads would write into each other's database.
_ONE_AT_A_TIME = threading.Lock()
# Of the processes that write to PostgreSQL at once, one brings the tables up to date.
_MIGRATION_LOCK = 7_318_349_394_477_056


class CatalogDatabase:
    """A database of known form.

    Attributes:
        place: Where it is.
    """

    def __init__(self, place: RegistryLocation) -> None:
        """Prepare; nothing is opened yet.

        Args:
            place: Where the database is.
        """
        self.place = place
        self._engine: sa.Engine | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that reads; the database must exist.

        Raises:
            MissingError: If it does not.
            StoreError: If it cannot be reached or read, or is of another version.
        """
        if self.place.path and not self.place.path.exists():
            raise MissingError(
                f"there is no catalogue {self.place} yet; `headrace run` and `headrace catalog add` make it, and "
                "--catalog or HEADRACE_CATALOG name another."
            )
        with self._errors():
            self._update()
            with self._open_engine().connect() as connection:
                yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction: everything in the block is written, or nothing; a file that is not there is made.

        Raises:
            StoreError: If it cannot be reached or written, or is of another version.
        """
        if self.place.path and not self.place.path.exists():
            self._make(self.place.path)
        with self._errors():
            self._update()
            with self._open_engine().execution_options(writes=True).begin() as connection:
                yield connection

    def _open_engine(self) -> sa.Engine:
        if self._engine is None:
            self._engine = _engine(self.place)
        return self._engine

    def _make(self, path: Path) -> None:
        """Make an empty catalogue that is whole or absent; if someone else was quicker, theirs stays."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        except OSError as error:
            raise StoreError(
                f"cannot make the catalogue {path}: {error.strerror}; make its folder writable, or name another file."
            ) from error
        os.close(handle)
        part = Path(name)
        try:
            with self._errors():
                _upgrade(_engine(RegistryLocation(url=f"sqlite:///{part}", path=part)))
            part.chmod(0o644)
            with contextlib.suppress(FileExistsError):
                os.link(part, path)
        finally:
            part.unlink(missing_ok=True)

    def _update(self) -> None:
        """Bring the tables to the version of this headrace."""
        engine = self._open_engine()
        with engine.connect() as connection:
            current = _revision(connection)
        if current == latest():
            return
        if current and current not in known_revisions():
            raise StoreError(
                f"the catalogue {self.place} was made by a newer headrace (its tables are of version {current}): "
                "install that one."
            )
        if not current and self.place.path:
            raise StoreError(f"{self.place} is a database, but no catalogue of headrace: name another file.")
        _upgrade(engine)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except HeadraceError:
            raise
        except sa.exc.SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or error).strip()
            first = (said.splitlines() or ["no reason given"])[0][:200]
            if "locked" in first or "deadlock" in first:
                raise BusyError(
                    f"the catalogue {self.place} is locked by another program: wait for it to end, then try again."
                ) from error
            sentence = (file_sentence(first) if self.place.path else "") or (
                f"cannot be used ({first}): check that it runs, its address, and HEADRACE_CATALOG_PASSWORD"
            )
            raise StoreError(f"the catalogue {self.place} {sentence}.") from error


def known_revisions() -> frozenset[str]:
    """Versions of the tables that this headrace knows."""
    return frozenset(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def latest() -> str:
    """The latest of them."""
    return max(known_revisions())


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[dict[str, Any]],
    *,
    keys: Sequence[str] = (),
    change: bool = True,
) -> None:
    """Insert rows; where one with the same keys is there, change its other values, or leave it as it is.

    Args:
        connection: The transaction.
        table: The table.
        rows: Rows of equal columns; none is no error.
        keys: Columns that are unique together; none for whatever is unique, if nothing is to be changed.
        change: Whether a row that is there is changed.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(list(rows))
    others = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    if change and others:
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=others))
    else:
        connection.execute(statement.on_conflict_do_nothing(index_elements=list(keys) or None))


def _engine(place: RegistryLocation) -> sa.Engine:
    url = sa.make_url(place.url)
    if place.path:
        engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"timeout": LOCK_SECONDS})
        sa.event.listen(engine, "connect", _own_transactions)
        sa.event.listen(engine, "begin", _begin_immediate)
        return engine
    if settings.catalog_password():
        url = url.set(password=settings.catalog_password())
    try:
        return sa.create_engine(url, poolclass=sa.NullPool, connect_args={"connect_timeout": CONNECT_SECONDS})
    except ImportError as error:
        raise StoreError(f"the catalogue {place} needs a driver: pip install 'headrace[sql]'.") from error


def _own_transactions(connection: Any, _: Any) -> None:
    """Leave transactions to SQLAlchemy: SQLite's driver begins them too late, so that two writers meet half-way."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _revision(connection: sa.Connection) -> str:
    """Version of the tables; empty where there are none."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return ""
    return str(connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or "")  # noqa: S608


def _upgrade(engine: sa.Engine) -> None:
    from alembic import command  # noqa: PLC0415 - 0.4 s that only an old or a new database needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = VERSION_TABLE
    with _ONE_AT_A_TIME, engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
