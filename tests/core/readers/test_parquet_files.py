"""Parquet as pandas and Spark lay it out: folders that are columns, parts whose types widen, a stored index."""

import random
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from headrace.core.base.errors import InternalError, UserError
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.core.readers.ingest import ingest_table
from headrace.core.readers.partitions import partition_values
from headrace.core.tables import parquet_table
from headrace.core.tables.source import ReadOptions
from headrace.stores.sources.open_source import open_source


def ingested(text: str, folder: Path, **options: Any) -> tuple[pl.DataFrame, set[str]]:
    """The raw table of a source, and the rules of its notes."""
    facts = ingest_table(open_source(text), folder=folder / "raw", options=ReadOptions(**options))
    return parquet_table.read(folder / "raw"), {note["rule"] for note in facts.get("notes", ())}


def parts(folder: Path, *frames: pl.DataFrame) -> str:
    """Frames as files of one table."""
    for place, frame in enumerate(frames):
        frame.write_parquet(folder / f"{place}.parquet")
    return f"{folder}/?.parquet"


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("named", ["{}", "{}/**/*.*", "{}/"])
def test_folders_that_are_columns(tmp_path: Path, kind: str, named: str) -> None:
    """Folders called column=value are columns of texts, in every kind of file and however they are named."""
    for year, region in (("2023", "a b"), ("2024", "x/y"), ("2024", None)):
        quoted = {"a b": "a%20b", "x/y": "x%2Fy", None: "__HIVE_DEFAULT_PARTITION__"}[region]
        folder = tmp_path / "t" / f"year={year}" / f"region={quoted}"
        folder.mkdir(parents=True)
        frame = pl.DataFrame({"amount": [1.5, 2.5]})
        {"parquet": frame.write_parquet, "csv": frame.write_csv, "jsonl": frame.write_ndjson}[kind](
            folder / f"part-0.{kind}"
        )
    (tmp_path / "t" / "_SUCCESS").touch()
    (tmp_path / "t" / "notes.md").write_text("x")
    text = named.format(tmp_path / "t")
    found, rules = ingested(text if "*" not in text else text.replace("*.*", f"*.{kind}"), tmp_path)
    assert found.columns == ["amount", "year", "region"]
    assert sorted(found.select("year", "region").unique().rows(), key=str) == [
        ("2023", "a b"),
        ("2024", "x/y"),
        ("2024", None),
    ]
    assert (found.height, rules) == (6, {"partition"})


def test_only_the_folders_right_above_count() -> None:
    """A folder further up, or a query, is no column; two of one name are refused."""
    assert partition_values("/mnt/env=prod/data/a=1/b=2/t.csv") == {"a": "1", "b": "2"}
    assert partition_values("s3://lake/t/day=2024-01-02/p.parquet") == {"day": "2024-01-02"}
    assert partition_values("https://x/t.csv?a=1/b") == {}
    assert partition_values("t.csv") == {}
    with pytest.raises(UserError, match=r"name the column 'a' twice; rename one of them"):
        partition_values("a=1/a=2/t.csv")


def test_a_column_of_the_file_stays(tmp_path: Path) -> None:
    """A folder tells nothing of a column that the files hold."""
    folder = tmp_path / "year=2024"
    folder.mkdir()
    pl.DataFrame({"year": [2024, 2025]}).write_parquet(folder / "t.parquet")
    found, rules = ingested(str(folder / "t.parquet"), tmp_path)
    assert (found["year"].to_list(), rules) == ([2024, 2025], set())


@pytest.mark.parametrize("reverse", [False, True])
def test_parts_whose_types_widen_are_one_table(tmp_path: Path, reverse: bool) -> None:
    """Whole numbers and numbers are numbers, and a part without values takes the type of the others, in any order."""
    frames = [
        pl.DataFrame({"a": [1, 2], "b": [None, None], "c": [1, 2]}),
        pl.DataFrame({"a": [1.5, None], "b": [3, 4], "c": [3, 4]}),
        pl.DataFrame({"c": [5], "b": [None], "a": [3]}, schema={"c": pl.Int8, "b": pl.Null, "a": pl.Int64}),
    ]
    ordered = frames[::-1] if reverse else frames
    found, rules = ingested(parts(tmp_path, *ordered), tmp_path)
    assert dict(found.schema) == {"a": pl.Float64, "b": pl.Int64, "c": pl.Int64}
    wanted = pl.concat([frame.select(pl.col("a").cast(float), pl.col("b", "c").cast(int)) for frame in ordered])
    assert found.select("a", "b", "c").rows() == wanted.rows()
    assert rules == {"widened"}


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([{"a": [1]}, {"a": ["x"]}], r"column 'a' is Int64 in .*0\.parquet and String in .*1\.parquet"),
        ([{"a": [1]}, {"a": [True]}], r"column 'a' is Int64 in .*0\.parquet and Boolean"),
        ([{"a": [1], "b": [1]}, {"a": [1]}], r"column 2 is 'b' in .* and no column in"),
    ],
)
def test_parts_that_do_not_go_together(tmp_path: Path, frames: list[dict[str, Any]], message: str) -> None:
    """Texts and numbers are no one column, and all parts have all columns; one sentence names the two files."""
    with pytest.raises(UserError, match=message) as caught:
        ingested(parts(tmp_path, *map(pl.DataFrame, frames)), tmp_path)
    assert "\n" not in str(caught.value)


