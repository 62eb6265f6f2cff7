"""Dates in many forms: read, decided by the whole column, told where both ways round fit."""

# ruff: noqa: DTZ001 - the timestamps of a typed table are naive

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import InferredContract, infer_with_notes
from headrace.core.readers.ingest import ingest_table
from headrace.core.tables import parquet_table
from headrace.core.validation.block import validate_block
from headrace.core.values.month_names import _NAMES
from headrace.stores.sources.open_source import open_source
from tests.core.made import about

N = 60
DAYS = [datetime(2023, 1, 1) + timedelta(days=6 * place) for place in range(N)]


def infer(folder: Path, columns: dict[str, list[Any]], **wishes: Any) -> InferredContract:
    """The contract of a table of texts with a target, as it comes from a CSV."""
    with parquet_table.TableWriter(folder / "raw") as writer:
        writer.write(pl.DataFrame({"y": ["no", "yes", "no"] * (N // 3), **columns}))
    return infer_with_notes(folder / "raw", name="demo", target="y", hints=ContractHints(**wishes))


def read(texts: list[Any], column: Column) -> list[datetime | None]:
    """The times that the cast reads; it must not fail."""
    found = cast_columns(pl.DataFrame({column.name: texts}), [column], missing_values=[""])
    assert found.failed == {}
    times: list[datetime | None] = found.frame[column.name].to_list()
    return times


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("%d.%m.%Y", "%d.%m.%Y"),
        ("%d.%m.%y", "%d.%m.%y"),
        ("%m/%d/%y", "%m/%d/%y"),
        ("%d/%m/%y", "%d/%m/%y"),
        ("%Y.%m.%d", "%Y.%m.%d"),
        ("%d-%b-%y", "%d-%b-%y"),
        ("%d-%b-%Y", "%d-%b-%Y"),
        ("%d %B %Y", "%d %b %Y"),
        ("%B %d, %Y", "%b %d, %Y"),
        ("%d. %B %Y", "%d %b %Y"),
        ("%A, %d %B %Y", "%d %b %Y"),
        ("%Y%m%d", "%Y%m%d"),
        ("%Y%m%d%H%M%S", "%Y%m%d%H%M%S"),
        ("%Y%m%dT%H%M%S", "%Y%m%dT%H%M%S"),
        ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M %p"),
        ("%d/%m/%Y, %H:%M:%S", "%d/%m/%Y, %H:%M:%S"),
        ("%Y-%m-%dT%H:%M:%S", ""),
    ],
)
def test_dates_are_read_as_they_are_written(tmp_path: Path, written: str, form: str) -> None:
    """The form is inferred by all values, stands in the contract and reads each day as it was."""
    texts = [day.strftime(written) for day in DAYS]
    column = infer(tmp_path, {"opened": texts}).contract.column("opened")
    assert (column.dtype, column.role, column.format) == ("timestamp", "timestamp", form)
    assert read(texts, column) == DAYS


@pytest.mark.parametrize("language", _NAMES)
def test_months_are_read_in_the_common_languages(language: str) -> None:
    """The name of each month, however it ends, is that month; in capitals too."""
    column = Column("t", "timestamp", "timestamp", format="%d %b %Y")
    names = _NAMES[language].split()
    wanted = [datetime(2024, month, 5) for month in range(1, 13)]
    assert read([f"5 {name}" + ". 2024" for name in names], column) == wanted
    assert read([f"5 {name.upper()} 2024" for name in names], column) == wanted


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("5. Januar 2024", 5),
        ("Freitag, 5. Januar 2024", 5),
        ("5 de enero de 2024", 5),
        ("1er janvier 2024", 1),
        ("5 janv. 2024", 5),
        ("5th January 2024", 5),
        ("5 stycznia 2024", 5),
        ("Fri, 05 Jan 2024 GMT", 5),
    ],
)
def test_what_stands_around_a_date_is_passed_over(text: str, day: int) -> None:
    """Weekdays, ordinals, dots and small words are how people write a date."""
    assert read([text], Column("t", "timestamp", "timestamp", format="%d %b %Y")) == [datetime(2024, 1, day)]


