"""The figures of a run's report."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from headrace.reports.base.number_format import number
from headrace.reports.page.matplotlib_svg import COLOURS, INK, MARKS, SOFT, plot

Points = Sequence[tuple[float, float]]
_BLUE, _ORANGE = COLOURS[:2]


@dataclass(frozen=True)
class MetricWithBaseline:
    """A metric beside the baseline's.

    Attributes:
        metric: Its name in the evaluation.
        name: Its name in print.
        value: On the test part.
        low: Lower end of its interval; None without one.
        high: Upper end of its interval; None without one.
        baseline: The baseline's value; None without one.
    """

    metric: str
    name: str
    value: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None

    @property
    def most(self) -> float:
        """The largest of value, upper end and baseline."""
        return max(value for value in (self.value, self.high, self.baseline) if value is not None)


def roc(points: Points, *, chosen: tuple[float, float] | None) -> Markup:
    """Draw the true against the false positive rate.

    Args:
        points: False and true positive rate by threshold (n pairs), 0 to 1.
        chosen: The point of the chosen threshold; None for none.
    """

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        _curve(axes, points, chosen)
        _unit(axes, "false positive rate", "true positive rate")

    return plot("roc", draw, label="ROC curve")


def precision_recall(points: Points, *, chosen: tuple[float, float] | None, share: float) -> Markup:
    """Draw precision against recall.

    Args:
        points: Recall and precision by threshold (n pairs), 0 to 1.
        chosen: The point of the chosen threshold; None for none.
        share: Share of the positive class, the precision of guessing.
    """

    def draw(axes: Axes) -> None:
        axes.axhline(share, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        _curve(axes, points, chosen)
        _unit(axes, "recall", "precision")

    return plot("precision-recall", draw, label="Precision by recall")


def calibration(bins: Sequence[tuple[float, float, int]]) -> Markup:
    """Draw the observed share of the positive class against its predicted probability.

    Args:
        bins: Mean prediction, observed share and number of rows of each bin.
    """

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        axes.plot([b[0] for b in bins], [b[1] for b in bins], color=_BLUE)
        most = max((b[2] for b in bins), default=1) or 1
        sizes = [12 + 70 * b[2] / most for b in bins]
        axes.scatter([b[0] for b in bins], [b[1] for b in bins], s=sizes, color=_BLUE, zorder=3, clip_on=False)
        _unit(axes, "predicted probability", "observed share")

    return plot("calibration", draw, label="Calibration")


def forest(rows: Sequence[MetricWithBaseline], *, name: str, unit: bool) -> Markup:
    """Draw metrics with their intervals, one a line, beside the baseline's.

    Args:
        rows: The metrics, in the order of the lines.
        name: Short name of the figure.
        unit: Whether the axis runs from 0 to 1.
    """

    def draw(axes: Axes) -> None:
        for place, row in enumerate(rows):
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [place, place], color=_BLUE, linewidth=2.4, solid_capstyle="round")
            if row.baseline is not None and isfinite(row.baseline):
                axes.plot(row.baseline, place, MARKS[3], color=_ORANGE, markersize=6)
            axes.plot(row.value, place, MARKS[0], color=_BLUE, markersize=6.5)
        axes.set_yticks(range(len(rows)), [row.name for row in rows], color=INK)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.spines.left.set_visible(False)
        if unit:
            axes.set_xlim(-0.02, 1.02)
        format_ticks(axes, x=True)

    height = 0.55 + 0.3 * len(rows)
    return plot(name, draw, label="Metrics with intervals beside the baseline", size=(4.2, height))


def predicted_actual(points: Points) -> Markup:
    """Draw predicted against actual values.

    Args:
        points: Actual and predicted value of each row (n pairs), in the target's unit.
    """

    def draw(axes: Axes) -> None:
        values = [value for point in points for value in point]
        ends = [min(values, default=0.0), max(values, default=1.0)]
        axes.plot(ends, ends, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        _cloud(axes, points)
        _labels(axes, "actual", "predicted")

    return plot("predicted-actual", draw, label="Predicted by actual value")


def residuals(points: Points) -> Markup:
    """Draw errors against predicted values.

    Args:
        points: Predicted value and error (actual minus predicted) of each row (n pairs), in the target's unit.
    """

    def draw(axes: Axes) -> None:
        axes.axhline(0, color=SOFT, linewidth=1, linestyle=(0, (4, 3)))
        _cloud(axes, points)
        _labels(axes, "predicted", "actual minus predicted")

    return plot("residuals", draw, label="Errors by predicted value")


def _cloud(axes: Axes, points: Points) -> None:
    if points:
        axes.plot(*zip(*points, strict=True), "o", color=_BLUE, markersize=3.6, alpha=0.45, markeredgewidth=0)


def _curve(axes: Axes, points: Points, chosen: tuple[float, float] | None) -> None:
    axes.plot(*zip(*points, strict=True), color=_BLUE)
    if chosen is not None:
        axes.plot(*chosen, MARKS[3], color=_ORANGE, markersize=7)


def _unit(axes: Axes, x: str, y: str) -> None:
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(-0.03, 1.03)
    ticks = [0, 0.25, 0.5, 0.75, 1]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    _labels(axes, x, y)


def _labels(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    format_ticks(axes, x=True, y=True)


def format_ticks(axes: Axes, *, x: bool = False, y: bool = False) -> None:
    """Set few ticks, formatted as everywhere in the page.

    Args:
        axes: The axes.
        x: Whether to set those of the horizontal axis.
        y: Whether to set those of the vertical axis.
    """
    form = FuncFormatter(
        lambda value, _: "0" if abs(value) < 1e-12 else f"{value:g}" if abs(value) < 1e4 else number(value)
    )
    for axis, selected in ((axes.xaxis, x), (axes.yaxis, y)):
        if selected:
            if len(axis.get_majorticklocs()) > 7:
                axis.set_major_locator(MaxNLocator(6))
            axis.set_major_formatter(form)
