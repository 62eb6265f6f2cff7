"""The performance of rows whose labels came in a window, and the sums of the losses of each day.

A report covers the labels that were received in its window, of whatever day their rows are: so each label is in one
report, however late it comes. The sums of losses are by the day of the request, as ``MODEL/losses/VERSION/END.json``;
each document takes the days of the one before, and counts those again whose labels came or were corrected.
"""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from headrace.core.base.quantities import describe_count
from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.window_rows import TIME
from headrace.core.monitors.performance.change_points import change_point_results
from headrace.core.monitors.performance.daily_losses import FORMAT, DailyLosses
from headrace.core.monitors.performance.degradation import degradation_results
from headrace.core.monitors.performance.measured_performance import performance_results
from headrace.core.monitors.performance.performance_reference import PerformancePlan
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.monitors.reports.time_window import TimeWindow, rfc3339
from headrace.monitoring.labels.label_store import RECEIVED, LabelStore
from headrace.monitoring.labels.label_table import ACTUAL
from headrace.monitoring.labels.labelled_rows import find_labelled_span, labelled_rows
from headrace.monitoring.labels.window_performance import labelled_window, sum_daily_losses
from headrace.monitoring.monitors.answered_rows import select_answered
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.monitors.stored_counts import own_rows
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace
from headrace.stores.objects.stored_documents import add_document, read_document

LATEST_LABEL = timedelta(days=92)
"""Labels of rows that are older than this when they come are in no report; they count for a retraining."""


@dataclass(frozen=True)
class AnsweredLabels:
    """The rows whose labels came in a window, as they were answered.

    Attributes:
        answered: Rows (n) of the days of these rows, with ``actual`` where it is known.
        fresh: Those (m) of them whose labels came in the window.
        notes: What is left out, as sentences.
    """

    answered: pl.DataFrame
    fresh: pl.DataFrame
    notes: tuple[str, ...]

    @property
    def labelled(self) -> pl.DataFrame:
        """The rows whose labels have come, in the window or before."""
        return self.answered.filter(pl.col(ACTUAL).is_not_null())


@dataclass(frozen=True)
class MeasuredLabels:
    """What the labels of a window say.

    Attributes:
        labelled: Rows whose labels came in the window.
        results: The results.
        notes: What is left out, as sentences.
        rows: The rows that were measured.
    """

    labelled: int
    results: tuple[MonitorResult, ...]
    notes: tuple[str, ...]
    rows: AnsweredLabels


def measure_labels(
    place: StorePlace, model: MonitoredModel, window: TimeWindow, *, plan: PerformancePlan, lifelong: PerformancePlan
) -> MeasuredLabels:
    """Measure the rows whose labels were received in a window, and test the losses of all days so far.

    Args:
        place: The monitoring store.
        model: The version that answered.
        window: The window.
        plan: How this window's results are judged.
        lifelong: How degradation and change points are judged, over the whole time of service.
    """
    if model.contract.task == "anomaly":
        nothing = pl.DataFrame()
        return MeasuredLabels(0, (), (), AnsweredLabels(nothing, nothing, ()))
    found = read_labels(place, model, window)
    history = _count_losses(place, model, window, labelled=found.labelled, fresh=found.fresh)
    results = (
        *measure_answers(model, found.answered, found.fresh, plan),
        *degradation_results(model.profile.outputs, history, plan=lifelong),
        *change_point_results(model.profile.outputs, history, plan=lifelong),
    )
    return MeasuredLabels(found.fresh.height, results, found.notes, found)


def read_labels(place: StorePlace, model: MonitoredModel, window: TimeWindow) -> AnsweredLabels:
    """Read the rows whose labels were received in a window, and those of the same days.

    Args:
        place: The monitoring store.
        model: The version that answered.
        window: The window.
    """
    rows, labels = WindowStore(place, model.name), LabelStore(place, model.name)
    reach = TimeWindow(window.start - LATEST_LABEL, window.end)
    # Whole rows are read of those days only whose labels came: a window of labels, not three months of requests.
    found = find_labelled_span(rows, labels, reach, model.contract, received=window)
    stored = labelled_rows(rows, labels, found.days or window, model.contract, unlabelled=True)
    own = next(own_rows(iter([stored]), model), stored.clear())
    # Labels that came after the window are not known yet: a report that is made again later is the same.
    own = own.with_columns(pl.when(pl.col(RECEIVED) < window.end).then(pl.col(ACTUAL)).alias(ACTUAL))
    answered, notes = select_answered([own], model.contract)
    fresh = answered.filter(pl.col(ACTUAL).is_not_null() & (pl.col(RECEIVED) >= window.start))
    if found.unmatched:
        where = f"no stored row of the last {LATEST_LABEL.days} days"
        ends = (f"that came belongs to {where}, and is", f"that came belong to {where}, and are")
        notes = (*notes, f"{describe_count(found.unmatched, 'label', *ends)} in no report.")
    return AnsweredLabels(answered, fresh, notes)


def measure_answers(
    model: MonitoredModel, answered: pl.DataFrame, fresh: pl.DataFrame, plan: PerformancePlan
) -> tuple[MonitorResult, ...]:
    """Measure rows, beside the rows of the same days that have no label.

    Args:
        model: The version that answered.
        answered: Rows (n) of the same days, with ``actual`` where it is known.
        fresh: The rows (m) to measure.
        plan: How the results are judged.
    """
    days = fresh.get_column(TIME).dt.date().unique()
    others = answered.filter(pl.col(TIME).dt.date().is_in(days.implode()) & pl.col(ACTUAL).is_null())
    window = labelled_window(
        pl.concat([fresh, others]),
        model.contract,
        slice_columns=model.sliced_columns,
        count_inputs=lambda rows: count_window(iter([rows]), model, model.profile).inputs,
    )
    return performance_results(
        model.profile.outputs, window, classes=model.classes, reference=model.reference, plan=plan
    )


def _count_losses(
    place: StorePlace, model: MonitoredModel, window: TimeWindow, *, labelled: pl.DataFrame, fresh: pl.DataFrame
) -> DailyLosses:
    """Return the sums of losses of all days by the end of a window, and store them."""
    prefix = f"{place.prefix}{model.name}/losses/{model.digest}/"
    earlier = [
        item.key
        for item in place.store.list(prefix)
        if item.key.removeprefix(prefix).removesuffix(".json") < rfc3339(window.end)
    ]
    before = read_document(place, max(earlier), DailyLosses) if earlier else DailyLosses(FORMAT, model.digest)
    days = fresh.get_column(TIME).dt.date().unique()
    changed = labelled.filter(pl.col(TIME).dt.date().is_in(days.implode()))
    now = before
    if changed.height:
        now = before.replace_days(sum_daily_losses(changed, model.contract, digest=model.digest))
    key = f"{prefix}{rfc3339(window.end)}.json"
    add_document(place, key, now)
    return now
