"""What stands for a missing value is missing, whoever wrote it; what only resembles it is said and stays."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.contracts.contract import Contract
from headrace.core.contracts.contract_yaml import dump, parse
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import InferredContract, infer_with_notes
from headrace.core.inference.request_encoder import RequestEncoder
from headrace.core.readers.ingest import ingest_table
from headrace.core.readers.table_reader import TableReader
from headrace.core.tables import parquet_table
from headrace.core.tables.source import ReadOptions
from headrace.core.validation.block import validate_block
from headrace.core.validation.scoring import validate_for_scoring
from headrace.core.values import missing_values
from tests.core.readers.test_ingest import source

ROWS = 60
CITIES = ["Aachen", "Bonn", "Köln", "Münster"]
COUNTRIES = ["DE", "FR", "NA", "US", "ZA"]


def columns(mark: str = "", *, share: int = 6) -> dict[str, list[str]]:
    """Columns of numbers, texts and dates in which every so many values are a mark."""
    draw = random.Random(0)  # noqa: S311 - test data
    made = {
        "amount": [f"{draw.uniform(10, 99):.2f}" for _ in range(ROWS)],
        "city": [CITIES[place % 4] for place in range(ROWS)],
        "day": [f"2024-{1 + place % 12:02d}-{1 + place % 28:02d}" for place in range(ROWS)],
    }
    for start, values in enumerate(made.values()):
        values[start::share] = [mark] * len(values[start::share])
    return made | {"late": [("no", "yes")[draw.random() < 0.5] for _ in range(ROWS)]}


def made(folder: Path, table: dict[str, list[str]], *, kind: str = "csv", **options: Any) -> InferredContract:
    """The contract of a table that is written in a file of a kind."""
    path = folder / f"t.{kind}"
    frame = pl.DataFrame(table)
    frame.write_parquet(path) if kind == "parquet" else path.write_text(frame.write_csv(), encoding="utf-8")
    ingest_table(source(path), folder=folder / "raw", options=ReadOptions(**options))
    found = infer_with_notes(folder / "raw", name="demo", target="late", hints=ContractHints())
    assert parse(dump(found.contract)) == found.contract
    return found


def valid(folder: Path, contract: Contract) -> pl.DataFrame:
    """The rows of the raw table that pass, typed."""
    return validate_block(parquet_table.read(folder / "raw"), contract).valid


SURE = [mark for mark in missing_values.DEFAULT if mark not in missing_values.NUMBERS]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("mark", SURE)
def test_the_usual_marks_are_missing_in_all_columns(tmp_path: Path, mark: str, kind: str) -> None:
    """A mark changes no dtype and is no category, wherever the table comes from."""
    found = made(tmp_path, columns(mark), kind=kind).contract
    blank = made(tmp_path, columns(), kind="csv").contract
    assert found.columns == blank.columns
    table = valid(tmp_path, found)
    assert table.height == ROWS
    assert table.null_count().row(0) == (10, 10, 10, 0)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize("mark", missing_values.NUMBERS)
def test_dashes_and_dots_are_missing_among_numbers_only(tmp_path: Path, mark: str, kind: str) -> None:
    """A dash is no number and no date, but may be a category."""
    found = made(tmp_path, columns(mark), kind=kind)
    kinds = {column.name: column.dtype for column in found.contract.columns}
    assert kinds == {"amount": "number", "city": "string", "day": "timestamp", "late": "string"}
    assert mark in (found.contract.column("city").categories or ())
    table = valid(tmp_path, found.contract)
    assert (table.height, *table.null_count().row(0)) == (ROWS, 10, 0, 10, 0)
    assert {note.column for note in found.notes if note.rule == "missing_marks"} == {"amount", "day"}


def test_marks_below_the_first_rows_are_missing_too(tmp_path: Path) -> None:
    """A mark that the reader did not see in the beginning is missing by the contract."""
    table = {name: values * 200 for name, values in columns().items()}
    table["amount"][-1] = table["city"][-1] = "#N/A"
    found = made(tmp_path, table).contract
    assert found.column("city").categories == tuple(CITIES)
    assert found.column("amount").description == ""
    assert valid(tmp_path, found).height == len(table["city"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_namibia_is_a_country(tmp_path: Path, kind: str) -> None:
    """NA is a value in a column of countries, and missing beside it, in every way in."""
    table = columns("NA") | {"country": [COUNTRIES[place % 5] for place in range(ROWS)]}
    found = made(tmp_path, table, kind=kind).contract
    assert found.column("country").categories == tuple(COUNTRIES)
    assert found.column("city").categories == tuple(CITIES)
    assert valid(tmp_path, found).null_count().row(0) == (10, 10, 10, 0, 0)
    row = {"amount": "NA", "city": "NA", "day": "NA", "country": "NA"}
    for typed in (validate_for_scoring(pl.DataFrame([row]), found).table, _read_back(tmp_path, row, found)):
        assert typed.row(0, named=True) == {"amount": None, "city": None, "day": None, "country": "NA"}
    door = RequestEncoder(found)
    quick = door.try_rows([row])
    assert quick is not None
    assert quick.matrix[0].tolist()[1:3] == pytest.approx([float("nan"), 2.0], nan_ok=True)


def _read_back(folder: Path, row: dict[str, str], contract: Contract) -> pl.DataFrame:
    """The row as batch scoring reads it from a CSV."""
    path = folder / "new.csv"
    path.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n", encoding="utf-8")
    options = ReadOptions(missing_values=contract.missing_values, listed=contract.columns_listing_marks)
    return validate_for_scoring(next(TableReader(source(path), options, digest=False).frames()), contract).table


def test_names_and_initials_are_no_countries() -> None:
    """Few codes, or codes that no country has, leave NA what it is."""
    assert missing_values.is_code_column(["AF", "AS", "EU", "NA", "OC", "SA"])
    assert not missing_values.is_code_column(["DE", "NA"])
    assert not missing_values.is_code_column(["AB", "QX", "XZ", "ZQ", "NA", "DE", "FR", "US"])
    assert not missing_values.is_code_column(["Germany", "France", "NA", "Chile"])


@pytest.mark.parametrize(
    ("name", "values", "mark"),
    [
        ("amount", ["-999"], "-999"),
        ("amount", ["99999"], "99999"),
        ("amount", ["-99", "-99"], "-99"),
        ("day", ["9999-12-31"], "9999-12-31"),
        ("day", ["1900-01-01"], "1900-01-01"),
        ("amount", ["-1"], "-1"),
        ("amount", ["99"], ""),
        ("amount", ["5"], ""),
        ("day", ["2024-12-31"], ""),
    ],
)
def test_sentinels_are_told(tmp_path: Path, name: str, values: list[str], mark: str) -> None:
    """A usual mark that is far from all other values is told with what can be done, and taken as it is."""
    table = columns()
    table[name][:12:2] = (values * 6)[:6]
    told = [note for note in made(tmp_path, table).notes if note.rule == "sentinel"]
    assert [note.column for note in told] == ([name] if mark else [])
    assert not mark or f"--missing-value {mark} " in told[0].remedy
    assert not mark or told[0].count == 6


@pytest.mark.parametrize(("name", "mark"), [("amount", "-999"), ("day", "9999-12-31")])
def test_a_sentinel_that_a_person_names_is_missing_everywhere(tmp_path: Path, name: str, mark: str) -> None:
    """The marks that a person chose stand in the contract, and count in training, in scoring and at the door alike."""
    table = columns()
    table[name][:12:2] = [mark] * 6
    found = made(tmp_path, table, missing_values=["", mark]).contract
    assert found.missing_values == ("", mark)
    assert (found.column("amount").minimum or 0) >= 0
    raw = pl.DataFrame(table)
    wanted = sum(value in {"", mark} for value in table[name])
    assert validate_block(raw, found).valid.get_column(name).null_count() == wanted
    row: dict[str, Any] = {"amount": "20.5", "city": "Bonn", "day": "2024-01-01"} | {name: mark}
    assert validate_for_scoring(pl.DataFrame([row]), found).table.get_column(name).to_list() == [None]
    door = RequestEncoder(found)
    for sent in ([row], [row] * 20, [row | {"amount": float(row["amount"])}]):
        np.testing.assert_array_equal(door.encode_rows(sent).matrix, door._judged_rows(sent).matrix)
    never = [replace(column, missing=0.0) if column.name == name else column for column in found.columns]
    strict = replace(found, columns=tuple(never))
    assert RequestEncoder(strict).try_rows([row]) is None


@given(
    marks=st.lists(st.sampled_from(SURE), min_size=1, max_size=4),
    holes=st.lists(st.booleans(), min_size=30, max_size=30),
    late=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_a_random_table_with_random_marks_comes_back(
    tmp_path_factory: pytest.TempPathFactory, marks: Sequence[str], holes: list[bool], late: bool
) -> None:
    """Whatever marks stand for the missing values, they and no others are missing."""
    folder = tmp_path_factory.mktemp("t")
    numbers = [None if hole else place for place, hole in enumerate(holes)]
    table = {
        "x": ["" if hole else f"{place}.5" for place, hole in enumerate(holes)],
        "town": [CITIES[place % 4] for place in range(30)],
        "late": [("no", "yes")[place % 2] for place in range(30)],
    }
    for place, hole in enumerate(holes):
        if hole:
            table["x"][place] = table["town"][place] = marks[place % len(marks)]
    if late:
        table = {name: values + values for name, values in table.items()}
    if all(holes) or sum(not hole for hole in holes) < 12:
        return
    found = made(folder, table).contract
    read = valid(folder, found)
    assert found.column("x").dtype == "number"
    assert read["x"].to_list()[:30] == [None if value is None else value + 0.5 for value in numbers]
    assert read["town"].is_null().to_list()[:30] == holes
