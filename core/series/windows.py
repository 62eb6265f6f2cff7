"""Windows of series: for training and for serving, the same function makes the rows that a model of forecasts sees.

A row is one window (the latest ``length`` values of a key up to its ``origin``) and one step after it. All values of
the window are differences from its last value, and what is predicted is the difference from the seasonal naive
forecast, the latest known value of the same place in the season. So a level that was never seen is no news to a model,
and one that predicts 0 is the seasonal naive forecast.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from headrace.core.base.errors import DataError, quote
from headrace.core.contracts.series import Series
from headrace.core.series.regular_series import Floats, RegularSeries
from headrace.core.series.steps import Step

ORIGIN, STEP, NAIVE, CHANGE = "origin", "step", "seasonal_naive", "change"
GAP, GAP_BEFORE, DRIFT = "seasonal_gap", "seasonal_gap_before", "seasonal_drift"
_MOST_CELLS = 60_000_000
Places = NDArray[np.int64]


@dataclass(frozen=True)
class WindowFeatures:
    """What m windows say of the h steps after each.

    Attributes:
        last: Latest known value (m,); NaN where a window has none.
        lags: Differences (m, k) from it of the k values before, the latest first.
        naive: Seasonal naive forecast (m, h).
        gap: Its difference (m, h) from the latest known value.
        gap_before: Difference (m, h) of the same place one season earlier from the forecast; None if windows are
            shorter than two seasons.
        drift: Mean of the last season minus that of the one before (m,); None as before.
    """

    last: Floats
    lags: Floats
    naive: Floats
    gap: Floats
    gap_before: Floats | None
    drift: Floats | None


def lag_name(lag: int) -> str:
    """Return the name of the column for the value ``lag`` - 1 steps before the last one."""
    return f"lag_{lag}"


def has_two_seasons(series: Series) -> bool:
    """Return whether windows hold two whole seasons."""
    return series.length >= 2 * series.season


def feature_names(series: Series) -> tuple[str, ...]:
    """Return the names of the columns that windows give a model, beside keys, step, time and known columns."""
    lags = [lag_name(lag) for lag in range(2, series.length + 1)]
    return (*lags, GAP, *((GAP_BEFORE, DRIFT) if has_two_seasons(series) else ()))


def window_features(windows: Floats, series: Series) -> WindowFeatures:
    """Compute what windows say of the steps after them.

    Args:
        windows: Values (m, k), the oldest first, NaN where one is missing.
        series: The contract's section, with k its length.
    """
    length, season = series.length, series.season
    filled = pl.DataFrame(windows.T).fill_nan(None).select(pl.all().forward_fill())
    last: Floats = (
        filled.tail(1).fill_null(float("nan")).to_numpy()[0].astype(np.float64) if len(windows) else np.empty(0)
    )
    steps = np.arange(1, series.horizon + 1)
    places = length - 1 + steps - -(-steps // season) * season
    naive = _latest_of_season(windows, places, season, last)
    before, drift = None, None
    if has_two_seasons(series):
        before = windows[:, places - season] - naive
        drift = _mean(windows[:, length - season :]) - _mean(windows[:, length - 2 * season : length - season])
    lags: Floats = windows[:, -2::-1] - last[:, None]
    return WindowFeatures(last, lags, naive, naive - last[:, None], before, drift)


def _latest_of_season(windows: Floats, places: Places, season: int, last: Floats) -> Floats:
    """Return values (m, H) at places (H,), or whole seasons earlier where they are missing, or the last ones."""
    found: Floats = windows[:, places].copy()
    earlier = places - season
    while np.isnan(found).any() and (earlier >= 0).any():
        candidate = np.where(earlier >= 0, windows[:, np.maximum(earlier, 0)], np.nan)
        found = np.where(np.isnan(found), candidate, found)
        earlier = earlier - season
    return np.where(np.isnan(found), last[:, None], found)


def _mean(values: Floats) -> Floats:
    """Return means (m,) of rows (m, s) without their missing values; NaN for a row without any."""
    known = ~np.isnan(values)
    sums, counts = np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1)
    means: Floats = np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
    return means


def training_windows(table: Sequence[RegularSeries], series: Series, *, every: int = 1) -> pl.DataFrame:
    """Return one row for each window and each step after it whose value was observed.

    Args:
        table: The series of all keys.
        series: The contract's section.
        every: Steps from one window's origin to the next one's.

    Returns:
        Table (n, p): keys, ``origin``, time, ``step`` (from 1), known columns, the windows' features,
        ``seasonal_naive`` and ``change``; the latter two add up to the value of the series.

    Raises:
        DataError: If no series is long enough, or there would be more rows than memory should hold.
    """
    cells = sum(len(one.values) for one in table) // every * series.horizon * series.length
    if cells > _MOST_CELLS:
        raise DataError(
            f"windows must have at most {_MOST_CELLS:,} values; {series.length} values by {series.horizon} steps "
            f"make {cells:,}; begin a window only every so many steps (every: {-(-cells * every // _MOST_CELLS)}), or "
            "make them shorter."
        )
    frames = [frame for one in table if (frame := _training_rows(one, series, every)).height]
    if not frames:
        longest = max((len(one.values) for one in table), default=0)
        raise DataError(
            f"a series must be longer than a window, {series.length} rows; the longest of {len(table)} has {longest}; "
            "make the windows shorter, or bring more rows."
        )
    return pl.concat(frames).sort(ORIGIN, maintain_order=True)


def _training_rows(one: RegularSeries, series: Series, every: int) -> pl.DataFrame:
    length, count = series.length, len(one.values)
    # Counted from the end, so that the newest rows are used whatever the stride.
    origins = np.arange(count - 2, length - 2, -every, dtype=np.int64)[::-1]
    if not len(origins):
        return pl.DataFrame()
    windows = sliding_window_view(one.values, length)[origins - length + 1]
    features = window_features(windows, series)
    targets = origins[:, None] + np.arange(1, series.horizon + 1)
    inside = targets < count
    usable = inside & one.observed[np.where(inside, targets, 0)] & ~np.isnan(features.last)[:, None]
    rows, steps = np.nonzero(usable)
    actual = one.values[targets[rows, steps]]
    frame = _frame(one, series, origins, features, rows, steps)
    return frame.with_columns(pl.Series(CHANGE, actual - features.naive[rows, steps]))


def forecast_rows(one: RegularSeries, series: Series, future: Mapping[str, Sequence[object]]) -> pl.DataFrame:
    """Return the rows (H, p) of one forecast: the steps after the end of a series.

    Args:
        one: The series of one key; only its latest ``length`` values count.
        series: The contract's section.
        future: Values (H,) of each known column for the times after it.

    Returns:
        The columns of ``training_windows`` but ``change``.

    Raises:
        DataError: If the history is shorter than a window, or all of it is missing.
    """
    count = len(one.values)
    if count < series.length:
        raise DataError(f"a history must hold at least {series.length} steps of {series.step}; it holds {count}.")
    window = one.values[None, -series.length :]
    if np.isnan(window).all():
        raise DataError(f"a history must hold a value of {quote(series.target)}; all are missing.")
    steps = np.arange(series.horizon)
    features = window_features(window, series)
    extended = RegularSeries(
        one.key, one.start, one.values, one.observed, {name: [*one.known[name], *future[name]] for name in series.known}
    )
    return _frame(extended, series, np.array([count - 1]), features, np.zeros_like(steps), steps)


def _frame(
    one: RegularSeries,
    series: Series,
    origins: Places,
    features: WindowFeatures,
    rows: Places,
    steps: Places,
) -> pl.DataFrame:
    """Arrange the features of windows (m,) as rows (n, p), each a window ``rows`` and a step ``steps`` from 0 on."""
    step, last = Step.parse(series.step), int(origins[-1]) + series.horizon + 1
    times = pl.Series([step.advance(one.start, place) for place in range(last)], dtype=pl.Datetime("us"))
    targets = origins[rows] + steps + 1
    columns: dict[str, Any] = {
        name: pl.Series([value]).new_from_index(0, len(rows)) for name, value in zip(series.keys, one.key, strict=True)
    }
    columns[ORIGIN], columns[series.time] = times.gather(origins[rows]), times.gather(targets)
    columns[STEP] = steps + 1
    columns |= {name: pl.Series(one.known[name]).gather(targets) for name in series.known}
    columns |= {lag_name(place + 2): features.lags[rows, place] for place in range(series.length - 1)}
    columns[GAP] = features.gap[rows, steps]
    if features.gap_before is not None and features.drift is not None:
        columns[GAP_BEFORE], columns[DRIFT] = features.gap_before[rows, steps], features.drift[rows]
    columns[NAIVE] = features.naive[rows, steps]
    return pl.DataFrame(columns)
