"""Whole numbers beyond 64 bits, decimals that a float cannot hold, blanks around texts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import InferredContract, infer_with_notes
from headrace.core.readers.ingest import ingest_table
from headrace.core.readers.table_reader import TableReader
from headrace.core.tables import parquet_table
from headrace.core.tables.dtypes import series
from headrace.core.tables.source import QuerySource, ReadOptions
from headrace.core.values.whitespace import trim_texts
from headrace.stores.sources.open_source import open_source
from tests.core.made import about

N = 60
TARGET = ["no", "yes", "no"] * (N // 3)


def infer(folder: Path, source: Path) -> tuple[pl.DataFrame, InferredContract, dict[str, Any]]:
    """The raw table of a file, its contract and its metadata."""
    facts = ingest_table(open_source(str(source)), folder=folder / "table")
    made = infer_with_notes(folder / "table", name="t", target="late", hints=ContractHints())
    return parquet_table.scan(folder / "table").collect(), made, facts


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize("first", [2**64 - 616, 10**30])
def test_ids_beyond_64_bits_are_texts_in_every_source(tmp_path: Path, suffix: str, first: int) -> None:
    """Account numbers of 20 digits keep each digit, and their contract says why they are texts."""
    ids = [str(first + place) for place in range(N)]
    frame = pl.DataFrame({"account": ids, "late": TARGET})
    source = tmp_path / f"t.{suffix}"
    if suffix == "csv":
        frame.write_csv(source)
    elif suffix == "parquet":
        frame.with_columns(pl.col("account").cast(pl.Int128)).write_parquet(source)
    else:
        source.write_text("".join(f'{{"account": {i}, "late": "{y}"}}\n' for i, y in frame.iter_rows()))
    table, made, _ = infer(tmp_path, source)
    assert table["account"].to_list() == ids
    assert made.contract.column("account").dtype == "string"
    if suffix == "csv":
        assert [note.rule for note in about(made, "account")] == ["long_numbers"]


@pytest.mark.parametrize("dtype", [pl.Decimal(38, 0), pl.UInt64(), pl.Int128()])
def test_whole_numbers_of_any_type_are_integers_where_they_fit(tmp_path: Path, dtype: pl.DataType) -> None:
    """Ids that a database unloads as DECIMAL(38,0) stay integers and become the key."""
    ids = [740245381351497001 + place for place in range(N)]
    pl.DataFrame({"ORDER_ID": pl.Series(ids, dtype=dtype), "late": TARGET}).write_parquet(tmp_path / "t.parquet")
    table, made, facts = infer(tmp_path, tmp_path / "t.parquet")
    assert table["ORDER_ID"].to_list() == ids
    assert made.contract.keys == ("ORDER_ID",)
    assert "notes" not in facts


def test_a_column_whose_values_do_not_fit_is_named(tmp_path: Path) -> None:
    """Unsigned values beyond 2^63 become texts, and the metadata name the column."""
    pl.DataFrame({"a": pl.Series([2**64 - 1, 5] * 30, dtype=pl.UInt64()), "late": TARGET}).write_parquet(
        tmp_path / "t.parquet"
    )
    table, _, facts = infer(tmp_path, tmp_path / "t.parquet")
    assert table["a"].to_list()[:2] == ["18446744073709551615", "5"]
    assert [(note["column"], note["rule"]) for note in facts["notes"]] == [("a", "long_numbers")]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_decimals_that_a_float_rounds_are_told(tmp_path: Path, suffix: str) -> None:
    """Different values that became one are a warning with both counts."""
    values = [Decimal(f"1.0000000000000000000{place:02}") for place in range(10, 10 + N)]
    frame = pl.DataFrame({"a": pl.Series(values, dtype=pl.Decimal(38, 21)), "late": TARGET})
    source = tmp_path / f"t.{suffix}"
    frame.write_csv(source) if suffix == "csv" else frame.write_parquet(source)
    _, made, facts = infer(tmp_path, source)
    told = [note.as_json() for note in about(made, "a")] + facts.get("notes", [])
    assert [(note["severity"], note["column"], note["rule"], note["count"]) for note in told] == [
        ("warning", "a", "rounded", N)
    ]
    assert f"{N} different values became 1" in told[0]["sentence"]


def test_decimals_of_a_database_that_a_float_rounds_are_told() -> None:
    """A query's NUMERIC columns are counted batch by batch, and named once."""
    batches = [[(Decimal("1.0000000000000000001"),), (Decimal("1.5"),)], [(Decimal("0.1234567890123456789"),)]]
    query = QuerySource("q", lambda: (["a"], (batch for batch in batches)))
    reading = TableReader(query, ReadOptions())
    assert pl.concat(reading.frames())["a"].to_list() == [1.0, 1.5, 0.12345678901234568]
    assert [(note["column"], note["rule"], note["count"]) for note in reading.facts()["notes"]] == [("a", "rounded", 2)]


