"""The words of a notice."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.monitors.reports.incidents import DueNotices, Incident

MOST_LINES = 20
"""Incidents of each kind that a notice lists; it says how many more there are."""


@dataclass(frozen=True)
class NoticeText:
    """A notice.

    Attributes:
        title: Its subject, in one line.
        body: What has happened, a line for each incident.
        recovery: Whether it only reports what is over.
    """

    title: str
    body: str
    recovery: bool


def write_notice(model: str, notices: DueNotices) -> NoticeText:
    """Return the notice of what is due.

    Args:
        model: Name of the model.
        notices: What is due; not empty.
    """
    counts = [
        f"{len(incidents)} {one if len(incidents) == 1 else many}"
        for incidents, one, many in (
            (notices.opened, "new incident", "new incidents"),
            (notices.resolved, "incident over", "incidents over"),
        )
        if incidents
    ]
    lines = [
        *_list("New:", [_tell_beginning(one) for one in notices.opened]),
        *_list("Over:", [_tell_end(one) for one in notices.resolved]),
    ]
    return NoticeText(f"{model}: {', '.join(counts)}", "\n".join(lines), recovery=not notices.opened)


def _list(head: str, lines: Sequence[str]) -> list[str]:
    more = len(lines) - MOST_LINES
    return [head, *lines[:MOST_LINES], *([f"- and {more} more"] if more > 0 else [])] if lines else []


def _name(incident: Incident) -> str:
    return f"{incident.monitor} {incident.subject}".strip()


def _tell_beginning(incident: Incident) -> str:
    return f"- {_name(incident)}, since {incident.opened}: {incident.sentence}"


def _tell_end(incident: Incident) -> str:
    return f"- {_name(incident)}, from {incident.opened} to {incident.resolved}: {incident.resolution}"
