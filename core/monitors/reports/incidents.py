"""Incidents: what people are notified of once when it begins, and once when it is over.

An incident is a monitor and a subject of a model, from the first report in which it is violated, or its data are at
fault, to the first in which it is well again. A report that does not know neither opens nor closes one. Each address
that notices go to has its own record, so that one which fails is tried again without writing twice to the others.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from headrace.core.base.json_document import JsonDocument
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.core.monitors.reports.time_window import parse_moment

FORMAT = 1


@dataclass(frozen=True)
class Incident:
    """An incident.

    Attributes:
        monitor: Name of the monitor.
        subject: Its subject; empty for the whole model.
        opened: End of the window in whose report it began, as a text of RFC 3339.
        sentence: What that report said.
        resolved: End of the window in whose report it was over; empty if it is not over.
        resolution: What that report said; empty if it is not over.
        notified: Addresses that have got the notice of its beginning, by their names without secrets.
        recovered: Addresses that have got the notice of its end.
    """

    monitor: str
    subject: str
    opened: str
    sentence: str
    resolved: str = ""
    resolution: str = ""
    notified: tuple[str, ...] = ()
    recovered: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Monitor and subject: at most one incident of a key is open."""
        return self.monitor, self.subject


@dataclass(frozen=True)
class IncidentLog(JsonDocument):
    """The incidents of a model that are open, or whose end somebody has not been notified of.

    Attributes:
        format: Version of this document's form.
        name: Name of the model.
        window_end: End of the last window whose report was taken in, as a text of RFC 3339; empty if there was none.
        incidents: The incidents, in the order in which they began.
    """

    format: int
    name: str
    window_end: str = ""
    incidents: tuple[Incident, ...] = ()

    expected: ClassVar[str] = "a log of incidents must be what headrace monitor writes"
    remedy: ClassVar[str] = "remove it, and people are notified of open incidents again"


@dataclass(frozen=True)
class DueNotices:
    """What an address has not been notified of.

    Attributes:
        opened: Incidents that have begun.
        resolved: Incidents that are over; those among them whose beginning it was never notified of tell that too.
    """

    opened: tuple[Incident, ...] = ()
    resolved: tuple[Incident, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything."""
        return bool(self.opened or self.resolved)


def take_report(log: IncidentLog, report: MonitorReport) -> IncidentLog:
    """Return the incidents after a report; the same ones if the report is older than the last, or was taken in before.

    Args:
        log: The incidents before it.
        report: The report of the same model.
    """
    if log.window_end and parse_moment(report.window.end) <= parse_moment(log.window_end):
        return log
    results = {(result.monitor, result.subject): result for result in report.results}
    followed = tuple(_follow(incident, results, report) for incident in log.incidents)
    open_keys = {incident.key for incident in followed if not incident.resolved}
    begun = tuple(
        Incident(result.monitor, result.subject, report.window.end, result.sentence)
        for key, result in results.items()
        if _is_bad(result) and key not in open_keys
    )
    return replace(log, window_end=report.window.end, incidents=(*followed, *begun))


def _is_bad(result: MonitorResult) -> bool:
    return result.status in {"violated", "data_fault"}


def _follow(incident: Incident, results: dict[tuple[str, str], MonitorResult], report: MonitorReport) -> Incident:
    if incident.resolved:
        return incident
    result = results.get(incident.key)
    if result is not None:
        over = result.status == "ok"
        return replace(incident, resolved=report.window.end, resolution=result.sentence) if over else incident
    others = [one for one in report.results if one.monitor == incident.monitor and one.status != "unknown"]
    if not incident.subject or not others:
        return incident
    subject = f"{MONITORS[incident.monitor].subject} {incident.subject}"
    return replace(incident, resolved=report.window.end, resolution=f"There is no {subject} any more.")


def find_due(log: IncidentLog, address: str) -> DueNotices:
    """Return what an address has not been notified of.

    Args:
        log: The incidents.
        address: Name of the address.
    """
    return DueNotices(
        opened=tuple(one for one in log.incidents if not one.resolved and address not in one.notified),
        resolved=tuple(one for one in log.incidents if one.resolved and address not in one.recovered),
    )


def record_sent(log: IncidentLog, address: str, notices: DueNotices) -> IncidentLog:
    """Return the incidents after an address got what was due.

    Args:
        log: The incidents.
        address: Name of the address.
        notices: What it got.
    """
    opened = {(one.key, one.opened) for one in notices.opened}
    resolved = {(one.key, one.opened) for one in notices.resolved}
    return replace(log, incidents=tuple(_record(one, address, opened, resolved) for one in log.incidents))


def _record(
    incident: Incident,
    address: str,
    opened: set[tuple[tuple[str, str], str]],
    resolved: set[tuple[tuple[str, str], str]],
) -> Incident:
    identity = (incident.key, incident.opened)
    if identity in resolved and address not in incident.recovered:
        return replace(incident, recovered=(*incident.recovered, address))
    if identity in opened and address not in incident.notified:
        return replace(incident, notified=(*incident.notified, address))
    return incident


def drop_finished(log: IncidentLog, addresses: Iterable[str]) -> IncidentLog:
    """Return the incidents without those that are over and whose end all addresses know of.

    Args:
        log: The incidents.
        addresses: Names of the present addresses.
    """
    present = set(addresses)
    kept: Sequence[Incident] = [one for one in log.incidents if not one.resolved or not present <= set(one.recovered)]
    return replace(log, incidents=tuple(kept))
