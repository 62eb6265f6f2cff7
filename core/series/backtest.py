"""The backtest of forecasts: rolling origins in the test part, beside the naive and the seasonal naive forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl

from headrace.core.base import json_document
from headrace.core.contracts.series import Series
from headrace.core.series import forecast_metrics
from headrace.core.series.forecast_metrics import Floats, PairedForecasts
from headrace.core.series.windows import CHANGE, GAP, NAIVE, ORIGIN, STEP

FORMAT = 1
INTERVAL = 0.9
"""Share of values that the intervals of the backtest shall hold."""
_FEWEST_ORIGINS = 20
_PREDICTED = "_predicted"


@dataclass(frozen=True)
class ForecastErrors:
    """Errors of one way to forecast, in the unit of the series where it has one.

    Attributes:
        mae: Mean absolute error.
        rmse: Root of the mean squared error.
        smape: Symmetric mean absolute percentage error, 0 to 200.
        mase: Mean absolute error, where 1 is that of the seasonal naive forecast one step ahead in the training part;
            absent where that is 0.
        mae_by_step: Mean absolute error of each step; None for a step without a value.
    """

    mae: float
    rmse: float
    smape: float
    mase: float | None
    mae_by_step: tuple[float | None, ...]


@dataclass(frozen=True)
class IntervalErrors:
    """Intervals whose widths by step come from the earlier half of the origins, measured on the later half.

    Attributes:
        promised: Share of values that they should hold.
        held: Share that they do hold.
        pinball: Mean pinball loss of their two ends, in the unit of the series.
        half_width_by_step: Half of their width at each step, in the unit of the series.
    """

    promised: float
    held: float
    pinball: float
    half_width_by_step: tuple[float, ...]


@dataclass(frozen=True)
class ForecastComparison:
    """Absolute errors of the model and of another forecast, paired by origin.

    Attributes:
        against: ``naive`` or ``seasonal_naive``.
        difference: Mean absolute error of the model minus that of the other; below 0 if the model is better.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Chance of such a difference between equally good forecasts.
        origins: Number of origins.
        better: Whether the model is clearly better.
        worse: Whether it is clearly worse.
    """

    against: str
    difference: float
    low: float
    high: float
    p_value: float
    origins: int
    better: bool
    worse: bool


@dataclass(frozen=True)
class Backtest:
    """What is known of a model's forecasts from the rows that it has not seen.

    Attributes:
        format: Format of this document.
        series: The contract's section: time, target, step, length, horizon, season, keys, known, gaps.
        first_origin: First origin of the backtest.
        last_origin: Last one.
        origins: Number of origins.
        keys: Number of series.
        values: Number of values that were forecast.
        errors: Errors by ``model``, ``seasonal_naive`` and ``naive``.
        comparisons: The model beside each of the others; none where the origins are too few to tell.
        intervals: Errors of intervals; absent where the origins are too few.
        conclusion: What follows, in a sentence.
    """

    format: int
    series: dict[str, Any]
    first_origin: str
    last_origin: str
    origins: int
    keys: int
    values: int
    errors: dict[str, ForecastErrors]
    comparisons: tuple[ForecastComparison, ...]
    conclusion: str
    intervals: IntervalErrors | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return json_document.as_json(self)

    @classmethod
    def from_json(cls, facts: Any) -> Self:
        """Read what ``as_json`` returned.

        Raises:
            InputError: If it is another document.
        """
        return json_document.from_json(cls, facts, expected="a backtest", remedy="train the forecast again")

    @property
    def beats_seasonal_naive(self) -> bool:
        """Whether the model is clearly better than the seasonal naive forecast."""
        return any(one.better for one in self.comparisons if one.against == NAIVE)


def backtest(train: pl.DataFrame, test: pl.DataFrame, predicted: Floats, series: Series) -> Backtest:
    """Measure forecasts.

    Args:
        train: Windows of the training part, for the scale of the MASE.
        test: Windows of the test part (n rows), with ``change``.
        predicted: The model's answers (n,): differences from the seasonal naive forecast.
        series: The contract's section.
    """
    rows = complete_origins(test.with_columns(pl.Series(_PREDICTED, predicted)), series)
    predicted = rows.get_column(_PREDICTED).to_numpy()
    scales = _scales(train, rows, series)
    change, naive, gap = (rows.get_column(name).to_numpy() for name in (CHANGE, NAIVE, GAP))
    actual = naive + change
    forecasts = {"model": naive + predicted, NAIVE: naive, "naive": naive - gap}
    steps = rows.get_column(STEP).to_numpy()
    errors = {name: _errors(actual, forecast, scales, steps, series.horizon) for name, forecast in forecasts.items()}
    comparisons = tuple(
        comparison
        for name in (NAIVE, "naive")
        if (comparison := _compare(rows, actual, forecasts["model"], forecasts[name], name, series))
    )
    origins = rows.get_column(ORIGIN)
    return Backtest(
        format=FORMAT,
        series=json_document.as_json(series),
        first_origin=str(origins.min()),
        last_origin=str(origins.max()),
        origins=origins.n_unique(),
        keys=rows.select(series.keys).unique().height if series.keys else 1,
        values=rows.height,
        errors=errors,
        comparisons=comparisons,
        intervals=_intervals(rows, actual, forecasts["model"], series),
        conclusion=_conclude(errors, comparisons, series),
    )


def complete_origins(rows: pl.DataFrame, series: Series) -> pl.DataFrame:
    """Return the rows of origins from the first with a first step to the last with a last one.

    Origins shortly before the test part have late steps in it only, those at its end early ones: they would make steps
    count differently. A test part that is shorter than the horizon keeps all.
    """
    first = rows.filter(pl.col(STEP) == 1).get_column(ORIGIN).min()
    last = rows.filter(pl.col(STEP) == series.horizon).get_column(ORIGIN).max()
    complete = rows.filter(pl.col(ORIGIN).is_between(pl.lit(first), pl.lit(last)))
    return complete if complete.height else rows


def _scales(train: pl.DataFrame, test: pl.DataFrame, series: Series) -> Floats:
    """Return for each test row the mean absolute error of the seasonal naive forecast one step ahead in training."""
    ahead = train.filter(pl.col(STEP) == 1)
    mean = pl.col(CHANGE).abs().mean().alias("_scale")
    if not series.keys:
        value = ahead.select(mean).item()
        return np.full(test.height, float("nan") if value is None else value)
    joined = test.select(series.keys).join(
        ahead.group_by(series.keys).agg(mean), on=list(series.keys), how="left", maintain_order="left"
    )
    return joined.get_column("_scale").fill_null(float("nan")).to_numpy()


def _errors(actual: Floats, forecast: Floats, scales: Floats, steps: Any, horizon: int) -> ForecastErrors:
    errors = actual - forecast
    mase = forecast_metrics.mase(errors, scales)
    by_step = [np.abs(errors[steps == step]) for step in range(1, horizon + 1)]
    return ForecastErrors(
        mae=float(np.abs(errors).mean()),
        rmse=float(np.sqrt(np.square(errors).mean())),
        smape=forecast_metrics.smape(actual, forecast),
        mase=None if np.isnan(mase) else mase,
        mae_by_step=tuple(float(part.mean()) if len(part) else None for part in by_step),
    )


def _compare(
    rows: pl.DataFrame, actual: Floats, ours: Floats, theirs: Floats, name: str, series: Series
) -> ForecastComparison | None:
    losses = np.abs(actual - ours) - np.abs(actual - theirs)
    by_origin = (
        rows.select(ORIGIN, pl.Series("_loss", losses)).group_by(ORIGIN).agg(pl.col("_loss").mean()).sort(ORIGIN)
    )
    found: PairedForecasts | None = forecast_metrics.compare_forecasts(
        by_origin.get_column("_loss").to_numpy(), overlap=_overlap(rows, series)
    )
    if found is None:
        return None
    return ForecastComparison(
        against=name,
        difference=found.difference,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        origins=found.origins,
        better=found.better,
        worse=found.worse,
    )


def _overlap(rows: pl.DataFrame, series: Series) -> int:
    """Return how many following origins have forecasts that share a time with those of one."""
    origins = rows.select(ORIGIN, series.time).group_by(ORIGIN).agg(pl.col(series.time).max()).sort(ORIGIN)
    starts, ends = origins.get_column(ORIGIN).to_numpy(), origins.get_column(series.time).to_numpy()
    return int((np.searchsorted(starts, ends, side="left") - 1 - np.arange(len(starts))).max(initial=0))


def _intervals(rows: pl.DataFrame, actual: Floats, ours: Floats, series: Series) -> IntervalErrors | None:
    origins = rows.get_column(ORIGIN)
    distinct = origins.unique().sort()
    if len(distinct) < 2 * _FEWEST_ORIGINS:
        return None
    early = (origins <= distinct[len(distinct) // 2 - 1]).to_numpy()
    # Forecasts of times in the later half would hold some of its values.
    early &= (rows.get_column(series.time) <= distinct[len(distinct) // 2]).to_numpy()
    late, steps = (origins >= distinct[len(distinct) // 2]).to_numpy(), rows.get_column(STEP).to_numpy()
    widths = np.full(series.horizon, np.nan)
    for step in range(1, series.horizon + 1):
        found = np.sort(np.abs((actual - ours)[early & (steps == step)]))
        if len(found):
            # The conformal quantile: one more than the sample, as the value to come is one of them.
            widths[step - 1] = found[min(len(found) - 1, int(np.ceil(INTERVAL * (len(found) + 1))) - 1)]
    if np.isnan(widths).any():
        return None
    half, truth, middle = widths[steps[late] - 1], actual[late], ours[late]
    low, high, tail = middle - half, middle + half, (1 - INTERVAL) / 2
    losses = [
        forecast_metrics.pinball(truth, low, quantile=tail),
        forecast_metrics.pinball(truth, high, quantile=1 - tail),
    ]
    return IntervalErrors(
        promised=INTERVAL,
        held=forecast_metrics.coverage(truth, low, high),
        pinball=float(np.mean(losses)),
        half_width_by_step=tuple(widths.tolist()),
    )


def _conclude(errors: Mapping[str, ForecastErrors], comparisons: Sequence[ForecastComparison], series: Series) -> str:
    other = "seasonal naive" if series.season > 1 else "naive"
    ours, theirs = errors["model"].mae, errors[NAIVE].mae
    share = f"{abs(1 - ours / theirs):.1%} {'less' if ours < theirs else 'more'}" if theirs else "no error to compare"
    found = next((one for one in comparisons if one.against == NAIVE), None)
    figures = f"mean absolute error {ours:.4g} against {theirs:.4g}, {share}"
    if found is None:
        return f"The test part has too few origins to tell whether the model beats the {other} forecast ({figures})."
    figures += f", p = {found.p_value:.2g} over {found.origins} origins"
    if found.better:
        return f"The model beats the {other} forecast: {figures}."
    if found.worse:
        return f"The model does NOT beat the {other} forecast, it is worse: {figures}; use the {other} forecast."
    return f"The model does NOT clearly beat the {other} forecast: {figures}."
