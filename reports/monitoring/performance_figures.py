"""Figures of a model's performance over time: measured, estimated, and as it was on the test part."""

from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes

from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.reports.base.phrases import in_order, less_is_better, metric_name
from headrace.reports.monitoring.history import ModelInUse
from headrace.reports.monitoring.window_series import collect_series, draw_series, draw_time
from headrace.reports.page.figures import format_ticks
from headrace.reports.page.matplotlib_svg import COLOURS, SOFT, plot

_BLUE, _ORANGE = COLOURS[:2]
_MOST_METRICS = 3
# Metrics that look at the whole of the predictions come before those that depend on a threshold.
_FIRST = ("roc_auc", "log_loss", "rmse", "mae")
SHOWN = ("measured_performance", "estimated_performance")
"""Monitors that these figures show."""


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


def draw_performance(history: ModelInUse) -> list[MetricFigure]:
    """Draw metrics over time, at most three of them.

    Args:
        history: The model in use.
    """
    names = in_order(
        result.subject
        for report in history.reports
        for result in report.results
        if result.monitor in SHOWN and result.value is not None
    )
    chosen = [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]
    return [_figure(history, name) for name in chosen[:_MOST_METRICS]]


def _figure(history: ModelInUse, metric: str) -> MetricFigure:
    measured, estimated = (collect_series(history, monitor, metric) for monitor in SHOWN)
    known = (*measured.known, *estimated.known)
    reference = next((one.reference for one in known if one.reference is not None), None)

    def is_known(report: MonitorReport) -> bool:
        found = (report.find(monitor, metric) for monitor in SHOWN)
        return any(one is not None and one.value is not None for one in found)

    def draw(axes: Axes) -> None:
        if reference is not None:
            axes.axhline(reference, color=SOFT, linewidth=1, linestyle=(0, (4, 3)), label="on the test part")
        draw_series(axes, estimated, _ORANGE, label="estimated, without labels", dashed=True)
        draw_series(axes, measured, _BLUE, label="measured, with labels")
        draw_time(axes, history, is_known=is_known, wide=True)
        axes.set_ylabel(metric_name(metric))
        format_ticks(axes, y=True)
        axes.figure.legend(loc="outside lower center", ncols=3, handlelength=1.4, columnspacing=1.2)

    direction = "less is better" if less_is_better(metric) else "more is better"
    caption = (
        f"{metric_name(metric)[:1].upper()}{metric_name(metric)[1:]} by window with 95 % intervals; {direction}. "
        "Lines mark when a new version began to serve (green), and decisions (black; red for broken data); of grey "
        "time nothing is known. An estimate cannot see that inputs no longer mean what they meant; only labels can."
    )
    picture = plot(f"performance-{metric}", draw, label=f"{metric_name(metric)} over time", size=(7.2, 2.9))
    return MetricFigure(metric_name(metric), picture, caption)
