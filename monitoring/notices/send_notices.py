"""Notifies people of what a report says: once per incident and address, and of its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.base.errors import HeadraceError
from headrace.core.monitors.reports.incidents import drop_finished, find_due, record_sent, take_report
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.monitoring.notices.incident_store import IncidentStore
from headrace.monitoring.notices.notice_sender import NoticeAddress
from headrace.monitoring.notices.notice_text import write_notice
from headrace.stores.objects.open_objects import StorePlace


@dataclass(frozen=True)
class NoticeOutcome:
    """What became of the notices of a report.

    Attributes:
        sent: Titles of the notices that were taken, each with the address's name.
        failures: Why others were not, as sentences; they are sent again with the next report.
    """

    sent: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


def send_notices(report: MonitorReport, *, place: StorePlace, addresses: Sequence[NoticeAddress]) -> NoticeOutcome:
    """Notify people of the incidents that a report opens and closes, and of what earlier attempts could not send.

    Notices are sent at least once: what was sent is recorded right after each address has taken it, so that a process
    which is killed in between sends one notice to one address again. A notice names its incidents by monitor, subject
    and beginning, by which a receiver recognises a repetition. Nothing that fails here stops the monitor.

    Args:
        report: The report.
        place: The monitoring store.
        addresses: Where notices go.
    """
    sent: list[str] = []
    failures: list[str] = []
    store = IncidentStore(place, report.name)
    try:
        stored = store.load()
        log = take_report(stored, report)
        if log != stored:
            store.save(log)
        for address in addresses:
            due = find_due(log, address.name)
            if not due:
                continue
            notice = write_notice(report.name, due)
            try:
                address.send(notice)
            except HeadraceError as error:
                failures.append(str(error))
                continue
            log = record_sent(log, address.name, due)
            store.save(log)
            sent.append(f"{notice.title} ({address.name})")
        finished = drop_finished(log, [address.name for address in addresses])
        if finished != log:
            store.save(finished)
    except HeadraceError as error:
        failures.append(str(error))
    return NoticeOutcome(tuple(sent), tuple(failures))
