"""The words of the page of a model in use."""

from headrace.core.monitors.data.change_sentences import describe_duration
from headrace.core.monitors.reports.monitor_kinds import LEVELS, MONITORS, Level
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.reports.base import number_format
from headrace.reports.monitoring.history import ModelInUse, worst_status

_LEADS = {
    "ok": ("good", "All is well."),
    "unknown": ("warn", "Not everything is known."),
    "violated": ("warn", "Something has changed."),
    "data_fault": ("bad", "The data are broken."),
}
LEVEL_NAMES: dict[Level, str] = {"resource": "The server", "data": "The data", "performance": "The predictions"}
STATUS_WORDS = {
    "ok": ("good", "within bounds"),
    "violated": ("warn", "changed"),
    "data_fault": ("bad", "broken data"),
    "unknown": ("soft", "not known"),
}
_MOST_SENTENCES = 5
_LONG_SECONDS = 100
_UNIT_WORDS = {"requests per second": "requests/s", "rows": "rows", "cores": "cores", "times": "times"}


def describe_state(report: MonitorReport) -> tuple[str, str, list[str]]:
    """Return style, lead and the sentences of the latest window, the worst first.

    Args:
        report: The report of the latest window.
    """
    style, lead = _LEADS[worst_status(report.results)]
    order = ("data_fault", "violated", "unknown")
    found = sorted((one for one in report.results if one.status in order), key=lambda one: order.index(one.status))
    sentences = [one.sentence for one in found[:_MOST_SENTENCES]]
    if len(found) > _MOST_SENTENCES:
        sentences.append(f"And {number_format.count(len(found) - _MOST_SENTENCES)} more below.")
    return style, lead, sentences


def describe_scope(history: ModelInUse) -> str:
    """Return how much was watched, as a sentence."""
    reports = history.reports
    rows = sum(report.rows for report in reports)
    labelled = sum(report.labelled for report in reports)
    place = f" at {history.endpoint}" if history.endpoint else ""
    windows = "one window" if len(reports) == 1 else f"{number_format.count(len(reports))} windows"
    return (
        f"{windows[0].upper()}{windows[1:]} from {reports[0].window.start[:16].replace('T', ' ')} to "
        f"{reports[-1].window.end[:16].replace('T', ' ')} UTC{place}: {number_format.count(rows)} rows, "
        f"{number_format.count(labelled)} of them with labels."
    )


def describe_promise(report: MonitorReport) -> str:
    """Return what is promised about false alarms, as a sentence."""
    return (
        "While nothing changes, the chance that a whole report calls anything changed is at most "
        f"{number_format.percent(report.false_alarm_rate)}."
    )


def results_by_level(report: MonitorReport) -> list[tuple[str, list[MonitorResult]]]:
    """Return the results under the printed name of their level, those that are not ok first."""
    return [
        (
            LEVEL_NAMES[level],
            sorted(
                (one for one in report.results if MONITORS[one.monitor].level == level),
                key=lambda one: (one.status == "ok", one.monitor),
            ),
        )
        for level in LEVELS
    ]


def monitor_name(name: str) -> str:
    """Return the printed name of a monitor."""
    return name.replace("_", " ")


def format_value(result: MonitorResult) -> str:
    """Return a result's value in its unit; a dash if it is unknown."""
    return format_amount(result.monitor, result.value)


def format_amount(monitor: str, value: float | None) -> str:
    """Return a value of a monitor in its unit; a dash for None.

    Args:
        monitor: Name of the monitor.
        value: The value.
    """
    unit = MONITORS[monitor].unit
    if value is None:
        return number_format.MISSING
    if unit == "share":
        return number_format.percent(value)
    if unit == "seconds":
        return _format_seconds(value)
    if unit == "bytes":
        return number_format.size(value)
    text = number_format.metric(value) if unit in {"metric", "effect"} else number_format.number(value)
    return f"{text} {_UNIT_WORDS[unit]}" if unit in _UNIT_WORDS else text


def _format_seconds(value: float) -> str:
    """Return a time: requests take milliseconds, and rows may be days old."""
    if 0 < abs(value) < 1:
        return f"{number_format.number(1000 * value)} ms"
    return describe_duration(value) if value >= _LONG_SECONDS else number_format.seconds(value)
