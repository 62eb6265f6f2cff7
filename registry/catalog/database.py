"""The database of the catalogue: SQLite in a file, or PostgreSQL; migrated to the latest schema when opened."""

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
# Alembic stores its current connection in module globals, so two threads would write into each other's database.
_ONE_AT_A_TIME = threading.Lock()
# Advisory lock of PostgreSQL, so that of several processes one migrates at a time.
_MIGRATION_LOCK = 7_318_349_394_477_056


class CatalogDatabase:
    """The database of a catalogue.

    Attributes:
        place: Its location.
    """

    def __init__(self, place: RegistryLocation) -> None:
        """Set the location; open nothing yet.

        Args:
            place: Location of the database.
        """
        self.place = place
        self._engine: sa.Engine | None = None

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection for reading; the database must exist.

        Raises:
            MissingError: If it does not.
            StoreError: If it cannot be reached or read, or has a newer schema.
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
        """Open a transaction, which commits at the end of the block or rolls back; create a missing file.

        Raises:
            StoreError: If it cannot be reached or written, or has a newer schema.
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
        """Create an empty catalogue atomically; if another process was faster, keep its file."""
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
        """Migrate the tables to the schema of this version."""
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
            reason = str(getattr(error, "orig", None) or error).strip()
            first_line = (reason.splitlines() or ["no reason given"])[0][:200]
            if "locked" in first_line or "deadlock" in first_line:
                raise BusyError(
                    f"the catalogue {self.place} is locked by another program: wait for it to end, then try again."
                ) from error
            sentence = (file_sentence(first_line) if self.place.path else "") or (
                f"cannot be used ({first_line}): check that it runs, its address, and HEADRACE_CATALOG_PASSWORD"
            )
            raise StoreError(f"the catalogue {self.place} {sentence}.") from error


def known_revisions() -> frozenset[str]:
    """Return the schema versions that this version of Headrace knows."""
    return frozenset(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def latest() -> str:
    """Return the latest schema version."""
    return max(known_revisions())


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[dict[str, Any]],
    *,
    keys: Sequence[str] = (),
    change: bool = True,
) -> None:
    """Insert rows; for a row with existing keys, change its other values, or leave it unchanged.

    Args:
        connection: The transaction.
        table: The table.
        rows: Rows with equal columns; may be empty.
        keys: Columns that are unique together; empty for any unique constraint, if ``change`` is False.
        change: Whether to change an existing row.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(list(rows))
    other_columns = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    if change and other_columns:
        connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=other_columns))
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
    """Leave transactions to SQLAlchemy: SQLite's driver begins them at the first write only, when it is too late."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_immediate(connection: sa.Connection) -> None:
    # A writer takes the lock at its beginning; upgrading a reader's lock would fail at once instead of waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _revision(connection: sa.Connection) -> str:
    """Return the schema version of the tables; empty if there are none."""
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
