"""The figures of a backtest: forecasts beside actual values, and the error of each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from headrace.core.series.backtest import Backtest
from headrace.reports.page.figures import format_ticks
from headrace.reports.page.matplotlib_svg import COLOURS, INK, SOFT, plot

_NAMES = {"model": "model", "seasonal_naive": "seasonal naive", "naive": "naive"}


@dataclass(frozen=True)
class DrawnForecast:
    """One forecast to draw.

    Attributes:
        title: Key and origin, for readers.
        times: Times (h,) that are predicted.
        actual: Actual values (h,).
        model: The model's forecast (h,).
        naive: The seasonal naive forecast (h,).
    """

    title: str
    times: Sequence[datetime]
    actual: Sequence[float]
    model: Sequence[float]
    naive: Sequence[float]


def draw_forecast(forecast: DrawnForecast, *, number: int, unit: str) -> Markup:
    """Draw a forecast beside what came.

    Args:
        forecast: The forecast.
        number: Number of the figure on the page.
        unit: Name of the values.
    """

    def draw(axes: Axes) -> None:
        times: Any = list(forecast.times)
        axes.plot(times, forecast.actual, color=INK, label="actual", marker="o", markersize=3)
        axes.plot(times, forecast.model, color=COLOURS[0], label="model")
        axes.plot(times, forecast.naive, color=COLOURS[1], linestyle="--", label="seasonal naive")
        axes.set_ylabel(unit[:40])
        axes.legend()
        format_ticks(axes, y=True)
        locator = AutoDateLocator(minticks=2)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]

    return plot(f"forecast-{number}", draw, label=f"Forecast and actual values, {forecast.title}")


def draw_errors(measured: Backtest) -> Markup:
    """Draw the mean absolute error of each step, by way to forecast."""
    steps = list(range(1, int(measured.series["horizon"]) + 1))
    looks = (("model", COLOURS[0], "-"), ("seasonal_naive", COLOURS[1], "--"), ("naive", SOFT, ":"))

    def draw(axes: Axes) -> None:
        for name, colour, line in looks:
            values = [float("nan") if value is None else value for value in measured.errors[name].mae_by_step]
            axes.plot(steps, values, color=colour, linestyle=line, label=_NAMES[name])
        axes.set_xlabel("step")
        axes.set_ylabel("mean absolute error")
        axes.set_ylim(bottom=0)
        axes.legend()
        format_ticks(axes, x=True, y=True)

    return plot("errors-by-step", draw, label="Mean absolute error by step")
