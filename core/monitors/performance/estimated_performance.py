"""The monitor of performance for rows whose labels have not come, and how its estimates turn out later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.quantities import describe_count
from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.drift.output_profile import OutputProfile
from headrace.core.monitors.performance.estimated_errors import FEWEST_ALIKE, IMPRECISE, draw_errors, estimate_errors
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
_FEWEST_BINS = 2
_EDGE = 0.02
"""Share of training at either end of an input where a regression is taken to have seen little: one bin of about 64."""
_ERRORS = ("mae", "rmse")
_CAVEATS = {
    True: "This holds if errors depend on inputs as they did on the test part; a change of that cannot be seen without "
    "labels",
    False: "This holds if probabilities mean what they meant on the test part; a change of that cannot be seen without "
    "labels",
}
"""What an estimate rests on, for a regression and for a classification."""

Floats = NDArray[np.float64]


def estimated_results(
    profile: OutputProfile,
    rows: PredictedRows,
    *,
    reference: PerformanceReference | None = None,
    inputs: InputCounts | None = None,
    trained: InputCounts | None = None,
    answered: int | None = None,
    plan: PerformancePlan | None = None,
) -> tuple[MonitorResult, ...]:
    """Estimate the metrics of n rows without labels.

    Args:
        profile: Predictions and actual values of the test part.
        rows: The predictions.
        reference: The metrics of the test part, to compare with; None to compare with nothing.
        inputs: Counts of the rows' inputs, which the errors of a regression follow from.
        trained: Counts of the training part's inputs, in the same bins.
        answered: Rows with a prediction in the window; None if ``rows`` are all of them.
        plan: Chance of false alarms and so on.

    Returns:
        One result for each metric. ``violated`` if it is worse than the reference beyond chance; ``unknown``, with the
        reason, without rows, where rows lie outside what training saw, where too few rows of the test part are like
        them to know a regression's errors, and for a metric that the labels would hardly define, such as the area
        under a ROC curve where one class is so rare that it may be absent.
    """
    plan = plan or PerformancePlan()
    draws = _draw(profile, rows, inputs=inputs, trained=trained, answered=answered or len(rows), seed=plan.seed)
    if isinstance(draws, str):
        names = _ERRORS if rows.task == "regression" else ("accuracy", "roc_auc", "log_loss", "brier")
        return tuple(
            MonitorResult(MONITOR, name, "unknown", f"{name_of(name)} cannot be estimated: {draws}.", rows=len(rows))
            for name in names
        )
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
    return not draws.reason and len(draws.defined) >= (1 - MOST_UNDEFINED) * len(draws.values)


def _describe(
    draws: MetricDraws, reference: Interval | None, p_value: float | None, rows: int, plan: PerformancePlan
) -> MonitorResult:
    name = draws.name
    if not _is_defined(draws):
        reason = draws.reason or (
            f"the labels of {describe_count(rows, 'row')} would hardly define it, since one class is expected to be "
            "absent or never predicted"
        )
        return MonitorResult(MONITOR, name, "unknown", f"{name_of(name)} cannot be estimated: {reason}.", rows=rows)
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


def _draw(
    profile: OutputProfile,
    rows: PredictedRows,
    *,
    inputs: InputCounts | None,
    trained: InputCounts | None,
    answered: int,
    seed: int,
) -> list[MetricDraws] | str:
    """Draw the metrics, or return why nothing can be estimated."""
    if not len(rows):
        return "the window has no rows with a prediction"
    if profile.rows < _FEWEST_TESTED:
        part = f"the test part has {describe_count(profile.rows, 'row')}"
        return f"{part}, and {_FEWEST_TESTED} are the fewest to learn from"
    columns = list(zip(inputs.columns, trained.columns, strict=True)) if inputs and trained else []
    if profile.labels is not None:
        return _name_outside(columns, at_edge=0.0) or draw_metrics(profile, rows, seed=seed)
    return _draw_errors(profile, rows, columns, answered=answered, seed=seed)


def _draw_errors(
    profile: OutputProfile,
    rows: PredictedRows,
    columns: Sequence[tuple[ColumnCounts, ColumnCounts]],
    *,
    answered: int,
    seed: int,
) -> list[MetricDraws] | str:
    """Draw the errors of a regression, or return why they cannot be estimated.

    Args:
        profile: Predictions and actual values of the test part.
        rows: The predictions.
        columns: Counts of each input over the window, and over the training part; empty if they are not known.
        answered: Rows with a prediction in the window.
        seed: Seed of the draws.
    """
    if profile.errors is None:
        return "the bundle's profile does not hold how errors depend on inputs: package the model again"
    known = columns[0][0].rows if columns else 0
    if any(term.column for term in profile.errors.terms) and known < (1 - MOST_OUTSIDE) * answered:
        return (
            f"errors depend on inputs, which are known and valid of {known:,} of {answered:,} rows, and at least "
            f"{1 - MOST_OUTSIDE:.0%} must be"
        )
    tested = ColumnCounts.of_record(profile.prediction)
    predicted = replace(tested, bins=replace(tested.bins, name="the predicted value"))
    pairs = [(ColumnCounts.of(rows.scores, predicted.bins), predicted), *columns]
    outside = _name_outside(pairs, at_edge=_EDGE)
    if outside:
        return outside
    window, reference = zip(*pairs, strict=True)
    estimates = estimate_errors(profile.errors, reference, window)
    # Absolute errors say whether rows are alike: a small test part may lack the large ones that squares depend on.
    if estimates[0].alike < FEWEST_ALIKE:
        return (
            "too few rows of the test part are like these: what is known of their errors is worth "
            f"{estimates[0].alike:.0%} of it, and {FEWEST_ALIKE:.0%} is the least"
        )
    if not estimates[0].precise:
        return f"the errors are {IMPRECISE}"
    return draw_errors(profile.errors, estimates, len(rows), seed=seed)


def _name_outside(columns: Sequence[tuple[ColumnCounts, ColumnCounts]], *, at_edge: float) -> str:
    """Return a sentence on the column of which most rows lie outside what training saw; empty if few do.

    Args:
        columns: Counts of each column over the window, and over the reference.
        at_edge: Share of the reference's rows at either end that count as outside too.
    """
    shares = ((one.bins.name, _outside(one, reference, at_edge)) for one, reference in columns)
    name, share = max(shares, key=lambda column: column[1], default=("", 0.0))
    if share <= MOST_OUTSIDE:
        return ""
    where = "at the edge of what the model has seen, or outside it," if at_edge else "outside what the model has seen"
    return f"{share:.1%} of the rows lie {where} in {name}, and at most {MOST_OUTSIDE:.0%} may"


def _outside(counts: ColumnCounts, reference: ColumnCounts, at_edge: float) -> float:
    """Return the share of rows with values beyond either end, or of other categories, above that of the reference."""
    window, expected = _shares(counts), _shares(reference)
    if len(window) < _FEWEST_BINS:
        return 0.0
    if counts.bins.categories:
        return max(0.0, float(window[-1] - expected[-1]))
    sides = ((window, expected), (window[::-1], expected[::-1]))
    return float(sum(max(0.0, _excess_at_end(found, known, at_edge)) for found, known in sides))


def _excess_at_end(window: Floats, reference: Floats, at_edge: float) -> float:
    """Return by how much the window's share of the first bins exceeds the reference's, from the shares of all (k,)."""
    last = max(1, int(np.searchsorted(np.cumsum(reference), at_edge, side="right")))
    return float((window - reference)[:last].sum())


def _shares(counts: ColumnCounts) -> Floats:
    return np.asarray(counts.counts / max(1, counts.rows))


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
