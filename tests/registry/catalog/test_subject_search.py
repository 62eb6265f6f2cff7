"""Where rows of people lie."""

import json
from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.core.tables.pseudonyms import hashed_text
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog import schema
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.subject_search import SubjectKeys, SubjectLocation, search
from headrace.registry.catalog.text_search import matches
from headrace.registry.catalog.writes import add_inquiry, add_places
from headrace.registry.record import record_table
from tests import fork_server
from tests.conftest import headrace

ANN, BOB = "ann@example.org", "bob@example.org"


def _people(path: Path) -> Path:
    rows = [f"{i},p{i}@example.org,{20 + i % 50},{'yes' if i % 50 > 20 else 'no'}" for i in range(118)]
    rows += [f"118,{ANN},41,yes", f"119,{BOB},23,no"]
    path.write_text("id,email,age,churn\n" + "\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on a table with e-mail addresses, which are dropped after ingest."""
    folder = tmp_path_factory.mktemp("people")
    table = _people(folder / "people.csv")
    ended = headrace(
        *("run", str(table), "--target", "churn", "--budget", "1", "--families", "logistic", "--id-column", "id"),
        *("--output", str(folder / "out")),
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "out"


def _found(run: Path, *values: str, column: str = "email", logs: tuple[Path, ...] = ()) -> list[SubjectLocation]:
    return list(
        search(CatalogDatabase(catalog_location(str(run / "catalog.db"))), SubjectKeys(column, values), logs=logs)
    )


def test_every_place_with_a_persons_rows_is_found(run: Path) -> None:
    """The source and the ingested table hold the row; the tables without the column, and the bundle, are told of."""
    found = _found(run, ANN)
    assert [(place.kind, place.rows) for place in found if place.kind == "source"] == [("source", 1)]
    tables = {Path(place.address).name: place for place in found if place.kind == "table"}
    assert tables["table"].rows == 1
    assert "without the column" in tables["valid_table"].note
    trained = [place for place in found if place.kind == "bundle" and "trained" in place.note]
    assert [Path(place.address) for place in trained] == [run / "bundle"]


def test_a_column_that_is_kept_is_followed_to_the_end(run: Path) -> None:
    """An id is in the training or the test part; a test case of that row has its values, whatever it lacks."""
    parts = {}
    for key in range(120):
        found = _found(run, str(key), column="id")
        tables = {Path(place.address).name for place in found if place.kind == "table" and place.rows}
        parts[key] = "test" if "test_table" in tables else "train"
        assert ("train_table" in tables) != ("test_table" in tables), key
        if parts[key] == "test" and any("test cases" in place.note for place in found):
            break
    else:
        pytest.fail("no test row was found among the test cases")


def test_nobody_is_found_where_nobody_is(run: Path) -> None:
    """A key that no table holds leads nowhere."""
    assert _found(run, "nobody@example.org") == []


def test_hashed_keys_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that was hashed at ingest is searched by the same hash; the key stays unseen."""
    monkeypatch.setenv("HEADRACE_HASH_KEY", "pepper")
    import polars as pl

    home = tmp_path / "run"
    (home / "steps" / "table").mkdir(parents=True)
    hashed = hashed_text(ANN, key=b"pepper")
    pl.DataFrame({"email": [hashed, "x"]}).write_parquet(home / "steps" / "table" / "part-00000.parquet")
    database = CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    add_places(database, [str(home)], kind="run")
    (place,) = search(database, SubjectKeys("email", [ANN]))
    assert (place.kind, place.rows) == ("table", 1)


def test_logs_are_searched_too(run: Path, tmp_path: Path) -> None:
    """As a word, or as the column's value in JSON; a short key only beside its column."""
    log = tmp_path / "server.log"
    log.write_text(f'GET /x {ANN}\nx{ANN}x\n{{"id": 7, "age": 3}}\n{{"id": 77}}\n7 of 9\n')
    assert matches(log, column="email", values=[ANN]) == 1
    assert matches(log, column="id", values=["7"]) == 1
    found = _found(run, ANN, logs=(log, tmp_path / "gone.log"))
    told = {place.address: place for place in found if place.kind == "log"}
    assert told[str(log)].rows == 1
    assert "no such file" in told[str(tmp_path / "gone.log")].note


def test_what_cannot_be_looked_at_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that is gone and a cluster's table without a store are in the list, with the reason."""
    database = CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    monkeypatch.setenv("HEADRACE_CATALOG", str(database.place.path))
    table = _people(tmp_path / "people.csv")
    from headrace.core.readers.ingest import ingest_table
    from headrace.stores.sources.open_source import open_source

    facts = ingest_table(open_source(str(table)), folder=tmp_path / "table")
    record_table(facts, folder=tmp_path / "table", uri="minio://mlpipeline/v2/artifacts/x/table")
    table.unlink()
    found = list(search(database, SubjectKeys("email", [ANN])))
    assert [(place.kind, place.rows) for place in found] == [("source", 0), ("table", 0)]
    assert all(place.note.startswith("could not be read") for place in found)
    assert list(search(database, SubjectKeys("email", [ANN]), sources=False)) == found[1:]


def test_an_inquiry_is_recorded_without_its_keys(tmp_path: Path) -> None:
    """Who asked, when, and by which column; no byte of the catalogue holds the key."""
    database = CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    add_inquiry(database, person="officer", column="email", keys=1, found=3)
    with database.reading() as connection:
        (row,) = connection.execute(schema.inquiries.select()).mappings()
    assert (row["person"], row["column_name"], row["keys"], row["found"]) == ("officer", "email", 1, 3)


def test_keys_must_be_given() -> None:
    """None at all, and too many, are refused."""
    for values in ([], ["", "  "], [str(i) for i in range(10_001)]):
        with pytest.raises(InputError, match="1 to 10000 keys"):
            SubjectKeys("email", values)


def test_the_command_reads_keys_from_standard_input_and_shows_none(run: Path, tmp_path: Path) -> None:
    """No output, no file of the catalogue, and no event holds the key; unknown people are no error."""
    import subprocess

    command = [fork_server.python(), "-m", "headrace.cli.main", "catalog", "whereis", "--column", "email"]
    command += ["--catalog", str(run / "catalog.db")]
    for more in ([], ["--json"]):
        ended = subprocess.run([*command, *more], input=f"{ANN}\n{BOB}\n", capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert "example.org" not in ended.stdout + ended.stderr
    places = json.loads(ended.stdout)
    assert [place["rows"] for place in places if place["kind"] == "source"] == [2]
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{ANN}\n")
    place = ("--catalog", str(run / "catalog.db"))
    told = headrace("catalog", "whereis", "--column", "email", "--keys", str(keys), *place)
    assert "places hold rows of 1 people" in told.stdout
    for path in (run / "catalog.db", run / "lineage.jsonl", run / "registry.db"):
        assert ANN.encode() not in path.read_bytes()
    empty = subprocess.run(command, input="", capture_output=True, text=True, check=False)
    assert empty.returncode == 2
    assert "1 to 10000 keys" in empty.stderr
