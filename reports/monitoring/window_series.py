"""A monitor's results over the windows of a history, and how figures draw them.

A window of which nothing is known is grey, and a line never joins two windows over one that is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from math import nan
from typing import Any

import matplotlib.dates as mdates
from matplotlib.axes import Axes

from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.core.monitors.reports.time_window import parse_moment
from headrace.reports.monitoring.history import HistoryEvent, ModelInUse
from headrace.reports.page.matplotlib_svg import BAD, COLOURS, GRID, INK

_ORANGE, _GREEN = COLOURS[1], COLOURS[2]
_MOST_MARKED = 60
_BAD_MARKS = (("violated", _ORANGE, "o"), ("data_fault", BAD, "s"))


@dataclass(frozen=True)
class WindowSeries:
    """Results of one monitor about one subject, in order of time.

    Attributes:
        times: Middle of each window, or of the time without one (n).
        results: The result with a value (n); None where there is none.
    """

    times: tuple[datetime, ...]
    results: tuple[MonitorResult | None, ...]

    @property
    def known(self) -> list[MonitorResult]:
        """The results with a value, in order of time."""
        return [one for one in self.results if one is not None]

    def select(self, read: Callable[[MonitorResult], float | None]) -> list[float]:
        """Return a number of each result (n); NaN where it has none."""
        found = [None if one is None else read(one) for one in self.results]
        return [nan if one is None else one for one in found]

    @property
    def lonely(self) -> list[int]:
        """Places of results without a neighbour, which no line would show."""
        gaps = [True, *(one is None for one in self.results), True]
        return [place for place in range(len(self.results)) if gaps[place : place + 3] == [True, False, True]]


def collect_series(history: ModelInUse, monitor: str, subject: str) -> WindowSeries:
    """Return a monitor's results about a subject, with a gap wherever a window is missing or has no value.

    Args:
        history: The model in use.
        monitor: Name of the monitor.
        subject: Its subject; empty for the whole model.
    """
    times, results = [], []
    last_end = None
    for report in history.reports:
        start, end = _ends(report)
        if last_end is not None and start > last_end:
            times.append(last_end + (start - last_end) / 2)
            results.append(None)
        found = report.find(monitor, subject)
        times.append(start + (end - start) / 2)
        results.append(found if found is not None and found.value is not None else None)
        last_end = end
    return WindowSeries(tuple(times), tuple(results))


def draw_series(axes: Axes, series: WindowSeries, colour: str, *, label: str = "", dashed: bool = False) -> None:
    """Draw values with their intervals, and marks where they are violated or the data were broken.

    Args:
        axes: The axes.
        series: The results.
        colour: Colour of the line.
        label: Its name in a legend; empty for none.
        dashed: Whether the line is dashed.
    """
    if not series.known:
        return
    times: Any = list(series.times)  # Matplotlib's types do not know its dates
    values = series.select(lambda one: one.value)
    marked = list(range(len(times))) if len(series.known) <= _MOST_MARKED else series.lonely
    style = (0, (5, 2)) if dashed else "-"
    name = label or "_nolegend_"
    axes.plot(times, values, color=colour, linestyle=style, marker="o", markersize=3, markevery=marked, label=name)
    low, high = series.select(lambda one: one.low), series.select(lambda one: one.high)
    if any(one.low is not None and one.high is not None for one in series.known):
        axes.fill_between(times, low, high, color=colour, alpha=0.15, linewidth=0)
        alone = series.lonely
        axes.vlines(
            [times[place] for place in alone],
            [low[place] for place in alone],
            [high[place] for place in alone],
            color=colour,
            alpha=0.3,
        )


def mark_bad(axes: Axes, series: WindowSeries) -> None:
    """Mark the windows that are violated (orange) or whose data were broken (red squares)."""
    for status, colour, mark in _BAD_MARKS:
        places = [place for place, one in enumerate(series.results) if one is not None and one.status == status]
        times: Any = [series.times[place] for place in places]
        values = series.select(lambda one: one.value)
        if places:
            axes.plot(times, [values[place] for place in places], mark, color=colour, markersize=4.5, linestyle="none")


def draw_time(axes: Axes, history: ModelInUse, *, is_known: Callable[[MonitorReport], bool], wide: bool) -> None:
    """Set the axis of time, grey where nothing is known, with a line for each version and decision.

    Args:
        axes: The axes.
        history: The model in use.
        is_known: Whether something is known of a window.
        wide: Whether the figure is as wide as the page.
    """
    for span in _unknown_spans(history.reports, is_known):
        ends: Any = span
        axes.axvspan(*ends, color=GRID, linewidth=0, zorder=0)
    for event in history.events:
        _mark_event(axes, event)
    whole: Any = (history.starts[0], _ends(history.reports[-1])[1])
    axes.set_xlim(*whole)
    locator = mdates.AutoDateLocator(minticks=3, maxticks=8 if wide else 5)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _mark_event(axes: Axes, event: HistoryEvent) -> None:
    colour = _GREEN if event.kind == "version" else BAD if event.style == "bad" else INK
    if event.kind == "version" or event.style in {"bad", "warn"}:
        time: Any = event.time
        axes.axvline(time, color=colour, linewidth=1.1, alpha=0.8)


def _unknown_spans(
    reports: Sequence[MonitorReport], is_known: Callable[[MonitorReport], bool]
) -> list[tuple[datetime, datetime]]:
    """Return the spans of time of which nothing is known, adjacent ones as one."""
    spans = [_ends(report) for report in reports if not is_known(report)]
    windows = [_ends(report) for report in reports]
    spans += [(first[1], second[0]) for first, second in pairwise(windows) if second[0] > first[1]]
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _ends(report: MonitorReport) -> tuple[datetime, datetime]:
    return parse_moment(report.window.start), parse_moment(report.window.end)
