"""The monitors of rows whose labels have come: metrics, slices, how many labels there are and whether they are fair."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from headrace.core.base.errors import InputError
from headrace.core.base.quantities import describe_count
from headrace.core.drift.input_counts import InputCounts
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.monitors.performance.label_bias import label_bias
from headrace.core.monitors.performance.metric_texts import describe_value, name_of
from headrace.core.monitors.performance.performance_reference import (
    PerformancePlan,
    PerformanceReference,
    loss_of,
    slice_name,
    standard_error,
    worse_p_value,
)
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.monitors.reports.monitor_report import MonitorResult, Status
from headrace.core.splits.clusters import RowClusters, by_row
from headrace.core.statistics import bootstrap
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metric_names import MAIN
from headrace.core.statistics.multiple_tests import adjust_holm
from headrace.core.statistics.sample_sizes import FEWEST_CLUSTERS
from headrace.core.statistics.slices import Slice
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics

FEWEST_SLICE_ROWS = 50
"""Fewest labelled rows of a slice that is measured."""
_FEWEST_MEASURED = 10
_RESAMPLES, _SLICE_RESAMPLES = 1000, 400
_Z = 1.96


@dataclass(frozen=True)
class LabelledWindow:
    """A window's rows with and without labels.

    Attributes:
        outcome: Predictions for the n rows whose labels have come, with the actual values.
        unlabelled: Predictions for the others.
        clusters: Clusters of labelled rows that were sampled together, by request or by key; None if rows are
            independent.
        slices: Slices of the labelled rows.
        inputs: Counts of the labelled rows' inputs, and of the others' in the same bins; None to compare predictions
            only.
    """

    outcome: EvaluatedRows
    unlabelled: PredictedRows
    clusters: RowClusters | None = None
    slices: tuple[Slice, ...] = ()
    inputs: tuple[InputCounts, InputCounts] | None = None

    @property
    def rows(self) -> int:
        """Number of rows with a prediction, with and without labels."""
        return len(self.outcome) + len(self.unlabelled)


@dataclass(frozen=True)
class _Measurement:
    monitor: str
    subject: str
    metric: str
    interval: Interval
    rows: int
    reference: Interval | None


def performance_results(
    profile: OutputProfile,
    window: LabelledWindow,
    *,
    classes: Sequence[str],
    reference: PerformanceReference | None = None,
    fewest_labelled: float = 0.0,
    plan: PerformancePlan | None = None,
) -> tuple[MonitorResult, ...]:
    """Measure the rows whose labels have come.

    All comparisons with the test part, of metrics and of slices, are adjusted together: while nothing has changed, the
    chance that any of them is called worse is at most ``plan.alpha``.

    Args:
        profile: Predictions and actual values of the test part.
        window: The rows.
        classes: Names of the classes; empty for a regression.
        reference: The metrics of the test part, to compare with; None to compare with nothing.
        fewest_labelled: Share of rows, 0 to 1, below which too few labels have come.
        plan: Chance of false alarms and so on.

    Returns:
        Results of ``measured_performance``, ``slice_performance``, ``label_coverage`` and ``label_bias``.
    """
    if not 0 <= fewest_labelled <= 1:
        raise InputError(f"the fewest labelled rows must be a share from 0 to 1; got {fewest_labelled:g} instead.")
    plan, reference = plan or PerformancePlan(), reference or PerformanceReference({})
    main = MAIN[window.outcome.task]
    coverage = _measure_coverage(window, fewest_labelled)
    if len(window.outcome) < _FEWEST_MEASURED:
        few = f"labels of {describe_count(len(window.outcome), 'row')} have come, and {_FEWEST_MEASURED} are the fewest"
        sentence = f"{name_of(main)} cannot be measured: {few}."
        unknown = MonitorResult("measured_performance", main, "unknown", sentence, rows=len(window.outcome))
        slices = replace(unknown, monitor="slice_performance", subject="", sentence=f"No slice can be measured: {few}.")
        bias = label_bias(profile, window.outcome, window.unlabelled, window.inputs, plan)
        return (unknown, *([slices] if reference.slices else ()), coverage, *bias)
    measured = [*_measure(window, reference, plan), *_measure_slices(window, reference, plan, main)]
    tested = [one for one in measured if one.reference is not None]
    adjusted = adjust_holm(
        [
            worse_p_value(one.metric, one.interval.value, standard_error(one.interval), one.reference)
            for one in tested
            if one.reference
        ]
    )
    p_values = {(one.monitor, one.subject): value for one, value in zip(tested, adjusted, strict=True)}
    results = [_describe(one, p_values.get((one.monitor, one.subject)), plan) for one in measured]
    known = {one.metric for one in measured if one.monitor == "measured_performance"}
    undefined = _describe_undefined(window.outcome, known, classes)
    return *results, *undefined, coverage, *label_bias(profile, window.outcome, window.unlabelled, window.inputs, plan)


def _measure(window: LabelledWindow, reference: PerformanceReference, plan: PerformancePlan) -> Iterator[_Measurement]:
    outcome = window.outcome
    sample = bootstrap.resample(
        [outcome], seed=plan.seed, resamples=_RESAMPLES, clusters=window.clusters or by_row(len(outcome))
    )
    for name, interval in bootstrap.intervals(outcome, sample).items():
        yield _Measurement("measured_performance", name, name, interval, len(outcome), reference.metrics.get(name))


def _measure_slices(
    window: LabelledWindow, reference: PerformanceReference, plan: PerformancePlan, main: str
) -> Iterator[_Measurement]:
    clusters = window.clusters or by_row(len(window.outcome))
    for part in window.slices:
        of_part = clusters.take(part.rows)
        if len(part.rows) < FEWEST_SLICE_ROWS or of_part.count < FEWEST_CLUSTERS:
            continue
        selected = window.outcome.take(part.rows)
        sample = bootstrap.resample([selected], seed=plan.seed, resamples=_SLICE_RESAMPLES, clusters=of_part)
        interval = bootstrap.intervals(selected, sample).get(main)
        if interval:
            name = slice_name(part.column, part.value)
            yield _Measurement("slice_performance", name, main, interval, len(part.rows), reference.slices.get(name))


def _describe(one: _Measurement, p_value: float | None, plan: PerformancePlan) -> MonitorResult:
    interval, reference = one.interval, one.reference
    where = "" if one.monitor == "measured_performance" else f" of the rows with {one.subject}"
    sentence = (
        f"{name_of(one.metric)}{where} is {describe_value(interval.value, interval.low, interval.high)} over "
        f"{describe_count(one.rows, 'labelled row')}"
    )
    status: Status = "ok"
    if reference and p_value is not None:
        loss = loss_of(one.metric, interval.value, reference.value)
        worse = p_value <= plan.alpha and loss > plan.tolerance
        status = "violated" if worse else "ok"
        sentence += f", {'worse than' if worse else 'beside'} {reference.value:.4g} on the test part"
    return MonitorResult(
        one.monitor,
        one.subject,
        status,
        f"{sentence}.",
        value=interval.value,
        low=interval.low,
        high=interval.high,
        reference=reference.value if reference else None,
        p_value=p_value,
        rows=one.rows,
    )


def _describe_undefined(outcome: EvaluatedRows, measured: set[str], classes: Sequence[str]) -> Iterator[MonitorResult]:
    """Yield a result for each metric that the labelled rows do not define, or hardly."""
    present = sorted(set(outcome.actual.tolist())) if classes else []
    only = (
        f"all {len(outcome):,} labelled rows are of the class {classes[int(present[0])]}" if len(present) == 1 else ""
    )
    for name in compute_metrics(outcome):
        if name not in measured:
            reason = only or f"the {len(outcome):,} labelled rows do not define it"
            yield MonitorResult(
                "measured_performance",
                name,
                "unknown",
                f"{name_of(name)} is unknown: {reason}.",
                rows=len(outcome),
            )


def _measure_coverage(window: LabelledWindow, fewest: float) -> MonitorResult:
    rows, labelled = window.rows, len(window.outcome)
    if not rows:
        return MonitorResult("label_coverage", "", "unknown", "The window has no rows with a prediction.", rows=0)
    share = labelled / rows
    low, high = _wilson(labelled, rows)
    few = share < fewest
    wanted = f", fewer than the {fewest:.1%} that are wanted" if few else ""
    return MonitorResult(
        "label_coverage",
        "",
        "violated" if few else "ok",
        f"Labels of {labelled:,} of {describe_count(rows, 'row')} have come ({share:.1%}){wanted}.",
        value=share,
        low=low,
        high=high,
        bound=fewest or None,
        rows=rows,
    )


def _wilson(hits: int, rows: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    share, square = hits / rows, _Z**2 / rows
    centre = (share + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(share * (1 - share) / rows + square / (4 * rows))
    return max(0.0, centre - half), min(1.0, centre + half)
