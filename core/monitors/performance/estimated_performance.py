"""The monitor of performance for rows whose labels have not come, and how its estimates turn out later."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headrace.core.base.quantities import describe_count
from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.monitors.performance.estimated_metrics import MetricDraws, draw_metrics
from headrace.core.monitors.performance.metric_texts import describe_value, name_of
from headrace.core.monitors.performance.performance_reference import (
    PerformancePlan,
    PerformanceReference,
    loss_of,
    worse_p_value,
)
from headrace.core.monitors.performance.predicted_rows import PredictedRows
from headrace.core.monitors.reports.monitor_report import MonitorResult
from headrace.core.statistics.intervals import LEVEL
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.multiple_tests import adjust_holm

MONITOR = "estimated_performance"
MOST_OUTSIDE = 0.05
"""Largest share of rows outside the range of training for which an estimate is given."""
MOST_UNDEFINED = 0.05
"""Largest share of draws that may leave a metric undefined."""
_FEWEST_TESTED = 30
_ERRORS = ("mae", "rmse")
_CAVEATS = {
    True: "This holds if errors depend on inputs as the prediction shows; what else makes them larger, and a change "
    "of what inputs mean, cannot be seen without labels",
    False: "This holds if probabilities mean what they meant on the test part; a change of that cannot be seen without "
    "labels",
}
"""What an estimate rests on, for a regression and for a classification."""


def estimated_results(
    profile: OutputProfile,
    rows: PredictedRows,
    *,
    reference: PerformanceReference | None = None,
    inputs: InputCounts | None = None,
    trained: InputCounts | None = None,
    plan: PerformancePlan | None = None,
) -> tuple[MonitorResult, ...]:
    """Estimate the metrics of n rows without labels.

    Args:
        profile: Predictions and actual values of the test part.
        rows: The predictions.
        reference: The metrics of the test part, to compare with; None to compare with nothing.
        inputs: Counts of the rows' inputs.
        trained: Counts of the training part's inputs, in the same bins.
        plan: Chance of false alarms and so on.

    Returns:
        One result for each metric. ``violated`` if it is worse than the reference beyond chance; ``unknown``, with the
        reason, without rows, where rows lie outside what training saw, and for a metric that the labels would hardly
        define, such as the area under a ROC curve where one class is so rare that it may be absent.
    """
    plan = plan or PerformancePlan()
    reason = _why_unknown(profile, rows, inputs, trained)
    if reason:
        names = _ERRORS if profile.errors is not None else ("accuracy", "roc_auc", "log_loss", "brier")
        return tuple(
            MonitorResult(MONITOR, name, "unknown", f"{name_of(name)} cannot be estimated: {reason}.", rows=len(rows))
            for name in names
        )
    draws = draw_metrics(profile, rows, seed=plan.seed)
    compared = [one for one in draws if _is_defined(one) and reference and one.name in reference.metrics]
    p_values = adjust_holm([_p_value(one, reference.metrics[one.name]) for one in compared]) if reference else []
    by_name = dict(zip((one.name for one in compared), p_values, strict=True))
    return tuple(
        _describe(one, reference.metrics.get(one.name) if reference else None, by_name.get(one.name), len(rows), plan)
        for one in draws
    )


def _p_value(draws: MetricDraws, reference: Interval) -> float:
    return worse_p_value(draws.name, draws.value, float(draws.defined.std()), reference)


def _is_defined(draws: MetricDraws) -> bool:
    return len(draws.defined) >= (1 - MOST_UNDEFINED) * len(draws.values)


def _describe(
    draws: MetricDraws, reference: Interval | None, p_value: float | None, rows: int, plan: PerformancePlan
) -> MonitorResult:
    name = draws.name
    if not _is_defined(draws):
        sentence = (
            f"{name_of(name)} cannot be estimated: labels of {describe_count(rows, 'row')} would hardly define it, "
            "since one class is expected to be absent or never predicted."
        )
        return MonitorResult(MONITOR, name, "unknown", sentence, rows=rows)
    low, high = draws.interval(LEVEL)
    sentence = (
        f"{name_of(name)} is estimated at {describe_value(draws.value, low, high)} for {describe_count(rows, 'row')}"
    )
    worse = False
    if reference:
        loss = loss_of(name, draws.value, reference.value)
        worse = p_value is not None and p_value <= plan.alpha and loss > plan.tolerance
        sentence += f", {'worse than' if worse else 'beside'} {reference.value:.4g} on the test part"
    return MonitorResult(
        MONITOR,
        name,
        "violated" if worse else "ok",
        f"{sentence}. {_CAVEATS[name in _ERRORS]}.",
        value=draws.value,
        low=low,
        high=high,
        reference=reference.value if reference else None,
        p_value=p_value,
        rows=rows,
    )


def _why_unknown(
    profile: OutputProfile, rows: PredictedRows, inputs: InputCounts | None, trained: InputCounts | None
) -> str:
    """Return why nothing can be estimated; empty if something can."""
    if not len(rows):
        return "the window has no rows with a prediction"
    if profile.rows < _FEWEST_TESTED:
        part = f"the test part has {describe_count(profile.rows, 'row')}"
        return f"{part}, and {_FEWEST_TESTED} are the fewest to learn from"
    columns = list(_outside_shares(inputs, trained)) if inputs and trained else []
    if profile.errors is not None:
        predicted = ColumnCounts.of_record(profile.prediction)
        counts = ColumnCounts.of(rows.scores, predicted.bins)
        columns.append(("the predicted value", _outside(counts, predicted)))
    name, share = max(columns, key=lambda column: column[1], default=("", 0.0))
    if share <= MOST_OUTSIDE:
        return ""
    return f"{share:.1%} of the rows lie outside what the model has seen in {name}, and at most {MOST_OUTSIDE:.0%} may"


def _outside_shares(inputs: InputCounts, trained: InputCounts) -> Iterator[tuple[str, float]]:
    for column, reference in zip(inputs.columns, trained.columns, strict=True):
        yield column.bins.name, _outside(column, reference)


def _outside(counts: ColumnCounts, reference: ColumnCounts) -> float:
    """Return the share of rows with values beyond the outer edges, or of other categories, above that of training."""
    return max(0.0, _outer_share(counts) - _outer_share(reference))


def _outer_share(counts: ColumnCounts) -> float:
    if not counts.rows:
        return 0.0
    outer = counts.counts[-1] if counts.bins.categories else counts.counts[0] + counts.counts[-1]
    return float(outer if len(counts.counts) > 1 else 0) / counts.rows


@dataclass(frozen=True)
class EstimateComparison:
    """An estimate beside what was measured later.

    Attributes:
        metric: Name of the metric.
        estimated: The estimate.
        low: Lower end of its interval.
        high: Upper end.
        measured: What the labels gave.
        inside: Whether it lies in the interval of the estimate.
        sentence: The same in words.
    """

    metric: str
    estimated: float
    low: float
    high: float
    measured: float
    inside: bool
    sentence: str


def compare_estimates(
    estimated: Iterable[MonitorResult], measured: Sequence[MonitorResult]
) -> tuple[EstimateComparison, ...]:
    """Compare estimates with what the labels gave, for the same rows of one window.

    Args:
        estimated: Results of ``estimated_results``.
        measured: Results of ``performance_results``.

    Returns:
        One entry for each metric that both know.
    """
    values = {one.subject: one.value for one in measured if one.monitor == "measured_performance"}
    comparisons = []
    for one in estimated:
        value = values.get(one.subject)
        if one.value is None or one.low is None or one.high is None or value is None or not np.isfinite(value):
            continue
        inside = one.low <= value <= one.high
        verdict = (
            "inside its interval"
            if inside
            else "outside its interval: if that repeats, inputs no longer mean what they meant on the test part"
        )
        sentence = (
            f"{name_of(one.subject)} was estimated at {describe_value(one.value, one.low, one.high)}, and measured at "
            f"{value:.4g}, {verdict}."
        )
        comparisons.append(EstimateComparison(one.subject, one.value, one.low, one.high, value, inside, sentence))
    return tuple(comparisons)
