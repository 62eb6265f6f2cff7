"""What the page of a model in use shows: the reports of its monitors, what happened, and the worst columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult, Status
from headrace.core.monitors.reports.time_window import parse_moment

EventKind = Literal["version", "decision", "notice"]
_WORST: tuple[Status, ...] = ("ok", "unknown", "violated", "data_fault")


@dataclass(frozen=True)
class HistoryEvent:
    """Something that happened to the model.

    Attributes:
        time: When, in UTC.
        kind: A new ``version`` serves, a ``decision`` was made, or a ``notice`` was sent.
        title: What it was, in a few words.
        reasons: Why, as sentences.
        style: ``good``, ``warn``, ``bad``, or empty.
    """

    time: datetime
    kind: EventKind
    title: str
    reasons: tuple[str, ...] = ()
    style: str = ""


@dataclass(frozen=True)
class ColumnComparison:
    """The distribution of a column then and now.

    Attributes:
        name: Name of the column.
        groups: Labels of the groups of values (k), in order.
        reference: Share of the training rows in each group (k).
        window: Share of the window's rows in each group (k).
        sentence: What changed, in words.
    """

    name: str
    groups: tuple[str, ...]
    reference: tuple[float, ...]
    window: tuple[float, ...]
    sentence: str = ""

    @property
    def rows(self) -> list[tuple[str, float, float]]:
        """Label, share in training and share now of each group."""
        return list(zip(self.groups, self.reference, self.window, strict=True))


@dataclass(frozen=True)
class ModelInUse:
    """A model in use.

    Attributes:
        name: Name of the model.
        endpoint: Where it serves; empty if that is not known.
        reports: Reports of the monitors, one for each window, in order of time.
        events: What happened, in order of time.
        columns: The worst columns of the latest window.
    """

    name: str
    endpoint: str
    reports: tuple[MonitorReport, ...]
    events: tuple[HistoryEvent, ...] = ()
    columns: tuple[ColumnComparison, ...] = ()

    @property
    def starts(self) -> tuple[datetime, ...]:
        """First moment of each window."""
        return tuple(parse_moment(report.window.start) for report in self.reports)


def worst_status(results: Sequence[MonitorResult]) -> Status:
    """Return the worst status of some results; ``ok`` without results."""
    return max((result.status for result in results), key=_WORST.index, default="ok")
