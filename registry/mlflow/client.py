"""Connects MLflow's client to a registry, and creates the file of a new SQLite registry."""

import contextlib
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.base import settings
from headrace.core.base.errors import StoreError
from headrace.registry.backends.errors import mlflow_errors
from headrace.registry.backends.locations import RegistryLocation
from headrace.registry.mlflow.sqlite_reader import SqliteJournalReader

if TYPE_CHECKING:
    from mlflow import MlflowClient

# These log migrations and the traceback of every failed statement; our errors say the same in one sentence.
_LOUD = ("mlflow", "alembic")


def connect(place: RegistryLocation) -> "MlflowClient":
    """Return a client of the registry; create a missing SQLite file.

    Args:
        place: Location of the registry.

    Raises:
        StoreError: If it cannot be reached, read or written, or is from another version of MLflow.
    """
    settings.before_mlflow()
    from mlflow import MlflowClient  # noqa: PLC0415 - takes more than a second, and readers need none

    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if place.path:
        if not place.path.exists():
            _make(place.path)
        SqliteJournalReader(place).check(write=True)
    with mlflow_errors(place):
        return MlflowClient(tracking_uri=place.url, registry_uri=place.url)


def artifact_location(place: RegistryLocation, name: str) -> str | None:
    """Return where to store the files of an experiment's runs; None to let the server decide."""
    return (place.path.with_name(f"{place.path.stem}-files") / name).as_uri() if place.path else None


def _make(path: Path) -> None:
    """Create an empty registry atomically; if another process was faster, keep its file."""
    from mlflow import MlflowClient  # noqa: PLC0415 - as above

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise StoreError(
            f"cannot make the registry {path}: {error.strerror}; make its folder writable, or name another file."
        ) from error
    os.close(handle)
    part = Path(name)
    try:
        with _sync_once(part), mlflow_errors(RegistryLocation(url=f"sqlite:///{part}", path=path)):
            MlflowClient(tracking_uri=f"sqlite:///{part}", registry_uri=f"sqlite:///{part}").search_experiments()
        part.chmod(0o644)
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _sync_once(path: Path) -> Iterator[None]:
    """Write the SQLite file ``path`` through to the disk once, after the block, instead of after each transaction.

    MLflow creates its tables by dozens of migrations, each of which would wait for the disk. The file has no name yet
    that anyone opens, so that nobody needs what a crash would leave of it.
    """
    from sqlalchemy import Engine, event  # noqa: PLC0415 - readers need none

    def set_pragma(connection: object, _: object) -> None:
        # Engines of other databases may connect in other threads meanwhile.
        if not isinstance(connection, sqlite3.Connection):
            return
        ((_, _, name), *_) = connection.execute("PRAGMA database_list").fetchall()
        if name and Path(name).resolve() == path.resolve():
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", set_pragma)
    try:
        yield
    finally:
        event.remove(Engine, "connect", set_pragma)
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