def test_a_word_that_is_no_month_is_a_failure() -> None:
    """Nothing is guessed of a word that no language has for a month."""
    column = Column("t", "timestamp", "timestamp", format="%d %b %Y")
    assert "t" in cast_columns(pl.DataFrame({"t": ["5 foo 2024"]}), [column], missing_values=[]).failed


def test_years_of_two_digits_have_a_pivot_that_is_told(tmp_path: Path) -> None:
    """70 to 99 are 1970 to 1999, the rest 2000 to 2069; a year far ahead is a warning."""
    column = Column("t", "timestamp", "timestamp", format="%m/%d/%y")
    assert read(["1/5/98", "1/2/00", "7/4/23", "1/1/69", "1/1/70"], column) == [
        datetime(1998, 1, 5),
        datetime(2000, 1, 2),
        datetime(2023, 7, 4),
        datetime(2069, 1, 1),
        datetime(1970, 1, 1),
    ]
    soon = infer(tmp_path / "a", {"opened": [day.strftime("%m/%d/%y") for day in DAYS]})
    assert [(note.severity, note.rule) for note in about(soon, "opened")] == [("info", "two_digit_years")]
    births = [day.replace(year=1940 + place).strftime("%m/%d/%y") for place, day in enumerate(DAYS)]
    late = infer(tmp_path / "b", {"since": births})
    assert [(note.severity, note.rule) for note in about(late, "since")] == [("warning", "two_digit_years")]


def test_a_year_of_two_digits_is_never_one_of_antiquity() -> None:
    """7/4/23 is no date of the year 23, whatever the contract says."""
    column = Column("t", "timestamp", "timestamp", format="%m/%d/%Y")
    assert "t" in cast_columns(pl.DataFrame({"t": ["7/4/23"]}), [column], missing_values=[]).failed


EITHER = [f"{1 + place % 12}/{1 + place % 11}/2023" for place in range(N)]


@pytest.mark.parametrize(
    ("columns", "country", "form", "severity"),
    [
        ({}, "", "%d/%m/%Y", "warning"),
        ({}, "US", "%m/%d/%Y", "info"),
        ({}, "DE", "%d/%m/%Y", "info"),
        ({"closed": [day.strftime("%m/%d/%Y") for day in DAYS]}, "", "%m/%d/%Y", "info"),
    ],
)
def test_day_and_month_are_decided_or_asked_about(
    tmp_path: Path, columns: dict[str, list[str]], country: str, form: str, severity: str
) -> None:
    """The country decides, or the table's other columns; else a warning says which way they are read."""
    made = infer(tmp_path, {"opened": EITHER, **columns}, country=country)
    assert made.contract.column("opened").format == form
    assert [(note.severity, note.rule) for note in made.notes if note.column == "opened"] == [
        (severity, "day_or_month")
    ]


def test_one_value_in_many_decides_which_way_round(tmp_path: Path) -> None:
    """A single day beyond the twelfth settles the column, and its row is not set aside."""
    texts = [*EITHER[:-1], "1/31/2023"]
    column = infer(tmp_path, {"opened": texts * 1}).contract.column("opened")
    assert (column.format, column.description) == ("%m/%d/%Y", "")


@pytest.mark.parametrize(
    ("one", "other"), [("%d/%m/%Y", "%Y-%m-%d"), ("%d.%m.%Y", "%d/%m/%y"), ("%d %b %Y", "%Y.%m.%d")]
)
def test_two_forms_in_a_column_are_both_read(tmp_path: Path, one: str, other: str) -> None:
    """Each row is read in its own form, and the contract and a note name both."""
    texts = [day.strftime(one if place % 3 else other) for place, day in enumerate(DAYS)]
    made = infer(tmp_path, {"opened": texts})
    column = made.contract.column("opened")
    assert read(texts, column) == DAYS
    assert "date_forms" in [note.rule for note in made.notes]


