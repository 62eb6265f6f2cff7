"""Tables in a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from headrace.core.base.errors import InputError, StoreError
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.parquet_table import parts, read
from headrace.stores.sources.open_source import open_source
from tests.real.postgresql import Postgres, postgres_server

pytestmark = pytest.mark.postgres

ROWS = 100_000


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server with a schema ``trips`` that holds a table of many rows and all plain types."""
    import psycopg

    with postgres_server() as running:
        with psycopg.connect(
            host="127.0.0.1", port=running.port, user="headrace", password=running.password, dbname="postgres"
        ) as connection:
            connection.execute("create schema trips")
            connection.execute("create sequence trips.numbers")
            connection.execute(
                """
                create table trips."odd Name" (id bigint, fare numeric(10, 2), miles real, kind text, "at" timestamp,
                  "zone at" timestamptz, "day" date, paid boolean, key uuid)
                """
            )
            connection.execute(
                """
                insert into trips."odd Name"
                select i, i / 4.0, nullif(mod(i, 5), 0), 'kind:' || mod(i, 3),
                  timestamp '2024-01-01 10:00' + i * interval '1 s',
                  timestamptz '2024-07-01 10:00+02', date '2024-02-29', mod(i, 2) = 0, md5(i::text)::uuid
                from generate_series(1, %s) i
                """,
                (ROWS,),
            )
        yield running


@pytest.fixture
def password(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password, told as users tell it."""
    monkeypatch.setenv("HEADRACE_SQL_PASSWORD", server.password)


@pytest.mark.usefixtures("password")
def test_a_table_of_all_types_is_streamed(tmp_path: Path, server: Postgres) -> None:
    """Each type becomes its plain one; rows come in batches from a cursor of the server's."""
    source = f"{server.url}#trips.odd Name"
    facts = ingest_table(open_source(source), folder=tmp_path / "table")
    assert (facts["rows"], facts["columns"], facts["source"]) == (ROWS, 9, source)
    assert len(parts(tmp_path / "table")) > 3
    table = read(tmp_path / "table")
    assert table.dtypes == [
        pl.Int64,
        *[pl.Float64] * 2,
        pl.String,
        *[pl.Datetime("us")] * 3,
        pl.Boolean,
        pl.String,
    ]
    row = table.with_columns(pl.col(pl.Datetime).dt.to_string("%FT%T")).row(4)
    times = ("2024-01-01T10:00:05", "2024-07-01T08:00:00", "2024-02-29T00:00:00")
    assert row[:8] == (5, 1.25, None, "kind:2", *times, False)
    assert table["id"].sum() == ROWS * (ROWS + 1) // 2


@pytest.mark.usefixtures("password")
def test_times_that_no_calendar_has_are_missing_and_said(tmp_path: Path, server: Postgres) -> None:
    """As in Parquet: infinity, years before 1 and after 9999, by column; psycopg 3.3 raises an error without it."""
    query = """
        select n, case when n > 8 then 'infinity' else date '2024-01-01' + n end as until,
          case n when 1 then timestamptz '10000-01-01' when 2 then '-infinity' else '2024-01-01 12:00+02' end as seen,
          case n when 9 then timestamp '0044-03-15 BC' else '2024-01-01' end as born
        from generate_series(1, 10) n
    """
    facts = ingest_table(open_source(f"{server.url}#{' '.join(query.split())}"), folder=tmp_path / "table")
    table = read(tmp_path / "table")
    assert table.select(pl.exclude("n").null_count()).row(0) == (2, 2, 1)
    assert table.dtypes == [pl.Int64, *[pl.Datetime("us")] * 3]
    told = {note["column"]: (note["rule"], note["count"]) for note in facts["notes"]}
    assert told == {"until": ("times_beyond", 2), "seen": ("times_beyond", 2), "born": ("times_beyond", 1)}


@pytest.mark.usefixtures("password")
def test_queries_with_colons_and_percent(tmp_path: Path, server: Postgres) -> None:
    """Casts, literals and patterns of PostgreSQL's SQL pass unharmed."""
    query = """select id::text as n from trips."odd Name" where kind like 'k%:1' order by id limit 2"""
    ingest_table(open_source(f"{server.url}#{query}"), folder=tmp_path / "table")
    assert read(tmp_path / "table").rows() == [("1",), ("4",)]


@pytest.mark.usefixtures("password")
def test_nothing_can_be_changed(tmp_path: Path, server: Postgres) -> None:
    """The transaction is read-only, so that a query with an effect is refused."""
    with pytest.raises(InputError, match=r"cannot execute nextval\(\) in a read-only transaction"):
        ingest_table(open_source(f"{server.url}#select nextval('trips.numbers')"), folder=tmp_path / "table")


def test_a_wrong_password_is_not_shown(tmp_path: Path, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused password is told as such, and shown nowhere."""
    monkeypatch.setenv("HEADRACE_SQL_PASSWORD", "wr0ng-secret")
    with pytest.raises(StoreError, match=r"cannot be reached .*password authentication failed") as caught:
        ingest_table(open_source(f"{server.url}#trips.none"), folder=tmp_path / "table")
    assert "wr0ng-secret" not in str(caught.value)


def test_a_password_in_the_url_is_not_stored(tmp_path: Path, server: Postgres) -> None:
    """It is used, and the metadata show three stars."""
    url = server.url.replace("headrace@", f"headrace:{server.password}@")
    facts = ingest_table(open_source(f"{url}#select 1 as a"), folder=tmp_path / "table")
    assert server.password not in str(facts)
    assert "headrace:***@" in facts["source"]


@pytest.mark.usefixtures("password")
def test_a_missing_table(tmp_path: Path, server: Postgres) -> None:
    """The database's own words name the table."""
    with pytest.raises(InputError, match=r"cannot answer 'trips\.none' \(relation \"trips\.none\" does not exist"):
        ingest_table(open_source(f"{server.url}#trips.none"), folder=tmp_path / "table")
