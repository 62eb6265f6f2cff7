"""Windows: the same function makes the rows of training and of serving."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError
from headrace.core.series.regular_series import read_series
from headrace.core.series.windows import (
    CHANGE,
    DRIFT,
    GAP,
    GAP_BEFORE,
    NAIVE,
    ORIGIN,
    STEP,
    feature_names,
    forecast_rows,
    training_windows,
)  # fmt: skip
from tests.core.series.made_series import MONTHLY, monthly


def windows(rows: pl.DataFrame, **changes: object) -> pl.DataFrame:
    """The training rows of a table."""
    series = replace(MONTHLY, **changes)  # type: ignore[arg-type]
    return training_windows(read_series(rows, series).series, series)


def test_naive_forecast_and_change_add_up_to_the_series() -> None:
    """For each step after each origin."""
    rows = monthly(60)
    joined = windows(rows).join(rows, on="month")
    np.testing.assert_allclose((joined[NAIVE] + joined[CHANGE]).to_numpy(), joined["sold"].to_numpy())
    assert joined.filter(pl.col(ORIGIN) >= pl.col("month")).is_empty()


def test_the_naive_forecast_is_one_season_before() -> None:
    """And beyond one season, the latest that is known."""
    joined = windows(monthly(80), horizon=14)
    known = dict(monthly(80).iter_rows())
    for origin, month, step, naive in joined.select(ORIGIN, "month", STEP, NAIVE).iter_rows():
        years = 1 if step <= 12 else 2
        assert naive == known[month.replace(year=month.year - years)], (origin, month)


def test_a_forecast_sees_what_training_saw() -> None:
    """The row of an origin is equal, bit by bit, whether what follows is known or not."""
    rows = monthly(70)
    trained = windows(rows).filter(pl.col(ORIGIN) == rows["month"][40])
    one = read_series(rows.head(41), MONTHLY).series[0]
    served = forecast_rows(one, MONTHLY, {})
    assert served.equals(trained.drop(CHANGE))
    assert set(feature_names(MONTHLY)) <= set(served.columns)


def test_a_level_changes_nothing_but_the_naive_forecast() -> None:
    """A model of changes is never outside of what it has seen because of a trend."""
    rows = monthly(60)
    base, higher = windows(rows), windows(rows.with_columns(pl.col("sold") + 1024.0))
    for name in (*feature_names(MONTHLY), CHANGE):
        np.testing.assert_allclose(base[name].to_numpy(), higher[name].to_numpy(), atol=1e-9)
    np.testing.assert_allclose((higher[NAIVE] - base[NAIVE]).to_numpy(), 1024.0)


def test_nothing_after_the_origin_enters_a_window() -> None:
    """Other values after it change the target alone."""
    rows = monthly(60)
    origin = rows["month"][45]
    changed = rows.with_columns(pl.when(pl.col("month") > origin).then(-99.0).otherwise("sold").alias("sold"))
    before, after = (windows(one).filter(pl.col(ORIGIN) <= origin).drop(CHANGE) for one in (rows, changed))
    assert before.equals(after)


def test_missing_values_stay_missing_and_are_no_targets() -> None:
    """The naive forecast falls back to an earlier season, then to the last value."""
    rows = monthly(60).with_columns(pl.when(~pl.int_range(pl.len()).is_in([20, 35])).then("sold"))
    found = windows(rows, gaps="missing")
    assert rows["month"][35] not in found["month"].to_list()
    assert found.filter(pl.col(ORIGIN) == rows["month"][35]).height == MONTHLY.horizon
    assert found[NAIVE].is_nan().sum() == 0
    assert found["lag_5"].is_nan().sum() > 0
    assert np.isfinite(found[GAP].to_numpy()).all()


def test_windows_without_two_seasons_lack_what_needs_them() -> None:
    """A shorter window has fewer columns, not empty ones."""
    assert {GAP_BEFORE, DRIFT} <= set(windows(monthly()).columns)
    assert not {GAP_BEFORE, DRIFT} & set(windows(monthly(), length=23).columns)


def test_short_series_and_endless_windows_are_refused() -> None:
    """With what to do."""
    with pytest.raises(DataError, match="longer than a window, 24 rows; the longest of 1 has 20"):
        windows(monthly(20))
    with pytest.raises(DataError, match=r"every: \d+"):
        windows(monthly(4_000), length=2_000, horizon=500)


def test_a_stride_keeps_the_newest_origin() -> None:
    """Counted from the end."""
    series = read_series(monthly(60), MONTHLY).series
    found = training_windows(series, MONTHLY, every=7).get_column(ORIGIN).unique().sort()
    assert found[-1] == monthly(60)["month"][58]
    assert len(found) < 8
