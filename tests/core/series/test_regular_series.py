"""Series on a regular grid, or a refusal."""

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError
from headrace.core.contracts.series import Series
from headrace.core.series.regular_series import read_series
from tests.core.series.made_series import MONTHLY, monthly

DAILY = Series("time", "y", "1d", length=3, horizon=2, keys=("shop",), known=("price",))


def test_rows_of_each_key_become_one_series_in_any_order() -> None:
    """Known columns go with their times."""
    rows = pl.DataFrame(
        {"shop": ["b", "a", "b", "a"], "day": [2, 1, 1, 2], "y": [4.0, 1.0, 3.0, 2.0], "price": [8, 5, 7, 6]}
    )
    rows = rows.with_columns(time=pl.datetime(2024, 1, pl.col("day"), time_unit="us"))
    found = read_series(rows, DAILY).series
    assert [(one.key, one.values.tolist(), one.known["price"]) for one in found] == [
        (("a",), [1.0, 2.0], [5, 6]),
        (("b",), [3.0, 4.0], [7, 8]),
    ]


def test_a_gap_is_refused_by_default_and_named() -> None:
    """A row that is absent, and one without a value, are the same."""
    rows = (
        monthly().with_columns(pl.when(pl.int_range(pl.len()) != 7).then("sold")).filter(pl.int_range(pl.len()) != 30)
    )
    with pytest.raises(DataError, match=r"2 of 120 are missing, such as .'2000-08-01 00:00:00', '2002-07-01"):
        read_series(rows, MONTHLY)


@pytest.mark.parametrize(("gaps", "expected"), [("missing", float("nan")), ("previous", 6.0)])
def test_gaps_are_filled_as_the_contract_says_and_never_observed(gaps: str, expected: float) -> None:
    """A value that was filled is no value to be predicted."""
    rows = pl.DataFrame({"month": ["2024-01-01", "2024-02-01", "2024-04-01"], "sold": [5.0, 6.0, 7.0]})
    series = Series("month", "sold", "1mo", length=2, horizon=1, gaps=gaps)  # type: ignore[arg-type]
    found = read_series(rows.with_columns(pl.col("month").str.to_datetime(time_unit="us")), series)
    np.testing.assert_array_equal(found.series[0].values, [5.0, 6.0, expected, 7.0])
    assert found.series[0].observed.tolist() == [True, True, False, True]
    assert [note.count for note in found.notes] == [1]


def test_repeated_times_are_refused_with_the_usual_reasons() -> None:
    """A key that was not named, rows that belong together, or a clock that is set back."""
    with pytest.raises(DataError, match=r"must occur once; 1 are repeated.*key.*clock"):
        read_series(pl.concat([monthly(), monthly().tail(1)]), MONTHLY)


def test_times_between_two_steps_are_refused() -> None:
    """Rather than moved to the nearest step."""
    rows = monthly().with_columns(
        pl.when(pl.int_range(pl.len()) == 5).then(pl.col("month").dt.offset_by("9d")).otherwise("month")
    )
    with pytest.raises(DataError, match=r"1mo apart.*1 lie between two steps, such as .'2000-06-10"):
        read_series(rows, MONTHLY)


def test_local_times_with_a_zone_are_utc_so_that_no_hour_repeats() -> None:
    """In Berlin 02:30 comes twice on 2024-10-27; with zones, the two are an hour apart."""
    utc = pl.datetime_range(
        pl.datetime(2024, 10, 26, 22), pl.datetime(2024, 10, 27, 3), "1h", time_zone="UTC", eager=True
    )
    rows = pl.DataFrame({"t": utc.dt.convert_time_zone("Europe/Berlin"), "y": np.arange(6.0)})
    series = Series("t", "y", "1h", length=2, horizon=1)
    assert read_series(rows, series).series[0].values.tolist() == list(range(6))
    with pytest.raises(DataError, match="1 are repeated"):
        read_series(rows.with_columns(pl.col("t").dt.replace_time_zone(None)), series)


def test_a_row_without_time_or_key_is_refused() -> None:
    """It belongs nowhere."""
    with pytest.raises(DataError, match="'month'; it is missing in 1 of 120 rows"):
        read_series(monthly().with_columns(pl.when(pl.int_range(pl.len()) > 0).then("month")), MONTHLY)
