"""What the page of a model in use shows: its reports, decisions and versions, and its worst columns."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from headrace.core.base.quantities import describe_count
from headrace.core.monitors.decisions.decision import DecisionOutcome, MonitorDecision
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.monitors.column_comparison import compare_column
from headrace.monitoring.monitors.measure_labels import measure_window
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.stored_counts import StoredCounts
from headrace.reports.monitoring.history import ColumnComparison, HistoryEvent, ModelInUse
from headrace.stores.objects.open_objects import StorePlace

_MOST_REPORTS = 400
_MOST_MEASURED = 60
_MOST_COLUMNS = 6
_STYLES: dict[DecisionOutcome, str] = {
    "nothing": "good",
    "warn": "warn",
    "retrain": "warn",
    "roll_back": "bad",
    "stop": "bad",
}
_TITLES: dict[DecisionOutcome, str] = {
    "nothing": "nothing to do",
    "warn": "warn",
    "retrain": "retrain",
    "roll_back": "roll back",
    "stop": "stop: the data are broken",
}


def collect_page_content(place: StorePlace, models: Sequence[MonitoredModel], *, endpoint: str = "") -> ModelInUse:
    """Collect what the page shows; performance is measured again by all labels that are known now.

    Args:
        place: The monitoring store.
        models: The versions whose bundles are at hand, the one in service last; windows of others show what their
            reports said.
        endpoint: Where the model serves; empty if that is not known.
    """
    model = models[-1]
    history = HistoryStore(place, model.name)
    reports = list(history.reports())[-_MOST_REPORTS:]
    by_digest = {one.digest: one for one in models}
    recent = len(reports) - _MOST_MEASURED
    shown = tuple(
        _measure_again(place, by_digest[one.digest], one) if index >= recent and one.digest in by_digest else one
        for index, one in enumerate(reports)
    )
    events = sorted((*_versions(reports), *_decisions(list(history.decisions()))), key=lambda event: event.time)
    return ModelInUse(model.name, endpoint, shown, tuple(events), tuple(_worst_columns(place, by_digest, reports)))


def _measure_again(place: StorePlace, model: MonitoredModel, report: MonitorReport) -> MonitorReport:
    """Return a report with the measured performance of its own rows, in place of that of the labels it saw come."""
    measured = measure_window(place, model, _window(report), PerformancePlan(alpha=report.false_alarm_rate / 4))
    again = [one for one in measured if one.monitor in {"measured_performance", "slice_performance"}]
    rest = [one for one in report.results if one.monitor not in {"measured_performance", "slice_performance"}]
    return replace(report, results=(*rest, *again))


def _window(report: MonitorReport) -> TimeWindow:
    return TimeWindow(parse_moment(report.window.start), parse_moment(report.window.end))


def _versions(reports: Sequence[MonitorReport]) -> Iterator[HistoryEvent]:
    for digest, group in groupby(reports, key=lambda report: report.digest):
        first = next(group)
        yield HistoryEvent(
            parse_moment(first.window.start), "version", f"version {digest[:12]} is monitored", style="good"
        )


def _decisions(decisions: Sequence[MonitorDecision]) -> Iterator[HistoryEvent]:
    """Yield decisions that differ from the one before; equal ones are counted."""
    for key, group in groupby(decisions, key=lambda one: (one.digest, one.outcome)):
        same = list(group)
        if key[1] == "nothing":
            continue
        first, last = same[0], same[-1]
        title = _TITLES[first.outcome] + (", waits for approval" if first.needs_approval else "")
        if len(same) > 1:
            title += f" ({describe_count(len(same), 'window')}, the last until {last.window.end[:10]})"
        yield HistoryEvent(
            parse_moment(first.window.end), "decision", title, last.reasons[:4], style=_STYLES[first.outcome]
        )


def _worst_columns(
    place: StorePlace, models: dict[str, MonitoredModel], reports: Sequence[MonitorReport]
) -> Iterator[ColumnComparison]:
    """Yield the columns of the latest window that changed most."""
    if not reports or reports[-1].digest not in models:
        return
    report, model = reports[-1], models[reports[-1].digest]
    found = {
        one.subject: one
        for one in sorted(report.results, key=lambda one: one.value or 0.0)
        if one.monitor in {"input_drift", "missing", "unseen_categories"} and one.status in {"violated", "data_fault"}
    }
    worst = sorted(found.values(), key=lambda one: -(one.value or 0.0))[:_MOST_COLUMNS]
    reference = {column.bins.name: column for column in model.profile.counts().columns}
    now = {column.bins.name: column for column in StoredCounts(place, model).count(_window(report)).inputs.columns}
    for one in worst:
        if one.subject in reference:
            yield compare_column(reference[one.subject], now[one.subject], one.sentence)