def test_both_ways_round_in_one_column_are_not_guessed(tmp_path: Path) -> None:
    """13/1/2023 beside 1/13/2023 leaves 1/2/2023 open, so the column is left out and says why."""
    column = infer(tmp_path, {"opened": ["13/1/2023", "1/13/2023", "1/2/2023"] * (N // 3)}).contract.column("opened")
    assert column.dtype == "string"


def test_compact_dates_are_read_from_numbers_too(tmp_path: Path) -> None:
    """20240131 is a date as the text of a CSV and as the integer of Parquet or JSON; other whole numbers are not."""
    texts = [day.strftime("%Y%m%d") for day in DAYS]
    for place, values in enumerate((texts, [int(text) for text in texts])):
        column = infer(tmp_path / str(place), {"opened": values}).contract.column("opened")
        assert (column.dtype, column.format) == ("timestamp", "%Y%m%d")
        assert read(values, column) == DAYS
    numbers = [20_230_000 + 7 * place for place in range(N)]
    assert infer(tmp_path / "no", {"amount": numbers}).contract.column("amount").dtype == "integer"


@pytest.mark.parametrize(
    ("name", "values", "hint"),
    [
        ("created_at", [1_700_000_000 + 86_400 * place for place in range(N)], "seconds since 1970"),
        ("timestamp", [1_700_000_000_000 + 86_400_000 * place for place in range(N)], "milliseconds since 1970"),
        ("date", [45_000 + place for place in range(N)], "days of Excel"),
        ("start", [f"{8 + place % 10}:{place:02}" for place in range(N)], "times of day"),
        ("amount", [45_000 + place for place in range(N)], ""),
    ],
)
def test_what_may_be_times_is_hinted_at(tmp_path: Path, name: str, values: list[Any], hint: str) -> None:
    """Epochs, Excel's days and clocks stay what they are, and a note says what they seem to be."""
    texts = [str(value) for value in values]
    sentences = [note.sentence for note in about(infer(tmp_path, {name: texts}), name)]
    assert (hint in sentences[0]) if hint else not sentences


def test_years_that_no_calendar_has_are_set_aside_or_told(tmp_path: Path) -> None:
    """The years 0 and 10000 as text quarantine their row; in Parquet they are missing, and a note counts them."""
    contract = Contract("t", "regression", (Column("t", "timestamp", "timestamp"), Column("y", "number", "target")))
    texts = ["2024-01-05", "0000-01-01", "10000-01-01", "infinity", "9999-12-31"]
    block = validate_block(pl.DataFrame({"t": texts, "y": [1.0] * 5}), contract)
    assert block.valid["t"].to_list() == [datetime(2024, 1, 5), datetime(9999, 12, 31)]
    assert block.quarantine["_reasons"].to_list() == ["type:t"] * 3

    beyond = pl.Series("until", [253_402_300_800_000_000, -62_135_596_800_000_001, 2**63 - 1, 0] * 15)
    frame = pl.DataFrame({"until": beyond.cast(pl.Datetime("us")), "y": ["no", "yes", "no"] * 20})
    frame.write_parquet(tmp_path / "t.parquet")
    facts = ingest_table(open_source(str(tmp_path / "t.parquet")), folder=tmp_path / "table")
    found = parquet_table.scan(tmp_path / "table").collect()["until"]
    assert found.to_list()[:4] == [None, None, None, datetime(1970, 1, 1)]
    assert [(note["column"], note["rule"], note["count"]) for note in facts["notes"]] == [("until", "times_beyond", 45)]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**32),
    st.sampled_from(["%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "%d-%b-%y", "%B %d, %Y", "%Y%m%d", "%Y-%m-%d"]),
    st.sampled_from(["", " %H:%M", " %I:%M:%S %p"]),
)
def test_random_dates_in_a_random_form_come_back(
    tmp_path_factory: pytest.TempPathFactory, seed: int, day: str, clock: str
) -> None:
    """What strftime writes is inferred and read back to the second."""
    draw = random.Random(seed)  # noqa: S311 - test data
    days = [datetime(1970, 1, 1) + timedelta(days=draw.randint(0, 36_523)) for _ in range(N)]
    form = day if day == "%Y%m%d" else day + clock
    times = [
        datetime(d.year, d.month, d.day) + timedelta(hours=place % 24 if clock else 0) for place, d in enumerate(days)
    ]
    times = [time.replace(hour=0) for time in times] if form == "%Y%m%d" else times
    texts = [time.strftime(form) for time in times]
    column = infer(tmp_path_factory.mktemp("random"), {"opened": texts}, country="US").contract.column("opened")
    assert column.dtype == "timestamp"
    assert read(texts, column) == times
