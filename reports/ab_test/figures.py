"""The figures of an A/B test: a difference with both intervals, and its confidence sequence over time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.ticker import MaxNLocator

from headrace.core.ab_tests.plan import PlannedMetric
from headrace.core.ab_tests.result import MetricEffect, SequencePoint
from headrace.reports.page.figures import format_ticks
from headrace.reports.page.matplotlib_svg import COLOURS, GRID, INK, MARKS, SOFT, plot

_BLUE, _ORANGE = COLOURS[:2]


def draw_effect(effect: MetricEffect, metric: PlannedMetric, *, number: int, is_final: bool) -> Markup:
    """Draw a difference with its confidence interval and its confidence sequence, and the margin around no difference.

    Args:
        effect: What is known of the metric.
        metric: The metric of the plan.
        number: Number of the metric on the page.
        is_final: Whether the confidence interval counts; else it is drawn pale.
    """
    intervals = (
        ("interval", effect.low, effect.high, INK if is_final else SOFT, 2.8 if is_final else 1.4),
        ("sequence", effect.sequence_low, effect.sequence_high, _BLUE, 2.8),
    )

    def draw(axes: Axes) -> None:
        _shade_margin(axes, effect, metric, vertical=True)
        axes.axvline(0, color=SOFT, linewidth=1)
        for place, (_, low, high, colour, width) in enumerate(intervals):
            axes.plot([low, high], [place, place], color=colour, linewidth=width, solid_capstyle="round")
            axes.plot(effect.difference, place, MARKS[0], color=colour, markersize=6)
        axes.set_yticks(range(len(intervals)), [name for name, *_ in intervals], color=INK)
        axes.set_ylim(len(intervals) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.spines.left.set_visible(False)
        axes.set_xlabel(f"difference of {effect.name}"[:60])
        format_ticks(axes, x=True)

    label = f"Difference of {effect.name} with its interval and its sequence"
    return plot(f"effect-{number}", draw, label=label, size=(4.2, 1.35))


def draw_sequence(effect: MetricEffect, metric: PlannedMetric, *, number: int) -> Markup | None:
    """Draw the confidence sequence of a difference over time.

    Args:
        effect: What is known of the metric.
        metric: The metric of the plan.
        number: Number of the metric on the page.

    Returns:
        The figure; None with fewer than two moments.
    """
    points = [point for point in effect.timeline if point.low is not None]
    if len(points) < 2:
        return None
    positions, is_time = _positions(points)
    lows, highs = [point.low or 0.0 for point in points], [point.high or 0.0 for point in points]

    def draw(axes: Axes) -> None:
        _shade_margin(axes, effect, metric, vertical=False)
        axes.axhline(0, color=SOFT, linewidth=1)
        axes.fill_between(positions, lows, highs, color=_BLUE, alpha=0.18, linewidth=0)
        for ends in (lows, highs):
            axes.plot(positions, ends, color=_BLUE, linewidth=1)
        axes.plot(positions, [point.difference for point in points], color=_BLUE)
        axes.set_ylim(*_limits(points, metric))
        axes.set_ylabel("difference")
        axes.yaxis.set_major_locator(MaxNLocator(5))
        format_ticks(axes, y=True)
        if is_time:
            locator = AutoDateLocator(minticks=2)  # type: ignore[no-untyped-call]
            axes.xaxis.set_major_locator(locator)
            axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6))

    label = f"Confidence sequence of the difference of {effect.name} over time"
    return plot(f"sequence-{number}", draw, label=label, size=(4.2, 2.6))


def _shade_margin(axes: Axes, effect: MetricEffect, metric: PlannedMetric, *, vertical: bool) -> None:
    """Shade differences that count as none, or as no loss, as far as the figure reaches."""
    margin = metric.margin
    reach = 10 * max(abs(effect.sequence_low), abs(effect.sequence_high), margin)
    low, high = -margin, margin
    if metric.role == "guard":
        low, high = (-margin, reach) if metric.direction > 0 else (-reach, margin)
    look: dict[str, Any] = {"color": GRID, "linewidth": 0, "zorder": 0}
    ends = [effect.sequence_low, effect.sequence_high, effect.low, effect.high, -1.15 * margin, 1.15 * margin]
    if vertical:
        axes.axvspan(low, high, **look)
        axes.set_xlim(min(ends) - 0.03 * (max(ends) - min(ends)), max(ends) + 0.03 * (max(ends) - min(ends)))
    else:
        axes.axhspan(low, high, **look)


def _positions(points: Sequence[SequencePoint]) -> tuple[list[Any], bool]:
    """Return where points stand on the axis of time: moments, numbers, or else their order."""
    for convert, is_time in ((float, False), (datetime.fromisoformat, True)):
        try:
            return [convert(point.time) for point in points], is_time
        except ValueError:
            continue
    return [point.keys for point in points], False


def _limits(points: Sequence[SequencePoint], metric: PlannedMetric) -> tuple[float, float]:
    """Return the ends of the axis: what the last three quarters of the moments reach, for the first are endless."""
    late = points[len(points) // 4 :]
    low = min(-1.15 * metric.margin, *(point.low for point in late if point.low is not None))
    high = max(1.15 * metric.margin, *(point.high for point in late if point.high is not None))
    return low, high
