"""The latest windows of a model as a decision sees them: which monitors were violated, broken or unknown in each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from headrace.core.monitors.decisions.policy import MonitoringPolicy
from headrace.core.monitors.reports.monitor_kinds import MONITORS
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.core.monitors.reports.time_window import parse_moment, rfc3339

Finding = Literal["violated", "unknown"]
# No row may lack a value, no column may have categories, no slice may be large enough, and predictions may not have
# changed. What could not be looked at, as in a window without rows, the report calls unknown itself.
_MAY_HAVE_NO_RESULT = frozenset({"missing", "unseen_categories", "slice_performance", "drift_attribution"})


@dataclass(frozen=True)
class ConsideredWindow:
    """A window, with what its report says of the monitors that are on.

    Attributes:
        start: Its first moment, as a text of RFC 3339.
        end: The first moment after it.
        violated: Monitors that are violated; none if the data are broken.
        faults: Monitors that found broken data, whether they are on or off.
        unknown: Monitors that are on and whose results are not known.
        results: The results that are not ``ok``.
    """

    start: str
    end: str
    violated: tuple[str, ...]
    faults: tuple[str, ...]
    unknown: tuple[str, ...]
    results: tuple[MonitorResult, ...]

    @property
    def unknown_results(self) -> tuple[MonitorResult, ...]:
        """The results that are not known, one for each monitor."""
        first: dict[str, MonitorResult] = {}
        for one in self.results:
            if one.status == "unknown":
                first.setdefault(one.monitor, one)
        return tuple(first.values())


def consider_windows(
    reports: Iterable[MonitorReport], *, digest: str, since: datetime, until: datetime, policy: MonitoringPolicy
) -> tuple[ConsideredWindow, ...]:
    """Return the k latest windows, the newest last; a window without a report is one in which nothing is known.

    Several reports of a window count as one that has all their results, whatever their order.

    Args:
        reports: Reports in any order; those of other versions and of windows of another length are left out.
        digest: Digest of the version in service.
        since: When that version was trained; windows that ended before are left out.
        until: End of the newest window.
        policy: The policy.
    """
    by_end: dict[datetime, set[MonitorResult]] = defaultdict(set)
    reported = set()
    for report in reports:
        end = parse_moment(report.window.end)
        if report.digest == digest and end - parse_moment(report.window.start) == policy.length:
            by_end[end].update(report.results)
            reported.add(end)
    latest = [until - policy.length * back for back in reversed(range(policy.considered_windows))]
    ends = [end for end in latest if end > since] or [until]
    return tuple(_consider_window(end, by_end[end], policy, reported=end in reported) for end in ends)


def _consider_window(
    end: datetime, found: set[MonitorResult], policy: MonitoringPolicy, *, reported: bool
) -> ConsideredWindow:
    places = {name: position for position, name in enumerate(MONITORS)}
    results = sorted(found, key=lambda one: (places[one.monitor], one.subject, one.status, repr(one)))
    faults = [one for one in results if one.status == "data_fault"]
    on = [one for one in results if one.monitor in policy.monitors and policy.monitors[one.monitor].counts(one.subject)]
    absent = _absent_results({one.monitor for one in results}, policy, reported=reported)
    shown = [one for one in on if one.status in {"violated", "unknown"}]
    return ConsideredWindow(
        start=rfc3339(end - policy.length),
        end=rfc3339(end),
        violated=() if faults else _names(one for one in on if one.status == "violated"),
        faults=_names(faults),
        unknown=_names([*(one for one in on if one.status == "unknown"), *absent]),
        results=(*faults, *shown, *absent),
    )


def _absent_results(present: set[str], policy: MonitoringPolicy, *, reported: bool) -> list[MonitorResult]:
    """Return an unknown result for each monitor that is on and should have a result, but has none."""
    sentence = (
        "The report of this window has no result of it." if reported else "This window has no report of this version."
    )
    return [
        MonitorResult(name, "", "unknown", sentence)
        for name in policy.monitors
        if name not in present and not (reported and name in _MAY_HAVE_NO_RESULT)
    ]


def _names(results: Iterable[MonitorResult]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.monitor for one in results))


def count_windows(windows: Sequence[ConsideredWindow], finding: Finding) -> Counter[str]:
    """Return in how many windows each monitor was violated, or unknown."""
    return Counter(name for window in windows for name in getattr(window, finding))
