"""What the page of a model in use shows: its reports, decisions and versions, and its worst columns."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from headrace.core.base.quantities import describe_count
from headrace.core.monitors.decisions.decision import DecisionOutcome, MonitorDecision
from headrace.core.monitors.reports.monitor_report import MonitorReport
from headrace.core.monitors.reports.time_window import parse_moment
from headrace.monitoring.decisions.history import HistoryStore
from headrace.monitoring.monitors.column_comparison import compare_column
from headrace.monitoring.monitors.look_back import measure_again, report_window
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
    reports = history.latest_reports(_MOST_REPORTS)
    by_digest = {one.digest: one for one in models}
    shown = (*reports[:-_MOST_MEASURED], *measure_again(place, by_digest, reports[-_MOST_MEASURED:]))
    events = sorted((*_versions(reports), *_decisions(list(history.decisions()))), key=lambda event: event.time)
    return ModelInUse(model.name, endpoint, shown, tuple(events), tuple(_worst_columns(place, by_digest, reports)))


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
    counts = StoredCounts(place, model).count(report_window(report))
    now = {column.bins.name: column for column in counts.inputs.columns}
    for one in worst:
        if one.subject in reference:
            yield compare_column(reference[one.subject], now[one.subject], one.sentence)
