"""The page of a backtest: what follows in words, then figures and tables."""

from collections.abc import Iterator, Sequence
from importlib.metadata import version

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.series.backtest import Backtest
from headrace.core.series.windows import CHANGE, NAIVE, ORIGIN
from headrace.reports.forecast.figures import DrawnForecast, draw_errors, draw_forecast
from headrace.reports.page.page import render

_MOST_FIGURES = 6
_NAMES = (("model", "model"), ("seasonal_naive", "seasonal naive"), ("naive", "naive"))


def forecast_page(
    measured: Backtest, test: pl.DataFrame, predicted: NDArray[np.float64], *, name: str, notes: Sequence[str] = ()
) -> str:
    """Render the page.

    Args:
        measured: The backtest.
        test: Windows of the test part (n rows).
        predicted: The model's answers (n,): differences from the seasonal naive forecast.
        name: Name of the model.
        notes: Sentences about the data.

    Returns:
        A self-contained HTML page without scripts.
    """
    target = str(measured.series["target"])
    drawn = list(_choose_forecasts(measured, test, predicted))
    found = next((one for one in measured.comparisons if one.against == NAIVE), None)
    style = "warn" if found is None or not (found.better or found.worse) else "good" if found.better else "bad"
    return render(
        "forecast.html",
        name=name,
        measured=measured,
        series=measured.series,
        notes=notes,
        style=style,
        names=_NAMES,
        errors_figure=draw_errors(measured),
        figures=[
            (one.title, draw_forecast(one, number=number, unit=target)) for number, one in enumerate(drawn, start=1)
        ],
        version=version("headrace"),
    )


def _choose_forecasts(
    measured: Backtest, test: pl.DataFrame, predicted: NDArray[np.float64]
) -> Iterator[DrawnForecast]:
    """Yield forecasts of origins that are spread over the test part, of the first key and then of others."""
    keys, time = list(measured.series.get("keys", ())), str(measured.series["time"])
    rows = test.with_columns(pl.Series("_predicted", predicted))
    parts = rows.partition_by(keys, maintain_order=True) if keys else [rows]
    chosen = [parts[place] for place in sorted({round(at) for at in np.linspace(0, len(parts) - 1, 3)})]
    for part in chosen:
        whole = part.filter(pl.len().over(ORIGIN) == pl.len().over(ORIGIN).max()).get_column(ORIGIN).unique().sort()
        count = max(1, _MOST_FIGURES // len(chosen))
        for place in sorted({round(at) for at in np.linspace(0, len(whole) - 1, count)}):
            one = part.filter(pl.col(ORIGIN) == whole[place]).sort(time)
            naive = one.get_column(NAIVE)
            label = ", ".join(str(one.get_column(key)[0]) for key in keys)
            yield DrawnForecast(
                title=f"{label}{label and ': '}after {whole[place]}",
                times=one.get_column(time).to_list(),
                actual=(naive + one.get_column(CHANGE)).to_list(),
                model=(naive + one.get_column("_predicted")).to_list(),
                naive=naive.to_list(),
            )
