"""Reports of monitors, made for tests of decisions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult, ReportWindow, Status
from headrace.core.monitors.reports.time_window import TimeWindow

DAY = timedelta(days=1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DIGEST = "a" * 64


def day(number: int) -> TimeWindow:
    """Day of that number after the beginning."""
    return TimeWindow(BEGIN + number * DAY, BEGIN + (number + 1) * DAY)


def made_report(number: int, statuses: Mapping[str, Status], *, digest: str = DIGEST) -> MonitorReport:
    """Report of one day, with a result for each ``monitor`` or ``monitor:subject``."""
    results = []
    for key, status in statuses.items():
        monitor, _, subject = key.partition(":")
        results.append(MonitorResult(monitor, subject, status, f"{key} is {status} on day {number}."))
    return MonitorReport(1, "tips", digest, ReportWindow(**day(number).as_json()), 100, 100, 10, 0.01, tuple(results))
