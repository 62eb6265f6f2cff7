"""Figures of a model's performance over time: measured, estimated, and as it was on the test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import matplotlib.dates as mdates
from markupsafe import Markup
from matplotlib.axes import Axes

from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.reports.time_window import parse_moment
from headrace.reports.base.phrases import in_order, less_is_better, metric_name
from headrace.reports.monitoring.history import HistoryEvent, ModelInUse
from headrace.reports.page.figures import format_ticks
from headrace.reports.page.matplotlib_svg import BAD, COLOURS, INK, SOFT, plot

_BLUE, _ORANGE, _GREEN = COLOURS[:3]
_MOST_METRICS = 3
# Metrics that look at the whole of the predictions come before those that depend on a threshold.
_FIRST = ("roc_auc", "log_loss", "rmse", "mae")
_MONITORS = ("measured_performance", "estimated_performance")


@dataclass(frozen=True)
class MetricFigure:
    """A figure of one metric.

    Attributes:
        name: Printed name of the metric.
        picture: The figure.
        caption: What it shows.
    """

    name: str
    picture: Markup
    caption: str


Point = tuple[datetime, MonitorResult]


def draw_performance(history: ModelInUse) -> list[MetricFigure]:
    """Draw metrics over time, at most three of them.

    Args:
        history: The model in use.
    """
    names = in_order(
        result.subject
        for report in history.reports
        for result in report.results
        if result.monitor in _MONITORS and result.value is not None
    )
    chosen = [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]
    return [_figure(history, name) for name in chosen[:_MOST_METRICS]]


def _figure(history: ModelInUse, metric: str) -> MetricFigure:
    measured, estimated = (_points(history, monitor, metric) for monitor in _MONITORS)
    reference = next((one.reference for _, one in (*measured, *estimated) if one.reference is not None), None)

    def draw(axes: Axes) -> None:
        if reference is not None:
            axes.axhline(reference, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), label="on the test part")
        _curve(axes, estimated, _ORANGE, "estimated, without labels", dashed=True)
        _curve(axes, measured, _BLUE, "measured, with labels")
        for event in history.events:
            _mark(axes, event)
        # A single point has no span of its own.
        ends: Any = (history.starts[0], parse_moment(history.reports[-1].window.end))
        axes.set_xlim(*ends)
        _format_dates(axes)
        axes.set_ylabel(metric_name(metric))
        format_ticks(axes, y=True)
        axes.figure.legend(loc="outside lower center", ncols=3, handlelength=1.4, columnspacing=1.2)

    direction = "less is better" if less_is_better(metric) else "more is better"
    caption = (
        f"{metric_name(metric)[:1].upper()}{metric_name(metric)[1:]} by window with 95 % intervals; {direction}. "
        "Lines mark when a new version began to serve (green), and decisions (black; red for broken data). "
        "An estimate cannot see that inputs no longer mean what they meant; only labels can."
    )
    picture = plot(f"performance-{metric}", draw, label=f"{metric_name(metric)} over time", size=(7.2, 2.9))
    return MetricFigure(metric_name(metric), picture, caption)


def _points(history: ModelInUse, monitor: str, metric: str) -> list[Point]:
    return [
        (_middle(report.window.start, report.window.end), result)
        for report in history.reports
        if (result := report.find(monitor, metric)) is not None and result.value is not None
    ]


def _middle(start: str, end: str) -> datetime:
    first, last = parse_moment(start), parse_moment(end)
    return first + (last - first) / 2


def _curve(axes: Axes, points: Sequence[Point], colour: str, label: str, *, dashed: bool = False) -> None:
    if not points:
        return
    times: Any = [time for time, _ in points]  # Matplotlib's types do not know its dates
    values = [result.value for _, result in points if result.value is not None]
    style = (0, (5, 2)) if dashed else "-"
    axes.plot(times, values, color=colour, linestyle=style, marker="o", markersize=3, label=label)
    banded = [
        (time, one.low, one.high)
        for time, (_, one) in zip(times, points, strict=True)
        if one.low is not None and one.high is not None
    ]
    if banded:
        x, low, high = zip(*banded, strict=True)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)


def _mark(axes: Axes, event: HistoryEvent) -> None:
    colour = _GREEN if event.kind == "version" else BAD if event.style == "bad" else INK
    if event.kind == "version" or event.style in {"bad", "warn"}:
        time: Any = event.time
        axes.axvline(time, color=colour, linewidth=1.1, alpha=0.8)


def _format_dates(axes: Axes) -> None:
    locator = mdates.AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
