"""Reports of monitors for tests."""

from headrace.core.monitors.reports.monitor_report import FORMAT, MonitorReport, MonitorResult, ReportWindow, Status


def make_result(
    monitor: str = "input_drift", subject: str = "age", status: Status = "violated", value: float | None = 0.4
) -> MonitorResult:
    """A result with a sentence."""
    return MonitorResult(monitor, subject, status, f"{subject or 'The model'} is {status}.", value=value)


def make_report(*results: MonitorResult, day: int = 1, name: str = "tumours") -> MonitorReport:
    """The report of a day in March."""
    window = ReportWindow(f"2026-03-{day:02d}T00:00:00Z", f"2026-03-{day + 1:02d}T00:00:00Z")
    return MonitorReport(FORMAT, name, "a" * 64, window, 1_000, 900, 400, 0.01, results)
