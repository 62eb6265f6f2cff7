"""Shadows beside the version in service: rows of a table, and lines for a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.reports.base.phrases import metric_name
from headrace.reports.monitoring.phrases import format_value

_HOW = {"measured_performance": "measured", "estimated_performance": "estimated"}
_FIRST = ("roc_auc", "log_loss", "rmse", "mae")


@dataclass(frozen=True)
class ShadowRow:
    """A metric of a shadow, beside that of the version in service.

    Attributes:
        version: First digits of the shadow's digest.
        metric: Printed name of the metric.
        how: ``measured`` or ``estimated``.
        shadow: Its value, as text.
        served: Value of the version in service, as text.
        result: The shadow's result.
    """

    version: str
    metric: str
    how: str
    shadow: str
    served: str
    result: MonitorResult


def tabulate_shadows(report: MonitorReport) -> list[ShadowRow]:
    """Return the metrics of all shadows of a window, each beside that of the version in service.

    Args:
        report: The report of the window.
    """
    return [
        ShadowRow(
            shadow.digest[:12],
            metric_name(result.subject),
            _HOW[result.monitor],
            format_value(result),
            _format_served(report, result),
            result,
        )
        for shadow in report.shadows
        for result in shadow.results
        if result.monitor in _HOW
    ]


def _format_served(report: MonitorReport, result: MonitorResult) -> str:
    served = report.find(result.monitor, result.subject)
    return format_value(served) if served else "not monitored"


def describe_shadows(report: MonitorReport) -> Iterator[str]:
    """Yield a line for each shadow of a window, with its first measured and estimated metric, and its notes.

    Args:
        report: The report of the window.
    """
    rows = tabulate_shadows(report)
    for shadow in report.shadows:
        own = [row for row in rows if row.version == shadow.digest[:12] and row.result.value is not None]
        own.sort(key=lambda row: (row.how != "measured", row.result.subject not in _FIRST))
        first = {row.how: row for row in reversed(own)}
        texts = [
            f"{row.metric} {row.shadow} {how} ({row.served} in service)"
            for how, row in sorted(first.items(), reverse=True)
        ]
        if shadow.digest:
            known = ", ".join(texts) or "nothing is known of it yet"
            yield f"Shadow {shadow.digest[:12]}, {shadow.rows:,} rows, {shadow.labelled:,} new labels: {known}."
        for note in shadow.notes:
            yield f"Note: {note}"
