"""A heat map of a model's inputs by windows: how far each has moved, and where its data were broken."""

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult, Status
from headrace.reports.base import number_format
from headrace.reports.monitoring.history import worst_status

MOST_ROWS = 30
MOST_WINDOWS = 120
# An effect from which a cell has the full colour.
_FULL_EFFECT = 0.5
_WHOLE = {
    "joint_drift": "all inputs together",
    "prediction_drift": "predictions",
    "duplicate_rows": "repeated rows",
    "duplicate_requests": "repeated requests",
}
_BY_COLUMN = ("input_drift", "missing", "unseen_categories")
_BY_RULE = "contract_violations"
SHOWN = frozenset({*_WHOLE, *_BY_COLUMN, _BY_RULE})
"""Monitors that have a row or a part of one."""
_COLOURS = {"ok": "0,114,178", "violated": "198,83,0", "data_fault": "179,38,30"}


@dataclass(frozen=True)
class HeatCell:
    """One window of one row.

    Attributes:
        status: The worst status; None if this window has no result.
        style: Style of the cell.
        title: The sentences of what is not ok, for whoever points at the cell.
    """

    status: Status | None
    style: str
    title: str


@dataclass(frozen=True)
class HeatRow:
    """One column, or one thing about all rows.

    Attributes:
        name: Its name.
        cells: One for each shown window (n).
    """

    name: str
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True)
class HeatMap:
    """The heat map.

    Attributes:
        windows: Labels of the shown windows (n), the first and the last of which are printed.
        rows: The rows, the worst first.
        left_out: What is not shown, as sentences.
    """

    windows: tuple[str, ...]
    rows: tuple[HeatRow, ...]
    left_out: tuple[str, ...]


def draw_heat_map(reports: Sequence[MonitorReport]) -> HeatMap:
    """Arrange the data monitors of all windows, at most 120 of them and at most 30 rows.

    Args:
        reports: One for each window, in order of time.
    """
    shown = reports[-MOST_WINDOWS:]
    by_window = [_group(report) for report in shown]
    names = list(dict.fromkeys(name for groups in by_window for name in groups))
    ranked = sorted(names, key=lambda name: _badness([groups.get(name, ()) for groups in by_window]), reverse=True)
    left_out = []
    if len(reports) > len(shown):
        left_out.append(f"{number_format.count(len(reports) - len(shown))} earlier windows are not shown.")
    if len(ranked) > MOST_ROWS:
        left_out.append(f"{number_format.count(len(ranked) - MOST_ROWS)} calmer rows are not shown.")
    rows = tuple(HeatRow(name, tuple(_cell(groups.get(name)) for groups in by_window)) for name in ranked[:MOST_ROWS])
    return HeatMap(tuple(report.window.start[:16].replace("T", " ") for report in shown), rows, tuple(left_out))


def _group(report: MonitorReport) -> dict[str, list[MonitorResult]]:
    """Return the results of the data monitors by the row that they belong to."""
    groups: dict[str, list[MonitorResult]] = {}
    for result in report.results:
        name = _row_name(result)
        if name:
            groups.setdefault(name, []).append(result)
    return groups


def _row_name(result: MonitorResult) -> str:
    """Return the row that a result belongs to; empty for none."""
    if result.monitor == _BY_RULE:
        return f"rule {result.subject.replace('_', ' ')}"
    return result.subject if result.monitor in _BY_COLUMN else _WHOLE.get(result.monitor, "")


def _effect(results: Sequence[MonitorResult]) -> float:
    """Return the largest change among results of one row and window, 0 to 1."""
    changes = [
        abs(result.value - (result.reference or 0.0))
        if result.monitor in {"missing", "unseen_categories"}
        else result.value
        for result in results
        if result.value is not None
    ]
    return min(1.0, max(changes, default=0.0))


def _badness(windows: Sequence[Sequence[MonitorResult]]) -> tuple[int, float]:
    bad = sum(worst_status(results) in {"violated", "data_fault"} for results in windows)
    return bad, max(map(_effect, windows), default=0.0)


def _cell(results: Sequence[MonitorResult] | None) -> HeatCell:
    if not results:
        return HeatCell(None, "", "")
    status = worst_status(results)
    title = " ".join(result.sentence for result in results if result.status != "ok")
    if status == "unknown":
        return HeatCell(status, "", title)
    strength = min(1.0, _effect(results) / _FULL_EFFECT)
    least = 0.04 if status == "ok" else 0.35
    return HeatCell(status, f"background:rgba({_COLOURS[status]},{least + (0.9 - least) * strength:.2f})", title)
