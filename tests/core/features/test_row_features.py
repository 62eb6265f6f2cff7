"""Row features."""

# ruff: noqa: DTZ001 - the timestamps of a typed table are naive

from datetime import datetime
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.core.features import row_features

TIMES = ("day_of_week", "weekend", "month", "hour", "holiday")
CONTRACT = Contract(
    name="trips",
    task="regression",
    columns=(
        Column("y", "number", "target"),
        Column("a", "number"),
        Column("b", "integer"),
        Column("start", "timestamp", "timestamp"),
        Column("end", "timestamp", "timestamp"),
    ),
    features=(
        *(RowFeature(kind, kind, ("start",), "US" if kind == "holiday" else "") for kind in TIMES),  # type: ignore[arg-type]
        RowFeature("minutes", "elapsed", ("start", "end")),
        RowFeature("ratio", "ratio", ("a", "b")),
        RowFeature("product", "product", ("a", "b")),
    ),
)
SCHEMA = {"a": pl.Float64, "b": pl.Int64, "start": pl.Datetime("us"), "end": pl.Datetime("us")}


def made(**row: Any) -> dict[str, Any]:
    """The row features of one row."""
    frame = pl.DataFrame([{**dict.fromkeys(SCHEMA), **row}], schema=SCHEMA)
    added = row_features.add(frame, CONTRACT)
    assert added.columns == [*SCHEMA, *(feature.name for feature in CONTRACT.features)]
    return added.drop(*SCHEMA).to_dicts()[0]


@pytest.mark.parametrize(
    ("start", "wanted"),
    [
        (datetime(2019, 7, 4, 23, 59), (4, 0, 7, 23, 1)),
        (datetime(2019, 7, 6), (6, 1, 7, 0, 0)),
        (datetime(2023, 12, 25, 8), (1, 0, 12, 8, 1)),
        (datetime(2024, 2, 29, 12), (4, 0, 2, 12, 0)),
        (None, (None, None, None, None, None)),
    ],
)
def test_the_calendar_of_a_time(start: datetime | None, wanted: tuple[int | None, ...]) -> None:
    """Monday is 1, Saturday and Sunday are the weekend, and the United States' holidays are known."""
    found = made(start=start)
    assert tuple(found[kind] for kind in TIMES) == wanted


@pytest.mark.parametrize(
    ("row", "name", "wanted"),
    [
        ({"start": datetime(2019, 1, 1, 23, 50), "end": datetime(2019, 1, 2, 0, 5, 30)}, "minutes", 15.5),
        ({"start": datetime(2019, 1, 2), "end": datetime(2019, 1, 1)}, "minutes", -1440.0),
        ({"start": datetime(2019, 1, 2)}, "minutes", None),
        ({"a": 3.0, "b": 2}, "ratio", 1.5),
        ({"a": 3.0, "b": 0}, "ratio", None),
        ({"a": 3.0, "b": 2}, "product", 6.0),
        ({"a": 1e308, "b": 100}, "product", None),
        ({"a": None, "b": 2}, "product", None),
    ],
)
def test_what_two_columns_make(row: dict[str, Any], name: str, wanted: float | None) -> None:
    """Elapsed minutes, ratios and products; what is undefined or overflows is missing."""
    assert made(**row)[name] == wanted


INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))


@given(st.lists(st.tuples(INSTANTS, INSTANTS), min_size=1, max_size=20))
def test_elapsed_time_is_the_same_from_fields_as_from_durations(pairs: list[tuple[datetime, datetime]]) -> None:
    """Where an engine has no durations, the fields of the timestamps give the same microseconds."""
    frame = pl.DataFrame(pairs, schema={"a": pl.Datetime("us"), "b": pl.Datetime("us")}, orient="row")
    found = nw.from_native(frame).select(
        by_fields=row_features._microseconds(nw.col("b")) - row_features._microseconds(nw.col("a")),
        by_duration=(nw.col("b") - nw.col("a")).dt.total_microseconds(),
    )
    assert found["by_fields"].to_list() == found["by_duration"].to_list()


def test_a_contract_without_row_features_changes_nothing() -> None:
    """The same frame comes back."""
    frame = pl.DataFrame({"y": [1.0]})
    contract = Contract(name="a", task="regression", columns=CONTRACT.columns)
    assert row_features.add(frame, contract) is frame


def test_one_row_in_serving_gets_what_it_got_in_training() -> None:
    """A row's features do not depend on its neighbours."""
    frame = pl.DataFrame(
        {
            "a": [1.0, 2.0, None],
            "b": [0, 4, 5],
            "start": [datetime(2019, 7, day) for day in (4, 5, 6)],
            "end": [datetime(2019, 7, day, 6) for day in (4, 5, 6)],
        }
    )
    together = row_features.add(frame, CONTRACT)
    assert pl.concat(row_features.add(frame.slice(place, 1), CONTRACT) for place in range(3)).equals(together)