def test_decimals_of_json_that_a_float_rounds_are_told(tmp_path: Path) -> None:
    """As those of CSV are, by the column's name; floats as programs write them, and ids, are no news."""
    rows = [
        f'{{"a": 0.{place:021}, "b": {place / 10 + 0.2!r}, "c": {2**63 + place}}}'
        for place in range(10**20, 10**20 + N)
    ]
    (tmp_path / "t.jsonl").write_text("\n".join(rows))
    reading = TableReader(open_source(str(tmp_path / "t.jsonl")), ReadOptions())
    assert pl.concat(reading.frames())["c"].dtype == pl.String
    (note,) = reading.facts()["notes"]
    assert (note["column"], note["rule"], note["count"]) == ("a", "rounded", N - 1)  # 10**20 is a 1 with zeros
    assert note["sentence"].startswith(f"Column 'a': {note['count']} of its values have more than 17 digits")


def test_large_floats_of_json_stay_numbers(tmp_path: Path) -> None:
    """1.23456789012345678e+20 is a number with an exponent; as a decimal it would be a whole one, and then a text."""
    texts = [f"1.234567890123456{place}e+20" for place in range(10, 10 + N)]
    values = [float(text) for text in texts]
    (tmp_path / "t.jsonl").write_text("\n".join(f'{{"a": {text}}}' for text in texts))
    reading = TableReader(open_source(str(tmp_path / "t.jsonl")), ReadOptions())
    table = pl.concat(reading.frames())
    assert table["a"].dtype == pl.Float64
    assert table["a"].to_list() == values
    assert [(note["column"], note["rule"]) for note in reading.facts()["notes"]] == [("a", "rounded")]


def test_floats_as_programs_write_them_are_no_news(tmp_path: Path) -> None:
    """0.30000000000000004 has 17 digits and is a float to the last of them."""
    texts = [repr(place / 10 + 0.2) for place in range(N)]
    pl.DataFrame({"a": texts, "late": TARGET}).write_csv(tmp_path / "t.csv")
    assert about(infer(tmp_path, tmp_path / "t.csv")[1], "a") == []


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([Decimal(5), None, Decimal(2**62)], [5, None, 2**62]),
        ([Decimal("5.00"), Decimal("7.50")], [5.0, 7.5]),
        ([Decimal(5), Decimal("7.5")], [5.0, 7.5]),
        ([Decimal(2**64), Decimal(1)], [str(2**64), "1"]),
        ([2**64, None, 1], [str(2**64), None, "1"]),
    ],
)
def test_decimals_of_a_database_keep_what_their_scale_says(values: list[object], wanted: list[object]) -> None:
    """NUMERIC without decimals is an integer, beyond 64 bits a text; with decimals it is a number."""
    assert series("a", values, table="t").to_list() == wanted


def test_a_few_decimals_among_whole_numbers_set_nothing_aside(tmp_path: Path) -> None:
    """A column of whole numbers in which one row holds a decimal is a number without a caveat."""
    pl.DataFrame({"a": [*map(str, range(299)), "12.5"], "late": TARGET * 5}).write_csv(tmp_path / "t.csv")
    column = infer(tmp_path, tmp_path / "t.csv")[1].contract.column("a")
    assert (column.dtype, column.description) == ("number", "")


@given(st.lists(st.text(alphabet=" \tab", max_size=5) | st.none(), max_size=9))
def test_blanks_are_trimmed_as_python_does(texts: list[str | None]) -> None:
    """Spaces and tabs at the ends go, and nothing else changes."""
    found = trim_texts(pl.DataFrame({"a": pl.Series(texts, dtype=pl.String), "n": range(len(texts))}))
    assert found["a"].to_list() == [None if text is None else text.strip(" \t") for text in texts]
    assert found["n"].to_list() == list(range(len(texts)))
