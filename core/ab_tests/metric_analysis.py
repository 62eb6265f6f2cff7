"""One metric of a test: its values by key, both intervals, and what they say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from headrace.core.ab_tests import effects
from headrace.core.ab_tests.effects import MeanDifference, ValueMoments
from headrace.core.ab_tests.key_totals import KeyTotals, MetricTotals
from headrace.core.ab_tests.plan import ABTestPlan, PlannedMetric
from headrace.core.ab_tests.result import (
    MetricEffect,
    MissingValues,
    RelativeEffect,
    SequencePoint,
    Status,
    VersionCounts,
)
from headrace.core.ab_tests.sample_size import metric_alpha
from headrace.core.base.errors import DataError, quote
from headrace.core.base.quantities import describe_count
from headrace.core.statistics.confidence_sequence import SequentialInterval
from headrace.core.statistics.metrics import Floats

FEWEST_KEYS = 100
"""With fewer keys in a version, sums are not normal enough for a confidence sequence to decide anything."""
_FEWEST_EVENTS = 10
_SURE = 0.001
_ROUNDING = 1e-12


@dataclass(frozen=True)
class KeyLooks:
    """Moments at which a test is looked at.

    Attributes:
        times: The moment of the newest key at each look; the last one has all keys.
        counts: Numbers of the candidate's and of the baseline's keys at each look.
    """

    times: tuple[str, ...]
    counts: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class MetricAnalysis:
    """A metric before all primary ones are compared.

    Attributes:
        metric: The metric of the plan.
        effect: What is known of it, its status still undecided.
        welch: The difference with its error.
        notes: What must be read with caution, as sentences.
    """

    metric: PlannedMetric
    effect: MetricEffect
    welch: MeanDifference
    notes: tuple[str, ...]


def analyze_metric(keys: KeyTotals, index: int, *, plan: ABTestPlan, looks: KeyLooks) -> MetricAnalysis:
    """Analyze the metric at a place of the plan.

    Args:
        keys: The keys.
        index: The metric's place.
        plan: The plan.
        looks: Moments for the confidence sequence.

    Raises:
        DataError: If a version has fewer than two keys with a value, or the value is the same for all keys.
    """
    metric = plan.metrics[index]
    parts = keys.metric(index, candidate=True), keys.metric(index, candidate=False)
    _check_values(metric, parts, plan)
    values = tuple(effects.linearize(part.totals, part.denominators) for part in parts)
    if all(_is_constant(part) for part in values):
        raise DataError(
            f"metric {quote(metric.name)} is {values[0][0]:g} for every key of the candidate and {values[1][0]:g} for "
            "every other one; without variance nothing can be tested: name another metric."
        )
    notes = _rare_event_notes(metric, parts)
    adjusted, more = _adjust(metric, (values[0], values[1]), parts)
    if all(_is_constant(part) for part in adjusted[:2]):
        raise DataError(
            f"the covariate {quote(metric.covariate)} explains metric {quote(metric.name)} completely, as no value "
            "from before the test can: name another one."
        )
    moments = [ValueMoments.of(part) for part in adjusted[:2]]
    welch = MeanDifference.of(moments[0], moments[1])
    alpha, early = metric_alpha(plan, metric), sequence_alpha(plan, metric)
    intervals = effects.sequence(
        adjusted.candidate,
        adjusted.baseline,
        [_known_counts(parts, counts) for counts in looks.counts],
        alpha=early,
        tight_at=plan.weight,
    )
    low, high = welch.interval(alpha)
    missing = _missing(parts, looks.counts[-1])
    if missing.p_value < _SURE:
        notes.append(
            f"Values of {quote(metric.name)} are missing for {missing.candidate:.3g} of the candidate's keys and "
            f"{missing.baseline:.3g} of the baseline's: the difference may come from what is missing."
        )
    effect = MetricEffect(
        name=metric.name,
        role=metric.role,
        status="undecided",
        sentence="",
        keys=VersionCounts(*(len(part) for part in values)),
        missing=missing,
        candidate=float(values[0].mean()),
        baseline=float(values[1].mean()),
        difference=welch.difference,
        low=low,
        high=high,
        level=1 - alpha,
        statistic=welch.statistic,
        degrees_of_freedom=welch.degrees_of_freedom,
        p_value=welch.p_value,
        sequence_low=intervals[-1].low,
        sequence_high=intervals[-1].high,
        sequence_level=1 - early,
        variance_reduction=adjusted.reduction,
        relative=_relative(moments[0], moments[1], alpha),
        timeline=_timeline(intervals, looks, parts) if looks.times else (),
    )
    return MetricAnalysis(metric, effect, welch, (*notes, *more))


def sequence_alpha(plan: ABTestPlan, metric: PlannedMetric) -> float:
    """Return the error rate of a metric's confidence sequence over all looks together.

    Guards share alpha among themselves, since a false alarm of any of them stops the test. Where the plan looks once,
    the sequence of a primary metric decides nothing and is shown at the full rate.
    """
    if metric.role == "guard":
        return plan.alpha / len(plan.guards)
    return (plan.early_alpha or plan.alpha) / len(plan.primary)


def judge(analysis: MetricAnalysis, *, plan: ABTestPlan, adjusted_p: float | None, is_final: bool) -> Status:
    """Return what a metric says.

    Args:
        analysis: The metric.
        plan: The plan.
        adjusted_p: Holm's p-value of a primary metric; None for a guard.
        is_final: Whether the planned number of keys is reached, so that the interval for one look counts; before that
            only the confidence sequence does, and none for primary metrics if the plan looks once.
    """
    metric, effect = analysis.metric, analysis.effect
    intervals = [_as_improvement(metric, effect.low, effect.high)] if is_final else []
    sequences_count = metric.role == "guard" or plan.looks == "any"
    if sequences_count and min(effect.keys.candidate, effect.keys.baseline) >= FEWEST_KEYS:
        intervals.append(_as_improvement(metric, effect.sequence_low, effect.sequence_high))
    if metric.role == "guard":
        if any(high < -metric.margin for _, high in intervals):
            return "violated"
        return "kept" if any(low > -metric.margin for low, _ in intervals) else "undecided"
    significant = is_final and adjusted_p is not None and adjusted_p < plan.final_alpha
    if significant:
        return "better" if metric.direction * effect.difference > 0 else "worse"
    # The interval for one look has no correction for several metrics other than Holm's, which has just decided.
    for low, high in intervals[1:] if is_final else intervals:
        if low > 0 or high < 0:
            return "better" if low > 0 else "worse"
    return (
        "equivalent" if any(-metric.margin < low and high < metric.margin for low, high in intervals) else "undecided"
    )


def _as_improvement(metric: PlannedMetric, low: float, high: float) -> tuple[float, float]:
    """Return an interval in which positive numbers are better."""
    return (low, high) if metric.direction > 0 else (-high, -low)


def _is_constant(values: Floats) -> bool:
    """Return whether values differ by rounding at most."""
    return bool(np.ptp(values) <= _ROUNDING * np.abs(values).max())


def _check_values(metric: PlannedMetric, parts: tuple[MetricTotals, MetricTotals], plan: ABTestPlan) -> None:
    for part, version in zip(parts, (plan.candidate, plan.baseline), strict=True):
        if len(part.totals) < 2:
            raise DataError(
                f"metric {quote(metric.name)} must have values for at least 2 keys of version {quote(version)}; it has "
                f"{len(part.totals)}: wait for more keys or labels."
            )


def _rare_event_notes(metric: PlannedMetric, parts: tuple[MetricTotals, MetricTotals]) -> list[str]:
    approximate = f"Intervals of {quote(metric.name)} are approximate"
    smallest = min(len(part.totals) for part in parts)
    if smallest < FEWEST_KEYS:
        return [f"{approximate}: a version has only {describe_count(smallest, 'key')}."]
    if metric.kind == "share":
        rarest = min(min(part.totals.sum(), (part.denominators - part.totals).sum()) for part in parts)
        if metric.per in {"row", "key"} and rarest < _FEWEST_EVENTS:
            return [f"{approximate}: a version has {describe_count(round(rarest), 'value')} of a kind."]
    return []


def _adjust(
    metric: PlannedMetric, values: tuple[Floats, Floats], parts: tuple[MetricTotals, MetricTotals]
) -> tuple[effects.AdjustedValues, list[str]]:
    first, second = parts[0].covariate, parts[1].covariate
    plain = effects.AdjustedValues(*values, 0.0)
    if first is None or second is None:
        return plain, []
    name = quote(metric.covariate)
    known = [part[~np.isnan(part)] for part in (first, second)]
    unknown = len(first) + len(second) - sum(map(len, known))
    if min(map(len, known)) < 2 or all(_is_constant(part) for part in known):
        return plain, [f"The covariate {name} is the same for all keys or missing, and is not used."]
    balance = MeanDifference.of(*map(ValueMoments.of, known))
    if balance.p_value < _SURE:
        sentence = (
            f"The covariate {name} differs between the versions (p = {balance.p_value:.2g}), as no value from before "
            "the test should, and is not used: check when it was measured."
        )
        return plain, [sentence]
    ends = (f"has no covariate {name}; its value is", f"have no covariate {name}; their values are")
    notes = [f"{describe_count(unknown, 'key', *ends)} not adjusted."] if unknown else []
    return effects.adjust(*values, (first, second)), notes


def _missing(parts: tuple[MetricTotals, MetricTotals], keys: tuple[int, int]) -> MissingValues:
    absent = [count - len(part.totals) for count, part in zip(keys, parts, strict=True)]
    shares = [number / count for number, count in zip(absent, keys, strict=True)]
    pooled = sum(absent) / sum(keys)
    square = pooled * (1 - pooled) * (1 / keys[0] + 1 / keys[1])
    p_value = float(chdtrc(1, (shares[0] - shares[1]) ** 2 / square)) if square else 1.0
    return MissingValues(shares[0], shares[1], p_value)


def _known_counts(parts: tuple[MetricTotals, MetricTotals], counts: tuple[int, int]) -> tuple[int, int]:
    """Return how many of each version's first keys have a value."""
    first, second = (int(np.searchsorted(part.positions, count)) for part, count in zip(parts, counts, strict=True))
    return first, second


def _relative(candidate: ValueMoments, baseline: ValueMoments, alpha: float) -> RelativeEffect | None:
    ends = effects.relative_interval(candidate, baseline, alpha=alpha)
    return None if ends is None else RelativeEffect(candidate.mean / baseline.mean - 1, *ends)


def _timeline(
    intervals: Sequence[SequentialInterval], looks: KeyLooks, parts: tuple[MetricTotals, MetricTotals]
) -> tuple[SequencePoint, ...]:
    points = []
    for time, counts, interval in zip(looks.times, looks.counts, intervals, strict=True):
        known = _known_counts(parts, counts)
        ends = (interval.low, interval.high) if min(known) else (None, None)
        points.append(SequencePoint(time, sum(known), interval.effect, *ends))
    return tuple(points)
