"""Reads journals in a SQLite file of MLflow, without importing MLflow."""

import contextlib
import itertools
import operator
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
    """A ``JournalReader`` of a file."""

    def __init__(self, place: RegistryLocation) -> None:
        """Set the location; open nothing yet.

        Args:
            place: Location of the file.
        """
        self._place = place

    def journals(self) -> dict[str, list[str]]:
        """Return all journals that are not empty, by name."""
        return self._read(_QUERY, (JOURNAL_TAG,))

    def journal(self, name: str) -> list[str]:
        """Return the texts of one journal."""
        return self._read(f"{_QUERY} AND e.name = ?", (JOURNAL_TAG, name)).get(name, [])

    def check(self, *, write: bool = False) -> None:
        """Raise unless the file is a registry of a known version that can be read, or written.

        Raises:
            MissingError: If there is no such file.
            StoreError: If it is locked, read-only, damaged, or from another version of MLflow.
        """
        with self._connection() as connection:
            if write and not _writable(self._place.path):
                raise sqlite3.OperationalError("attempt to write a readonly database")
            if write:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")
            self._check_version(connection)

    def _read(self, query: str, values: tuple[str, ...]) -> dict[str, list[str]]:
        by_journal: dict[str, dict[str, str]] = defaultdict(dict)
        with self._connection() as connection:
            self._check_version(connection)
            for name, rows in itertools.groupby(connection.execute(query, values), operator.itemgetter(0)):
                by_journal[name].update((key, value) for _, key, value in rows)
        return {name: in_order(parameters, name) for name, parameters in by_journal.items()}

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        path = self._place.path
        if path is None or not path.exists():
            raise MissingError(
                f"there is no registry {self._place} yet; `headrace run` and `headrace registry register` make it, and "
                "--registry or HEADRACE_REGISTRY name another."
            )
        # Not mode=ro: whoever opens the file next must be able to roll back the transaction of a killed writer.
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
    """Return whether the file and its journal may be written; SQLite itself fails only in the middle of writing."""
    return path is not None and os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def known_revisions() -> frozenset[str]:
    """Return the schema versions of the installed MLflow, without importing it."""
    spec = find_spec("mlflow")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    return frozenset(
        path.name.partition("_")[0] for path in (folder / "store" / "db_migrations" / "versions").glob("*.py")
    )
