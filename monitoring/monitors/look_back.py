"""Windows that were reported before, measured again by all labels that are known now.

Labels are read once and matched with rows once for each version; the rows of each window are read once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from headrace.core.monitors.performance.measured_performance import performance_results
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import MonitorReport, MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment
from headrace.monitoring.labels.label_store import LabelStore
from headrace.monitoring.labels.labelled_rows import join_labels, match_labels
from headrace.monitoring.labels.window_performance import labelled_window
from headrace.monitoring.monitors.answered_rows import select_answered
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.stored_counts import own_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace

_MEASURED = ("measured_performance", "slice_performance")


def measure_again(
    place: StorePlace, models: Mapping[str, MonitoredModel], reports: Sequence[MonitorReport]
) -> tuple[MonitorReport, ...]:
    """Return reports with the measured performance of their own rows, in place of that of the labels they saw come.

    Args:
        place: The monitoring store.
        models: Versions of the model by digest; reports of others stay as they are.
        reports: The reports.
    """
    known = [one for one in reports if one.digest in models]
    if not known:
        return tuple(reports)
    name = known[0].name
    rows, labels = WindowStore(place, name), LabelStore(place, name).read()
    since: dict[str, TimeWindow] = {}
    for one in known:
        since[one.digest] = min(since.get(one.digest, report_window(one)), report_window(one))
    matched = {
        digest: match_labels(rows, labels, models[digest].contract, since=first.start)
        for digest, first in since.items()
    }
    return tuple(
        _replace_measured(one, _measure(rows.read(report_window(one)), matched[one.digest], models[one.digest], one))
        if one.digest in models
        else one
        for one in reports
    )


def report_window(report: MonitorReport) -> TimeWindow:
    """Return the window of a report."""
    return TimeWindow(parse_moment(report.window.start), parse_moment(report.window.end))


def _measure(
    frames: Iterable[pl.DataFrame], found: pl.DataFrame, model: MonitoredModel, report: MonitorReport
) -> tuple[MonitorResult, ...]:
    """Measure the rows of a window that the version answered and whose labels are known now."""
    stored = join_labels(frames, found)
    own = next(own_rows(iter([stored]), model), stored.clear())
    answered, _ = select_answered([own], model.contract)
    if not answered.height:
        return ()
    return performance_results(
        model.profile.outputs,
        labelled_window(answered, model.contract, slice_columns=model.sliced_columns),
        classes=model.classes,
        reference=model.reference,
        plan=PerformancePlan(alpha=report.false_alarm_rate / 4),
    )


def _replace_measured(report: MonitorReport, measured: Sequence[MonitorResult]) -> MonitorReport:
    again = [one for one in measured if one.monitor in _MEASURED]
    rest = [one for one in report.results if one.monitor not in _MEASURED]
    return replace(report, results=(*rest, *again))
