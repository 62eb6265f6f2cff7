"""What the catalogue knows, over a SQLite file and over a real PostgreSQL."""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.core.contracts.contract import Column
from headrace.core.tables.source import ReadOptions
from headrace.core.validation.data_checks import BrokenRule, CheckedColumn, CheckedCounts, DataChecks
from headrace.registry.add_source import add_source
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog import queries, schema, writes
from headrace.registry.catalog.annotations import describe, set_tags
from headrace.registry.catalog.database import CatalogDatabase, known_revisions, latest
from headrace.registry.catalog.queries import TableQuery
from headrace.registry.catalog.writes import (
    BundleRun,
    CheckFigure,
    ObservedTable,
    add_checks,
    add_endpoint,
    add_run,
    add_table,
    end_endpoint,
    list_figures,
    table_name,
)
from tests.real.postgresql import Postgres, postgres_server

_COLUMNS = (
    Column("e-mail", "string", "ignore", "How to reach them", personal="drop"),
    Column("age", "integer", unit="years"),
)

_RUN = BundleRun("run-1", "churn", "ann", "d1", "promote", "1.0.0", "s3://m/1/")


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    """A real PostgreSQL."""
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CatalogDatabase:
    """Each kind of catalogue, empty."""
    if request.param == "file":
        return CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    server: Postgres = request.getfixturevalue("server")
    name = f"c{secrets.token_hex(6)}"
    engine = sa.create_engine(sa.make_url(server.url).set(password=server.password), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    monkeypatch.setenv("HEADRACE_CATALOG_PASSWORD", server.password)
    return CatalogDatabase(catalog_location(server.url.replace("+psycopg", "").replace("/postgres", f"/{name}")))


def _names(database: CatalogDatabase, **wish: Any) -> list[str]:
    return sorted(table.name for table in queries.search(database, TableQuery(**wish)))


def test_the_migrations_make_what_the_code_asks_for(database: CatalogDatabase) -> None:
    """Tables and columns of the migrations are those of the code, whatever the database."""
    add_table(database, ObservedTable("t.csv", "aa"))
    with database.reading() as connection:
        inspector = sa.inspect(connection)
        for table in schema.metadata.sorted_tables:
            found = {column["name"]: bool(column["nullable"]) for column in inspector.get_columns(table.name)}
            assert found == {column.name: bool(column.nullable) for column in table.columns}, table.name
            assert set(inspector.get_pk_constraint(table.name)["constrained_columns"]) == set(
                table.primary_key.columns.keys()
            )
            unique = {tuple(sorted(found["column_names"])) for found in inspector.get_unique_constraints(table.name)}
            wanted = {(c.name,) for c in table.columns if c.unique}
            wanted |= {tuple(sorted(c.columns.keys())) for c in table.constraints if isinstance(c, sa.UniqueConstraint)}
            assert unique == {names for names in wanted if names != ("id",)}, table.name
    assert latest() in known_revisions()


def test_a_table_is_known_with_its_versions(database: CatalogDatabase) -> None:
    """Reading it again adds nothing; other bytes are another version; the latest columns are shown."""
    assert add_table(database, ObservedTable("/data/people.csv", "aa", 10, 100, (("age", "string"),))) == "people"
    assert add_table(database, ObservedTable("/data/people.csv", "aa", 10, 100, (("age", "string"),))) == "people"
    assert (
        add_table(database, ObservedTable("/data/people.csv", "bb", 11, 110, (("age", "string"), ("city", "string"))))
        == "people"
    )
    found = queries.table(database, "people")
    assert [(version.digest, version.rows, version.bytes) for version in found.versions] == [
        ("aa", 10, 100),
        ("bb", 11, 110),
    ]
    assert [column.name for column in found.columns] == ["age", "city"]
    assert queries.table(database, "/data/people.csv") == found
    assert found.kind == "csv"


def test_two_sources_of_one_name_get_two(database: CatalogDatabase) -> None:
    """A name means one table."""
    assert add_table(database, ObservedTable("/a/people.csv", "aa")) == "people"
    assert add_table(database, ObservedTable("/b/people.csv", "bb")) == "people-2"


def test_checks_are_kept_over_time(database: CatalogDatabase) -> None:
    """What the contract says of the columns is shown; each check adds its figures."""
    seen = ObservedTable("s3://lake/people/", "aa", 100)
    add_table(database, ObservedTable("s3://lake/people/", "aa", 100, 1, (("e-mail", "string"), ("age", "string"))))
    checks = DataChecks(
        rows=CheckedCounts(100, 97, 3),
        rules=(BrokenRule("range", "age", "quarantine", 3, (), "age must be above 0.", holds=False),),
        class_balance={},
        columns={"age": CheckedColumn("integer", "feature", 25, 0.25)},
        notes=(),
    )
    add_checks(database, seen, columns=_COLUMNS, figures=list_figures(checks))
    add_checks(database, seen, columns=_COLUMNS, figures=[CheckFigure("rows read", "", 100.0)])
    found = queries.table(database, "people")
    assert found.personal == ("e-mail",)
    assert {column.name: (column.dtype, column.unit) for column in found.columns} == {
        "e-mail": ("string", ""),
        "age": ("integer", "years"),
    }
    figures = [(figure.name, figure.subject, figure.value) for figure in queries.quality(database, found)]
    assert figures == [
        ("rows read", "", 100),
        ("rows valid", "", 97),
        ("rows quarantined", "", 3),
        ("missing share", "age", 0.25),
        ("broken range", "age", 3),
        ("rows read", "", 100),
    ]


def test_tables_are_found_by_word_tag_owner_type_and_date(
    database: CatalogDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words are looked for everywhere and must all be there; signs of SQL are letters like others."""
    monkeypatch.setattr(writes, "now", lambda: "2026-01-31T23:59:59+00:00")
    add_table(database, ObservedTable("/data/people.csv", "aa", columns=(("E-Mail", "string"),)))
    add_checks(database, ObservedTable("/data/people.csv", "aa"), columns=_COLUMNS, figures=[])
    add_table(database, ObservedTable("postgresql://db/shop#orders", "bb", columns=(("placed", "datetime"),)))
    add_table(database, ObservedTable("/data/100%_sure.parquet", "cc"))
    describe(database, "people", owner="Marketing", description="Everyone who ever bought", licence="internal")
    set_tags(database, "people", add=["gold", "quarterly"])
    assert _names(database) == ["100-sure", "orders", "people"]
    assert _names(database, words=("MARKETING", "bought")) == ["people"]
    assert _names(database, words=("e-mail",)) == ["people"]
    assert _names(database, words=("reach",)) == ["people"]
    assert _names(database, words=("gold",)) == _names(database, tags=("gold", "quarterly")) == ["people"]
    assert _names(database, tags=("gold", "none")) == []
    assert _names(database, owner="marketing") == ["people"]
    assert _names(database, type="sql") == ["orders"]
    assert _names(database, type="integer") == ["people"]
    assert _names(database, words=("%",)) == _names(database, words=("100%_",)) == ["100-sure"]
    for text in ("'; DROP TABLE catalog_tables; --", "\\", "' OR 1=1", "_____________________"):
        assert _names(database, words=(text,)) == []
    assert len(_names(database, since="2026-01-31", until="2026-01-31")) == 3
    assert _names(database, since="2026-02-01") == _names(database, until="2026-01-30") == []
    with pytest.raises(InputError, match="--since must be a day such as 2026-01-31"):
        TableQuery(since="yesterday")


def test_a_page_of_a_search_says_how_many_there_are(database: CatalogDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages together are the whole search, whatever it asks for; a page after the last one is empty."""
    for number in range(7):
        monkeypatch.setattr(writes, "now", lambda number=number: f"2026-01-0{number + 1}T00:00:00+00:00")
        add_table(database, ObservedTable(f"/d/t{number}.csv", f"d{number}", columns=(("age", "integer"),)))
        describe(database, f"t{number}", retention_days=(1, 10_000, None)[number % 3])
    for query, found in ((None, 7), (TableQuery(words=("AGE",)), 7), (TableQuery(expired=True), 3)):
        whole = queries.search(database, query)
        assert len(whole) == found
        pages = [queries.search_page(database, query, limit=2, skip=skip) for skip in (0, 2, 4, 6, 8)]
        assert [table for tables, _ in pages for table in tables] == whole
        assert {total for _, total in pages} == {found}
    assert {table.name for table in queries.search(database, TableQuery(expired=True))} == {
        table.name for table in queries.search(database) if table.list_expired()
    }


def test_a_search_sees_each_change_at_once(database: CatalogDatabase) -> None:
    """A word that is taken away is found no more; the dtypes are those of the version that was read last."""
    add_table(database, ObservedTable("/d/t.csv", "aa", columns=(("ÄRZTE", "integer"),)))
    set_tags(database, "t", add=["gold"])
    describe(database, "t", description="old")
    assert _names(database, words=("ärzte", "Gold", "old")) == ["t"]
    describe(database, "t", description="new", name="u")
    set_tags(database, "u", remove=["gold"])
    assert _names(database, words=("old",)) == _names(database, words=("gold",)) == []
    assert _names(database, words=("new",)) == ["u"]
    add_table(database, ObservedTable("/d/t.csv", "bb", columns=(("ÄRZTE", "string"),)))
    assert (_names(database, type="integer"), _names(database, type="string")) == ([], ["u"])


def test_a_catalogue_of_the_first_schema_is_searched(tmp_path: Path) -> None:
    """Its migration writes what each write has written since."""
    database = CatalogDatabase(catalog_location(str(tmp_path / "catalog.db")))
    for name in ("a", "b"):
        add_table(database, ObservedTable(f"/d/{name}.csv", name, columns=(("age", "integer"),)))
    with database.writing() as connection:
        rows = connection.execute(sa.select(schema.search)).all()
        schema.search.drop(connection)
        for index in sa.inspect(connection).get_indexes("catalog_tables"):
            connection.execute(sa.text(f"DROP INDEX {index['name']}"))
        for name in ("tags_by_tag", "versions_by_digest", "runs_by_model", "uses_by_version"):
            connection.execute(sa.text(f"DROP INDEX catalog_{name}"))
        connection.execute(sa.text("UPDATE catalog_version SET version_num = '0001'"))
    again = CatalogDatabase(database.place)
    assert _names(again, type="integer") == ["a", "b"]
    with again.reading() as connection:
        assert connection.execute(sa.select(schema.search)).all() == rows


def test_the_latest_runs_alone_are_read(database: CatalogDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a model or of a table, in their order; the number of all is known."""
    for number in range(5):
        monkeypatch.setattr(writes, "now", lambda number=number: f"2026-01-0{number + 1}T00:00:00+00:00")
        run = BundleRun(f"run-{number}", "churn" if number else "other", "ann", f"d{number}")
        add_run(database, run, used=ObservedTable("/d/t.csv", "aa"))
    table = queries.table(database, "t")
    assert [use.run for use in queries.uses(database, model="churn", latest_runs=2)] == ["run-3", "run-4"]
    assert [use.run for use in queries.uses(database, table=table, latest_runs=3)] == ["run-2", "run-3", "run-4"]
    assert (queries.count_runs(database, model="churn"), queries.count_runs(database, table=table)) == (4, 5)


def test_people_say_what_no_run_knows(database: CatalogDatabase) -> None:
    """Owner, licence, retention and name are set; a taken name and an unknown table are refused."""
    add_table(database, ObservedTable("a.csv", "aa"))
    add_table(database, ObservedTable("b.csv", "bb"))
    describe(database, "a", owner="ann", retention_days=30, name="first")
    found = queries.table(database, "first")
    assert (found.owner, found.retention_days) == ("ann", 30)
    assert found.list_expired() == ()
    assert len(found.list_expired(datetime.now(UTC) + timedelta(days=31))) == 1
    set_tags(database, "first", add=["x", "y", "x"])
    set_tags(database, "first", remove=["y"])
    assert queries.table(database, "first").tags == ("x",)
    with pytest.raises(InputError, match="has a table 'b' already"):
        describe(database, "first", name="b")
    with pytest.raises(MissingError, match=r"no table 'c' .* it has"):
        describe(database, "c", owner="x")


def test_what_was_made_of_a_table_is_known(database: CatalogDatabase) -> None:
    """Runs, bundles and endpoints hang on the version that they used, not on the table's name."""
    add_table(database, ObservedTable("/data/people.csv", "aa", 10))
    add_table(database, ObservedTable("/data/people.csv", "bb", 11))
    add_run(database, _RUN, used=ObservedTable("people.csv", "aa"))
    add_run(database, BundleRun("run-2", "churn", "bob", "d2", "reject"), used=ObservedTable("people.csv", "bb"))
    add_run(database, _RUN, used=ObservedTable("people.csv", "aa"))
    add_endpoint(database, url="http://h/v1/models/churn:predict", digest="d1", verified=True)
    end_endpoint(database, url="http://h/v1/models/churn:predict", digest="d1")
    found = queries.uses(database, table=queries.table(database, "people"))
    assert [(use.run, use.digest, use.bundle, use.version) for use in found] == [
        ("run-1", "aa", "d1", "1.0.0"),
        ("run-2", "bb", "d2", ""),
    ]
    (endpoint,) = found[0].endpoints
    assert endpoint["verified"]
    assert endpoint["ended"]
    assert queries.uses(database, model="churn") == found
    assert queries.uses(database, bundle="d2") == found[1:]


def test_a_run_on_a_table_that_nobody_has_told_of_adds_it(database: CatalogDatabase) -> None:
    """A catalogue that was set later than the table was read still has the edge."""
    add_run(database, BundleRun("run-1", "churn", "ann", "d1"), used=ObservedTable("people.csv", "zz", 5))
    (use,) = queries.uses(database, model="churn")
    assert (use.source, use.rows) == ("people.csv", 5)


def test_writers_at_once_lose_nothing(database: CatalogDatabase) -> None:
    """Threads on a catalogue that does not exist yet write every table, version and run."""

    def work(number: int) -> None:
        own = CatalogDatabase(database.place)
        add_table(own, ObservedTable("/data/same.csv", f"digest-{number % 3}", number))
        add_table(own, ObservedTable(f"/data/{number}/own.csv", "aa"))
        add_run(
            own,
            BundleRun(f"run-{number}", "m", "ann", f"d{number}"),
            used=ObservedTable("same.csv", f"digest-{number % 3}"),
        )

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert len(queries.table(database, "same").versions) == 3
    assert len(_names(database)) == 13
    assert len(queries.uses(database, model="m")) == 12


def test_a_table_is_added_without_a_run(database: CatalogDatabase, tmp_path: Path) -> None:
    """Its columns get dtypes, personal data are noticed, and no row is kept."""
    path = tmp_path / "people.csv"
    path.write_text(
        "email,age,joined\n" + "".join(f"p{i}@example.org,{20 + i},2024-01-{i + 1:02d}\n" for i in range(20))
    )
    name = add_source(database, str(path))
    found = queries.table(database, name)
    assert {column.name: column.dtype for column in found.columns} == {
        "email": "string",
        "age": "integer",
        "joined": "timestamp",
    }
    assert found.personal == ("email",)
    assert found.versions[0].rows == 20
    with pytest.raises(MissingError):
        add_source(database, str(tmp_path / "none.csv"), options=ReadOptions())
    assert _names(database) == ["people"]


@pytest.mark.postgres
def test_a_database_that_is_not_there_is_told_without_its_password(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password and a server that is down are one sentence each."""
    monkeypatch.setenv("HEADRACE_CATALOG_PASSWORD", "wrong-secret")
    url = server.url.replace("+psycopg", "")
    for address in (url, url.replace(f":{server.port}", ":9")):
        with pytest.raises(StoreError, match="HEADRACE_CATALOG_PASSWORD") as caught:
            queries.search(CatalogDatabase(catalog_location(address)))
        assert "wrong-secret" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/data/People 2024.csv.gz", "people-2024"),
        ("s3://lake/days/*.parquet", "days"),
        ("postgresql://db/shop#public.orders", "orders"),
        ("https://host/a/table.csv?x=1", "table"),
        ("///", "table"),
    ],
)
def test_tables_are_named_after_their_sources(source: str, name: str) -> None:
    """A short name of letters, digits and dashes."""
    assert table_name(source) == name
