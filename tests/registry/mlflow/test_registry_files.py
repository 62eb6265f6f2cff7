"""Registries and catalogues that cannot be used: one sentence, and nothing is changed."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.core.base.errors import BusyError, HeadraceError, MissingError, StoreError
from headrace.core.runtime.processes import free_port
from headrace.registry.backends.locations import catalog_location, registry_location
from headrace.registry.catalog import queries, writes
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.mlflow import sqlite_reader
from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.mlflow.sqlite_reader import SqliteJournalReader
from tests.registry.made import variant


@pytest.fixture(scope="module")
def template(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with one version, made once."""
    folder = tmp_path_factory.mktemp("template")
    open_registry(str(folder / "registry.db")).register(variant(bundle, folder / "bundle"), by="ann")
    return folder / "registry.db"


@pytest.fixture
def used(template: Path, tmp_path: Path) -> MlflowRegistry:
    """A registry in a file of its own, with one version."""
    (tmp_path / "own").mkdir(exist_ok=True)
    return open_registry(str(shutil.copy(template, tmp_path / "own" / "registry.db")))


@pytest.fixture
def known(tmp_path: Path) -> CatalogDatabase:
    """A catalogue in a file of its own, with one table."""
    database = CatalogDatabase(catalog_location(str(tmp_path / "own" / "catalog.db")))
    writes.add_table(database, writes.ObservedTable("t.csv", "aa"))
    return database


def _refused(call: Callable[[], object], kind: type[HeadraceError], *says: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    text = str(caught.value)
    assert "\n" not in text
    assert text.endswith(".")
    for part in says:
        assert part in text


def test_a_registry_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    """Reading makes nothing; neither does a promotion."""
    registry = open_registry(str(tmp_path / "none.db"))
    _refused(registry.models, MissingError, "there is no registry", "none.db", "headrace run")
    _refused(lambda: registry.promote("m", "1.0.0", stage="staging", by="ann"), MissingError, "none.db")
    database = CatalogDatabase(catalog_location(str(tmp_path / "none2.db")))
    _refused(lambda: queries.search(database), MissingError, "there is no catalogue", "none2.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\x00" + b"\x00" * 100, b""])
def test_a_file_that_is_no_registry_is_left_alone(content: bytes, tmp_path: Path) -> None:
    """It is neither read as one nor written to."""
    path = tmp_path / "file.db"
    path.write_bytes(content)
    _refused(open_registry(str(path)).models, StoreError, "file.db")
    _refused(lambda: queries.search(CatalogDatabase(catalog_location(str(path)))), StoreError, "file.db")
    assert path.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    """A SQLite file with other tables is no registry and no catalogue."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    _refused(open_registry(str(path)).models, StoreError, "must be a database of MLflow")
    database = CatalogDatabase(catalog_location(str(path)))
    _refused(lambda: queries.search(database), StoreError, "no catalogue of headrace")
    _refused(lambda: writes.add_table(database, writes.ObservedTable("t", "a")), StoreError, "no catalogue")
    assert path.read_bytes() == before


def _set(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(statement)
    connection.close()


def test_a_registry_from_the_future_is_told(used: MlflowRegistry) -> None:
    """A schema that the installed MLflow does not know is not touched."""
    assert used.place.path
    _set(used.place.path, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    _refused(used.models, StoreError, "made by a newer MLflow", "ffffffffffff")
    _refused(lambda: used.approve("customers", "1.0.0", by="b", reason="r"), StoreError, "newer MLflow")


def test_a_catalogue_from_the_future_is_told(known: CatalogDatabase) -> None:
    """Tables of a version that this headrace does not know are not touched."""
    assert known.place.path
    _set(known.place.path, "UPDATE catalog_version SET version_num = '9999'")
    _refused(lambda: queries.search(known), StoreError, "made by a newer headrace", "9999")


def test_a_locked_file_is_told(used: MlflowRegistry, known: CatalogDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever cannot read or write because another program holds the file says so, and does not wait for ever."""
    monkeypatch.setattr(sqlite_reader, "LOCK_SECONDS", 0.3)
    monkeypatch.setattr("headrace.registry.catalog.database.LOCK_SECONDS", 0.3)
    assert used.place.path
    assert known.place.path
    held = [sqlite3.connect(path, isolation_level=None) for path in (used.place.path, known.place.path)]
    try:
        for connection in held:
            connection.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        _refused(used.models, StoreError, "is locked by another program")
        _refused(SqliteJournalReader(used.place).check, StoreError, "is locked by another program")
        fresh = CatalogDatabase(known.place)
        _refused(lambda: queries.search(fresh), BusyError, "is locked by another program")
        assert time.monotonic() - began < 20
    finally:
        for connection in held:
            connection.close()
    assert [state.model for state in used.models()] == ["customers"]
    assert [table.name for table in queries.search(known)] == ["t"]


# Python may lie where nobody else may read: everything is imported before the rights are given up.
_AS_NOBODY = """
import os, sys
import alembic.command, mlflow.store.db.utils, mlflow.tracking, sqlalchemy.dialects.sqlite
import mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store
from headrace.core.base.errors import StoreError
from headrace.registry.mlflow.registry import open_registry
from headrace.registry.catalog import writes
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.backends.locations import catalog_location
from headrace.registry.mlflow.sqlite_reader import known_revisions
known_revisions()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
registry, catalog = open_registry(sys.argv[1]), CatalogDatabase(catalog_location(sys.argv[2]))
print(registry.models()[0].model)
for call in (
    lambda: registry.approve("customers", "1.0.0", by="b", reason="r"),
    lambda: writes.add_table(catalog, writes.ObservedTable("u.csv", "bb")),
):
    try:
        call()
    except StoreError as error:
        print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without rights")
def test_a_read_only_file_is_read_and_not_written(used: MlflowRegistry, known: CatalogDatabase) -> None:
    """Somebody without the right to write sees the models, and is told what is missing when writing."""
    assert used.place.path
    assert known.place.path
    with tempfile.TemporaryDirectory(prefix="headrace-") as name:  # pytest's own folders are closed to others
        folder = Path(name)
        for path in (used.place.path, known.place.path):
            shutil.copy(path, folder / path.name)
        folder.chmod(0o755)
        places = [str(folder / path.name) for path in (used.place.path, known.place.path)]
        ended = subprocess.run(
            [sys.executable, "-c", _AS_NOBODY, *places],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "HOME": name},
        )
    lines = ended.stdout.splitlines()
    assert lines[:1] == ["customers"], ended.stderr
    assert len(lines) == 3, ended.stdout + ended.stderr
    assert ["is read-only" in line for line in lines[1:]] == [True, True], lines


def test_a_server_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of asking say that it is not reachable, within seconds."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = open_registry(f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    _refused(registry.models, StoreError, "is not reachable", "HEADRACE_REGISTRY")
    _refused(lambda: registry.model("m"), StoreError, "is not reachable")
    assert time.monotonic() - began < 20


def test_a_half_made_file_is_never_seen(tmp_path: Path) -> None:
    """A process that is killed while it makes a registry leaves nothing under the registry's name."""
    place = tmp_path / "registry.db"
    script = (
        "import sys\nfrom headrace.registry.mlflow import client\n"
        "from headrace.registry.backends.locations import registry_location\n"
        "client.connect(registry_location(sys.argv[1]))\n"
    )
    started = subprocess.Popen([sys.executable, "-c", script, str(place)])
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob(".registry.db.*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started.kill()
    started.wait()
    assert not place.exists() or SqliteJournalReader(registry_location(str(place))).journals() == {}
