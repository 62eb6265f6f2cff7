"""Tables in a database, here SQLite; PostgreSQL has its own tests in ``tests/real``."""

import sqlite3
import sys
from pathlib import Path

import polars as pl
import pytest

from headrace.core.base.errors import InputError, MissingError, StoreError, UserError
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables.parquet_table import parts, read
from headrace.core.tables.source import ReadOptions
from headrace.stores.sources import sql_source
from headrace.stores.sources.open_source import open_source

HALVES = "select a, case a when 3 then 0.5 else a end as b from t"
SOME = "select * from t where a < 3"
ALL = "select * from t"


@pytest.fixture
def database(tmp_path: Path) -> str:
    """URL of a database with a table ``t`` of 3 rows and a table of an odd name."""
    with sqlite3.connect(tmp_path / "f.db") as connection:
        connection.execute("create table t (a integer, b real, c text, d blob)")
        connection.executemany(
            "insert into t values (?, ?, ?, ?)", [(1, 1, "12:30", None), (2, 2.5, None, None), (3, None, "a%", None)]
        )
        connection.execute('create table "odd "" name" (a)')
        connection.execute('insert into "odd "" name" values (1), (\'x\')')
        connection.execute("create table empty (a integer)")
    connection.close()
    return f"sqlite:///{tmp_path}/f.db"


def table(text: str, folder: Path, options: ReadOptions | None = None) -> pl.DataFrame:
    """The table that a text names."""
    ingest_table(open_source(text), folder=folder / "table", options=options)
    return read(folder / "table")


def test_a_table(tmp_path: Path, database: str) -> None:
    """Numbers stay numbers, texts texts; a column of nothing is text."""
    frame = table(f"{database}#t", tmp_path)
    assert frame.schema == pl.Schema({"a": pl.Int64, "b": pl.Float64, "c": pl.String, "d": pl.String})
    assert frame.rows() == [(1, 1.0, "12:30", None), (2, 2.5, None, None), (3, None, "a%", None)]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select a from t where c = '12:30'", [(1,)]),
        ("SELECT a AS \"x y\" FROM t WHERE c LIKE 'a%'", [(3,)]),
        ("with u as (select max(a) as m from t) select m from u", [(3,)]),
        ('odd " name', [("1",), ("x",)]),
    ],
)
def test_queries_and_odd_names(tmp_path: Path, database: str, query: str, rows: list[tuple[object, ...]]) -> None:
    """Colons and per cent signs are no placeholders, and any table's name is quoted."""
    assert table(f"{database}#{query}", tmp_path).rows() == rows


def test_types_found_late_widen_the_column(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows come in batches, and the last one decides with the first."""
    monkeypatch.setattr(sql_source, "BATCH_ROWS", 1)
    frame = table(f"{database}#{HALVES}", tmp_path)
    assert frame.rows() == [(1, 1.0), (2, 2.0), (3, 0.5)]
    assert len(parts(tmp_path / "table")) == 3


def test_the_digest_is_of_the_rows(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows have the same digest, however they were fetched; other rows have another."""
    first = ingest_table(open_source(f"{database}#t"), folder=tmp_path / "1")
    other = ingest_table(open_source(f"{database}#{SOME}"), folder=tmp_path / "2")
    monkeypatch.setattr(sql_source, "BATCH_ROWS", 2)
    again = ingest_table(open_source(f"{database}#{ALL}"), folder=tmp_path / "3")
    assert first["digest"] == again["digest"] != other["digest"]
    assert (first["rows"], first["source"]) == (3, f"{database}#t")


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        ("", InputError, r"must be named as URL#TABLE or URL#SELECT"),
        ("#none", InputError, r"cannot answer 'none' \(no such table: none\); correct the query"),
        ("#select nonsense", InputError, r"no such column: nonsense"),
        ("#empty", UserError, r"#empty has no rows"),
        ("#select a, a from t", InputError, r"has the column 'a' twice"),
        ("#select x'00' as raw", InputError, r"column 'raw' of .* holds values of type bytes; .* or drop"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, database: str, what: str, kind: type[UserError], message: str) -> None:
    """A missing table, a wrong query and values that no table has are told in one sentence."""
    with pytest.raises(kind, match=message) as caught:
        table(database + what, tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "table").exists()


def test_a_dropped_column_may_hold_bytes(tmp_path: Path, database: str) -> None:
    """Bytes do not matter where nobody wants them."""
    options = ReadOptions(drop_columns=("raw",))
    assert table(f"{database}#select x'00' as raw, 1 as a", tmp_path, options).rows() == [(1,)]


def test_a_missing_sqlite_file_is_not_made(tmp_path: Path) -> None:
    """SQLite would make an empty file; it is refused first."""
    with pytest.raises(MissingError, match="there is no SQLite file"):
        table(f"sqlite:///{tmp_path}/none.db#t", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_down(tmp_path: Path) -> None:
    """A server that is not there is told in one sentence, without the password."""
    with pytest.raises(StoreError, match=r"u:\*\*\*@127\.0\.0\.1:9/d cannot be reached \(.*refused") as caught:
        table("postgresql://u:s3cret@127.0.0.1:9/d#t", tmp_path)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_the_extra(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLAlchemy is not installed, the command that installs it is told."""
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(InputError, match=r"pip install 'headrace\[sql\]'"):
        table(f"{database}#t", tmp_path)
