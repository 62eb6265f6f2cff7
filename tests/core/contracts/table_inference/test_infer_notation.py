"""The notation of a column inferred from all its values, and what is said of it."""

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.base.errors import InputError
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column
from headrace.core.contracts.contract_yaml import dump, parse
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import InferredContract, infer_with_notes
from headrace.core.tables import parquet_table
from headrace.core.values.number_notation import NumberNotation
from tests.core.made import about
from tests.core.values.test_number_notation import NOTATIONS, written

N = 300
DRAW = random.Random(0)  # noqa: S311 - test data
AMOUNTS = [round(DRAW.uniform(0, 60_000), 2) for _ in range(N)]
US, GERMAN = NumberNotation(".", ","), NumberNotation(",", ".")


def infer(folder: Path, columns: dict[str, list[Any]], **wishes: Any) -> InferredContract:
    """The contract of a table of texts with a target, as it comes from a CSV."""
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(pl.DataFrame({"y": ["no", "yes", "no"] * (N // 3), **columns}))
    made = infer_with_notes(folder / "raw", name="demo", target="y", hints=ContractHints(**wishes))
    assert parse(dump(made.contract)) == made.contract
    return made


def spread(texts: list[str]) -> list[str]:
    """The texts over and over again."""
    return [texts[place % len(texts)] for place in range(N)]


def decimals(notation: NumberNotation, count: int = 2) -> list[str]:
    """Amounts in a notation."""
    return [written(amount, notation, decimals=count) for amount in AMOUNTS]


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (decimals(GERMAN), {"dtype": "number", "format": "1.234,56"}),
        (decimals(NumberNotation(",")), {"dtype": "number", "format": "1234,56"}),
        (decimals(US), {"dtype": "number", "format": "1,234.56"}),
        (decimals(NumberNotation()), {"dtype": "number", "format": ""}),
        (decimals(NumberNotation(",", " ")), {"dtype": "number", "format": "1 234,56"}),
        (decimals(NumberNotation(",", " "))[:-9] + [f"1\u202f{n}00,5" for n in range(1, 10)], {"format": "1 234,56"}),
        (decimals(NumberNotation(".", "'")), {"dtype": "number", "format": "1'234.56"}),
        (decimals(NumberNotation(".", ",", "$")), {"dtype": "number", "format": "$1,234.56", "unit": "$"}),
        (decimals(NumberNotation(",", ".", "", " €")), {"dtype": "number", "format": "1.234,56 €", "unit": "€"}),
        (decimals(NumberNotation(".", ",", "USD ")), {"dtype": "number", "format": "USD 1,234.56", "unit": "USD"}),
        (decimals(NumberNotation(",", "", "", "%")), {"dtype": "number", "format": "1234,56%", "unit": "%"}),
        (decimals(NumberNotation(".", "", "", " kg")), {"dtype": "number", "format": "1234.56 kg", "unit": "kg"}),
        (decimals(US, 0), {"dtype": "integer", "format": "1,234"}),
        (decimals(GERMAN, 0), {"dtype": "integer", "format": "1.234"}),
        (spread([f"{n} m²" for n in range(20, 90)]), {"dtype": "integer", "format": "1234 m²", "unit": "m²"}),
        (
            spread(["36 months", "1 month", "60 months"]),
            {"dtype": "integer", "unit": "months", "format": "1234 months"},
        ),
        (spread(["(849.44)", "12.50", "(3.10)"]), {"dtype": "number", "format": "(1234.56)", "minimum": -1720}),
        (spread(["849.44-", "12.50", "3.10-"]), {"dtype": "number", "format": "1234.56-"}),
        (spread(["\u2212849.44", "12.50"]), {"dtype": "number", "format": "1234.56"}),
        ([*map(str, range(N - 1)), "1,234"], {"dtype": "integer", "format": "1,234", "description": ""}),
        ([*map(str, range(N - 1)), "1.234,50"], {"dtype": "number", "format": "1.234,56", "description": ""}),
        ([*map(str, range(N - 1)), "12.5"], {"dtype": "number", "format": "", "description": ""}),
        (["$5", *spread(["7", "$1,000", "-$3"])[1:]], {"dtype": "integer", "unit": "$"}),
        (spread(["850", "1.250", "920", "2.100"]), {"dtype": "integer", "format": "1.234"}),
        (spread(["850", "1,250", "920", "2,100"]), {"dtype": "integer", "format": "1,234"}),
        (spread(["13.060", "24.878", "5.880"]), {"dtype": "number", "format": ""}),
        (spread(["24.878 €", "31.912 €", "€ 7.123"]), {"dtype": "integer", "format": "1.234 €"}),
        (spread(["1.250,- €", "3,50 €"]), {"dtype": "number", "unit": "€"}),
        (spread(["12,34,567", "1,23,456"]), {"dtype": "integer", "format": "1,234"}),
        (spread(["1,5E+03", "2,25E-01"]), {"dtype": "number", "format": "1234,56"}),
        (spread(["5.5 °C", "-3.25 °C"]), {"dtype": "number", "unit": "°C", "minimum": -12}),
        (spread(["12,5", "12.25", "100"]), {"dtype": "number", "format": "1234.56"}),
    ],
)
def test_the_notation_of_a_column_is_inferred(tmp_path: Path, texts: list[str], wanted: dict[str, Any]) -> None:
    """Marks, signs and units are found by all values, one in three hundred among them, and stand in the contract."""
    column = infer(tmp_path, {"a": texts}).contract.column("a")
    assert column.role == "feature"
    assert {key: getattr(column, key) for key in wanted} == wanted


@pytest.mark.parametrize(
    "texts",
    [
        spread(["0171 234", "030 123"]),
        spread(["12A", "12B", "7C"]),
        spread(["10.0.0.1", "10.0.0.25"]),
        spread(["ID 12", "ID 13"]),
        spread(["$5", "€5"]),
        spread(["24.878 €", "31.912 €", "EUR 7"]),
        spread(["5%", "0.5"]),
        spread(["1.2.3", "1.10.0"]),
        spread(["12:30", "14:05"]),
        spread(["4-5", "6-7"]),
        spread(["5 kg", "5 lb"]),
        spread(["00,12", "01,13"]),
    ],
)
def test_what_is_no_number_in_one_notation_stays_a_text(tmp_path: Path, texts: list[str]) -> None:
    """Codes, addresses, two currencies or two units in a column, and leading zeros are no numbers."""
    assert infer(tmp_path, {"a": texts}).contract.column("a").dtype == "string"


def test_what_is_ambiguous_is_decided_by_the_rest_of_the_table(tmp_path: Path) -> None:
    """24.877 is a whole number where the other columns have decimal commas, and a decimal where they have dots."""
    doubtful = spread(["24.877", "31.912", "12.345"])
    beside_commas = infer(tmp_path / "a", {"a": doubtful, "b": decimals(NumberNotation(","))})
    assert beside_commas.contract.column("a").format == "1.234"
    assert [note.rule for note in beside_commas.notes if note.column == "a"] == ["ambiguous_numbers", "notation"]
    beside_dots = infer(tmp_path / "b", {"a": doubtful, "b": decimals(US)})
    assert beside_dots.contract.column("a").dtype == "number"
    assert beside_dots.contract.column("a").format == ""


def test_what_nothing_decides_is_asked_about(tmp_path: Path) -> None:
    """A table that leaves it open is read in the commoner way, with a warning that says which, and how to say it."""
    made = infer(tmp_path, {"a": spread(["24,877", "31,912", "12,345"])})
    assert made.contract.column("a").dtype == "integer"
    assert next((note.severity, note.rule, note.count) for note in about(made, "a")) == (
        "warning",
        "ambiguous_numbers",
        N,
    )
    assert "24,877 is 24877" in about(made, "a")[0].sentence
    assert "--decimal" in about(made, "a")[0].remedy


@pytest.mark.parametrize(
    ("wishes", "dtype"),
    [
        ({"decimal": ","}, "number"),
        ({"thousands": ","}, "integer"),
        ({"country": "DE"}, "number"),
        ({"country": "US"}, "integer"),
    ],
)
def test_a_person_or_a_country_decides(tmp_path: Path, wishes: dict[str, str], dtype: str) -> None:
    """--decimal and --thousands override what would be guessed, and so does the country's habit."""
    found = infer(tmp_path, {"a": spread(["24,877", "31,912", "12,345"])}, **wishes)
    assert found.contract.column("a").dtype == dtype
    assert all(note.severity == "info" for note in found.notes)


def test_marks_that_no_notation_has_are_refused(tmp_path: Path) -> None:
    """One mark for both, or another sign, is refused by the option's name."""
    for wishes in ({"decimal": ";"}, {"thousands": "x"}, {"decimal": ",", "thousands": ","}):
        with pytest.raises(InputError, match=r"--(decimal|thousands) must be"):
            infer(tmp_path / str(len(wishes) + len(str(wishes))), {}, **wishes)


def test_a_percent_sign_that_many_lack_is_told(tmp_path: Path) -> None:
    """0.5 beside 50% may be the same or not, so the column stays a text and a warning says why."""
    made = infer(tmp_path, {"a": spread(["5%", "7%", "0.5"])})
    assert [(note.severity, note.rule, note.count) for note in about(made, "a")] == [("warning", "mixed_units", N // 3)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(NOTATIONS, st.integers(0, 3), st.integers(0, 2**32))
def test_a_random_table_in_a_random_notation_comes_back(
    tmp_path_factory: pytest.TempPathFactory, notation: NumberNotation, count: int, seed: int
) -> None:
    """What is written is inferred and read to the last digit, as the type that it was."""
    draw = random.Random(seed)  # noqa: S311 - test data
    numbers = [draw.randint(-(10 ** (4 + count)), 10 ** (5 + count)) / 10**count for _ in range(N)]
    if count == 3:  # one that has two decimals only: three alone could be thousands
        numbers[0] = 0.25
    texts = [written(number, notation, decimals=count) for number in numbers]
    if count == 3:
        texts[0] = written(0.25, notation, decimals=2)
    made = infer(tmp_path_factory.mktemp("random"), {"a": texts})
    column = made.contract.column("a")
    assert column.dtype == ("number" if count else "integer")
    read = cast_columns(pl.DataFrame({"a": texts}), [column], missing_values=[""])
    assert read.failed == {}
    assert read.frame["a"].to_list() == numbers


def test_a_contract_without_a_format_reads_plain_numbers_only() -> None:
    """What another notation means is never guessed where the contract does not say it."""
    read = cast_columns(pl.DataFrame({"a": ["1.5", "1,5"]}), [Column("a", "number")], missing_values=[""])
    assert read.frame["a"].to_list() == [1.5, None]
    assert read.failed["a"].to_list() == [False, True]
