"""Journals in an MLflow database that is a SQLite file, read by SQLite alone."""

import contextlib
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from headrace.core.base.errors import MissingError, StoreError
from headrace.registry.backends.errors import sqlite_errors
from headrace.registry.backends.locations import RegistryLocation
from headrace.registry.mlflow.base import JOURNAL_TAG, in_order

LOCK_SECONDS = 10.0
_QUERY = """
SELECT e.name, p.key, p.value FROM experiments e
JOIN experiment_tags t ON t.experiment_id = e.experiment_id AND t.key = ?
JOIN params p ON p.run_uuid = t.value
WHERE e.lifecycle_stage = 'active'
"""


class SqliteJournalReader:
    """A ``Reader`` of a file."""

    def __init__(self, place: RegistryLocation) -> None:
        """Prepare to read; nothing is opened yet.

        Args:
            place: Where the file is.
        """
        self._place = place

    def journals(self) -> dict[str, list[str]]:
        """All journals that hold something, by name."""
        return self._read(_QUERY, (JOURNAL_TAG,))

    def journal(self, name: str) -> list[str]:
        """One journal."""
        return self._read(f"{_QUERY} AND e.name = ?", (JOURNAL_TAG, name)).get(name, [])

    def check(self, *, write: bool = False) -> None:
        """See that the file is a registry of a known version, and can be read, or written.

        Raises:
            MissingError: If there is no such file.
            StoreError: If it is locked, read-only, damaged, or of another version of MLflow.
        """
        with self._connection() as connection:
            if write and not _writable(self._place.path):
                raise sqlite3.OperationalError("attempt to write a readonly database")
            if write:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            self._check_version(connection)

    def _read(self, query: str, values: tuple[str, ...]) -> dict[str, list[str]]:
        found: dict[str, dict[str, str]] = defaultdict(dict)
        with self._connection() as connection:
            self._check_version(connection)
            for name, key, value in connection.execute(query, values):
                found[name][key] = value
        return {name: in_order(parameters, name) for name, parameters in found.items()}

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        path = self._place.path
        if path is None or not path.exists():
            raise MissingError(
                f"there is no registry {self._place} yet; `headrace run` and `headrace registry register` make it, and "
                "--registry or HEADRACE_REGISTRY name another."
            )
        # Not read-only: what a killed writer left behind must be rolled back by the next who opens the file.
        address = f"file:{quote(str(path))}?mode=rw"
        with (
            sqlite_errors("registry", self._place),
            contextlib.closing(
                sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS, isolation_level=None)
            ) as connection,
        ):
            yield connection

    def _check_version(self, connection: sqlite3.Connection) -> None:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "params", "experiment_tags"} <= tables:
            raise StoreError(
                f"the registry {self._place} must be a database of MLflow; it is another: name another file."
            )
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("none",)
        if revision not in known_revisions():
            raise StoreError(
                f"the registry {self._place} was made by a newer MLflow (its schema is {revision}): install that one."
            )


def _writable(path: Path | None) -> bool:
    """Whether the file, and its journal beside it, may be written; SQLite tells that only in the middle of writing."""
    return path is not None and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def known_revisions() -> frozenset[str]:
    """Schemas that the installed MLflow knows, found without importing it."""
    spec = find_spec("mlflow")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    return frozenset(
        path.name.partition("_")[0] for path in (folder / "store" / "db_migrations" / "versions").glob("*.py")
    )
