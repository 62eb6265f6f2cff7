"""A made history of a model in use: a broken sensor, a slow drift, a change of the world, a new version."""

from datetime import UTC, datetime, timedelta

from headrace.core.monitors.reports.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow, Status
from headrace.core.monitors.reports.time_window import rfc3339
from headrace.reports.monitoring.history import ColumnComparison, HistoryEvent, ModelInUse

START = datetime(2026, 1, 5, tzinfo=UTC)


def window_start(week: int) -> datetime:
    """First moment of a week, from 0."""
    return START + timedelta(weeks=week)


def make_report(week: int) -> MonitorReport:
    """The report of one week of the year."""
    results = [
        _drift("age", min(0.4, max(0.0, 0.02 * (week - 15)))),
        _drift("town", 0.03),
        MonitorResult(
            "missing",
            "sensor",
            "data_fault" if week == 10 else "ok",
            "sensor has no value in 98.0 % of the rows, in training in 1.0 %." if week == 10 else "sensor is there.",
            value=0.98 if week == 10 else 0.01,
            reference=0.01,
        ),
        _metric("estimated_performance", 0.85 - 0.001 * week, 0.03),
    ]
    if week < 45:
        results.append(_metric("measured_performance", 0.85 if week < 25 or week > 36 else 0.72, 0.02))
    if week == 51:
        results.append(MonitorResult("availability", "", "unknown", "Prometheus did not answer: nothing is known."))
    window = ReportWindow(rfc3339(window_start(week)), rfc3339(window_start(week + 1)))
    return MonitorReport(FORMAT, "sales", "a" * 64, window, 1_000, 900, 800, 0.01, tuple(results))


def _drift(column: str, effect: float) -> MonitorResult:
    status: Status = "violated" if effect > 0.1 else "ok"
    sentence = f"The distribution of {column} has moved by {effect:.2f}."
    return MonitorResult("input_drift", column, status, sentence, value=effect, bound=0.1)


def _metric(monitor: str, value: float, half: float) -> MonitorResult:
    return MonitorResult(
        monitor, "roc_auc", "ok", "ROC AUC.", value=value, low=value - half, high=value + half, reference=0.85
    )


def make_history(weeks: int = 52) -> ModelInUse:
    """A year of it."""
    events = (
        HistoryEvent(window_start(0), "version", "version 1 serves", style="good"),
        HistoryEvent(window_start(11), "decision", "stop: data fault", ("sensor has no value.",), "bad"),
        HistoryEvent(window_start(21), "decision", "warn", ("age has moved in 3 of 4 weeks.",), "warn"),
        HistoryEvent(window_start(36), "decision", "retrain", ("ROC AUC is worse by 0.13.",), "warn"),
        HistoryEvent(window_start(37), "version", "version 2 serves", style="good"),
    )
    columns = (
        ColumnComparison("age", ("up to 20", "20 to 40", "above"), (0.2, 0.5, 0.3), (0.1, 0.3, 0.6), "Older rows."),
    )
    return ModelInUse(
        "sales", "http://127.0.0.1:8080", tuple(make_report(week) for week in range(weeks)), events, columns
    )