def test_two_columns_of_one_name(tmp_path: Path) -> None:
    """A file that names two columns alike is refused in one sentence, not called damaged."""
    pq.write_table(pa.table([[1], [2]], names=["amount", "amount"]), tmp_path / "t.parquet")
    with pytest.raises(UserError, match=r"t\.parquet has two columns of one name.*; rename one of them\.$") as caught:
        ingested(str(tmp_path / "t.parquet"), tmp_path)
    assert "\n" not in str(caught.value)


def test_a_table_is_widened_only_where_nothing_is_lost(tmp_path: Path) -> None:
    """Parts that were written are written anew for numbers; texts do not become numbers."""
    with parquet_table.TableWriter(tmp_path / "t") as writer:
        writer.hints = {"units": {"a": "kg"}}
        writer.write(pl.DataFrame({"a": [1]}))
        writer.write(pl.DataFrame({"a": [1.5]}))
        writer.write(pl.DataFrame({"a": [2]}))
    assert parquet_table.read(tmp_path / "t")["a"].to_list() == [1.0, 1.5, 2.0]
    assert parquet_table.hints(tmp_path / "t") == {"units": {"a": "kg"}}
    with parquet_table.TableWriter(tmp_path / "u") as writer:
        writer.write(pl.DataFrame({"a": [1]}))
        with pytest.raises(InternalError, match="must have"):
            writer.write(pl.DataFrame({"a": ["x"]}))


def frame(**columns: Any) -> pd.DataFrame:
    """A data frame of 60 rows with an amount and a target of two classes."""
    draw = random.Random(0)  # noqa: S311 - test data
    amounts = [draw.uniform(1, 9) for _ in range(60)]
    return pd.DataFrame({**columns, "amount": amounts, "late": [draw.choice(["yes", "no"]) for _ in range(60)]})


def contract_of(table: pd.DataFrame, folder: Path) -> Contract:
    """The contract of a data frame that pandas wrote with its index."""
    table.to_parquet(folder / "t.parquet")
    ingested(str(folder / "t.parquet"), folder)
    return infer_with_notes(folder / "raw", name="demo", target="late", hints=ContractHints()).contract


def test_a_stored_index_is_an_id(tmp_path: Path) -> None:
    """What pandas' own metadata call an index is no feature: an id where it is unique, left out where it repeats."""
    numbers = random.Random(1).sample(range(10**6), 60)  # noqa: S311 - test data
    plain = contract_of(frame(), tmp_path)
    assert [column.name for column in plain.columns] == ["amount", "late"]
    unnamed = contract_of(frame().set_index(pd.Index(numbers)), tmp_path)
    assert unnamed.column("__index_level_0__").role == "id"
    named = contract_of(frame().set_index(pd.Index(numbers, name="balance")), tmp_path)
    assert named.column("balance").role == "id"
    repeated = contract_of(frame().set_index(pd.Index([*range(30)] * 2, name="balance")), tmp_path)
    assert repeated.column("balance").role == "ignore"
    grouped = contract_of(frame().set_index(pd.Index([*range(100, 120)] * 3, name="patient_id")), tmp_path)
    assert grouped.column("patient_id").role == "group"
    times = contract_of(frame().set_index(pd.date_range("2024-01-01", periods=60, name="day")), tmp_path)
    assert times.column("day").role == "timestamp"
    two = contract_of(frame(k=numbers, n=list(range(60))).set_index(["k", "n"]), tmp_path)
    assert {two.column(name).role for name in ("k", "n")} == {"id"}


def test_units_below_the_header_stand_in_the_contract(tmp_path: Path) -> None:
    """What a line below the header names is the unit of a number."""
    rows = "".join(f"{place}.5,{place % 7},{('no', 'yes')[place % 3 == 0]}\n" for place in range(60))
    (tmp_path / "t.csv").write_text(f"mass,speed,late\n[kg],m/s,\n{rows}")
    ingested(str(tmp_path / "t.csv"), tmp_path)
    found = infer_with_notes(tmp_path / "raw", name="demo", target="late", hints=ContractHints()).contract
    assert [column.unit for column in found.columns] == ["kg", "m/s", ""]


@pytest.mark.parametrize("offset", ["+05:30", "-03:00", "+0100"])
def test_a_time_zone_that_is_an_offset(tmp_path: Path, offset: str) -> None:
    """The moment counts, as of a zone with a name.

    pandas 2.3 gives such a column to whoever parses "2024-01-01T00:00:00+05:30", and writes it to Parquet with the
    offset as its zone; Polars 2.1.0 panics when it reads one, since it knows zones by name only.
    """
    times = pd.to_datetime([f"2024-01-01T12:00:00{offset}", None])
    pd.DataFrame({"at": times, "x": [1, 2]}).to_parquet(tmp_path / "t.parquet")
    table, _ = ingested(str(tmp_path / "t.parquet"), tmp_path / "out")
    assert table.schema == {"at": pl.Datetime("us"), "x": pl.Int64}
    assert table["at"].to_list() == [times[0].tz_convert("UTC").tz_localize(None).to_pydatetime(), None]


def test_a_type_that_polars_cannot_read_is_one_sentence(tmp_path: Path) -> None:
    """Polars 2.1.0 panics at a list view, which PyArrow 26 writes, and at an INTERVAL of DuckDB 2.0."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": pa.array([[1], [2]], pa.list_view(pa.int64()))}), path)
    with pytest.raises(UserError, match="has a column of a type that cannot be read"):
        ingested(str(path), tmp_path)
    assert not (tmp_path / "raw").exists() or not list((tmp_path / "raw").iterdir())
