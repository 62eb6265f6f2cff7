"""Size, power and smallest effect of a test: any two give the third.

The sizes are those of two means by the normal distribution, with Guenther's term for an estimated variance (1981,
Sample Size Formulas for Normal Theory T Tests, American Statistician 35). A candidate is called better if a primary
metric is better and every guard is kept: the error rate of the guards then needs no correction, but the power does, so
each metric gets an equal part of what may go wrong (Schultzberg, Ankargren and Frånberg 2024, Risk-aware Product
Decisions in A/B Tests with Multiple Metrics). Several primary metrics share alpha (by Bonferroni here, by Holm in the
analysis).
"""

import math
from collections.abc import Collection
from dataclasses import replace
from statistics import NormalDist

from scipy.optimize import brentq

from headrace.core.ab_tests.plan import EARLY_PART, ABTestPlan, PlannedMetric
from headrace.core.base.errors import InputError, quote
from headrace.core.statistics.confidence_sequence import MeasureSums, difference

MOST_KEYS = 10**12
_FEWEST = 10
_NORMAL = NormalDist()


def unit_variance(metric: PlannedMetric, *, share: float, shift: float) -> float:
    """Return the variance of the difference times the number of keys.

    A covariate of correlation r leaves 1 - r**2 of it (Deng, Xu, Kohavi and Walker 2013, Improving the Sensitivity of
    Online Controlled Experiments by Utilizing Pre-Experiment Data).

    Args:
        metric: The metric.
        share: The candidate's share of the keys.
        shift: The candidate's mean minus the baseline's; a share's variance depends on it.
    """
    variance = metric.sd**2
    changed = variance
    if metric.kind == "share":
        mean = metric.mean + shift
        if not 0 < mean < 1:
            raise InputError(
                f"the rate of metric {quote(metric.name)} plus its effect must be above 0 and below 1; got {mean:g}."
            )
        changed = variance * mean * (1 - mean) / (metric.mean * (1 - metric.mean))
    return (1 - metric.correlation**2) * (changed / share + variance / (1 - share))


def required_keys(metric: PlannedMetric, *, share: float, alpha: float, power: float) -> int:
    """Return the number of keys, in both versions together, that a metric takes.

    Args:
        metric: The metric: a primary one is as much better as its effect; a guard is equal, and its margin excluded.
        share: The candidate's share of the keys.
        alpha: Two-sided error rate; a guard's bound is one-sided at half of it.
        power: Probability of finding it.

    Raises:
        InputError: If it would take more than 10**12 keys.
    """
    distance, shift = _distance(metric)
    quantile = _NORMAL.inv_cdf(1 - alpha / 2)
    variance = unit_variance(metric, share=share, shift=shift)
    keys = (quantile + _NORMAL.inv_cdf(power)) ** 2 * variance / distance**2 + quantile**2 / 2
    if keys > MOST_KEYS:
        raise InputError(
            f"metric {quote(metric.name)} would take {keys:.0e} keys; plan for an effect or margin above {distance:g}."
        )
    return max(4, math.ceil(keys))


def expected_power(metric: PlannedMetric, *, share: float, alpha: float, keys: int) -> float:
    """Return the probability that so many keys find what a metric is planned for.

    Args:
        metric: As for ``required_keys``.
        share: The candidate's share of the keys.
        alpha: As for ``required_keys``.
        keys: Number of keys in both versions together.
    """
    distance, shift = _distance(metric)
    quantile = _NORMAL.inv_cdf(1 - alpha / 2)
    variance = unit_variance(metric, share=share, shift=shift)
    return _NORMAL.cdf(distance * math.sqrt(max(keys - quantile**2 / 2, 1) / variance) - quantile)


def smallest_effect(metric: PlannedMetric, *, share: float, alpha: float, power: float, keys: int) -> float:
    """Return the smallest difference that so many keys find with the given power.

    Args:
        metric: The metric; its effect does not matter.
        share: The candidate's share of the keys.
        alpha: Two-sided error rate.
        power: The power.
        keys: Number of keys in both versions together.

    Raises:
        InputError: If a share has no such difference that leaves it below 1 or above 0.
    """
    highest = metric.mean if metric.direction < 0 else 1 - metric.mean
    if metric.kind == "mean":
        highest = 1e3 * metric.sd / math.sqrt(min(share, 1 - share))

    def excess(effect: float) -> float:
        return expected_power(replace(metric, effect=effect), share=share, alpha=alpha, keys=keys) - power

    low, high = highest * 1e-9, highest * (1 - 1e-9)
    if excess(high) < 0:
        raise InputError(
            f"{keys:,} keys cannot find any effect on metric {quote(metric.name)} with power {power:g}; plan more keys."
        )
    return float(brentq(excess, low, high, xtol=highest * 1e-15))


def sequential_keys(metric: PlannedMetric, *, plan: ABTestPlan) -> int | None:
    """Return after how many keys the confidence sequence finds the effect with the plan's power.

    Args:
        metric: A primary metric.
        plan: The plan, whose number of keys says where the sequence is narrowest.

    Returns:
        The number; None if it is above 10**12.
    """
    alpha = plan.alpha * EARLY_PART / len(plan.primary)
    effect, shift = _distance(metric)
    variance = unit_variance(metric, share=plan.share, shift=shift) * plan.share * (1 - plan.share)

    def excess(keys: float) -> float:
        versions = (keys * plan.share, keys * (1 - plan.share))
        spread = [MeasureSums(count, 0.0, count * variance) for count in versions]
        found = difference([(spread[0], spread[1])], alpha=alpha, bounds=(0.0, 0.0), tight_at=plan.weight)
        error = math.sqrt(variance / (keys * plan.share * (1 - plan.share)))
        return effect - found.high - _NORMAL.inv_cdf(plan.power) * error

    if excess(_FEWEST) >= 0 or excess(MOST_KEYS) < 0:
        return _FEWEST if excess(_FEWEST) >= 0 else None
    return math.ceil(float(brentq(excess, _FEWEST, MOST_KEYS, xtol=0.5)))


def complete_plan(plan: ABTestPlan) -> ABTestPlan:
    """Return a plan with the power and keys of each metric, and the number of keys if it is 0.

    Args:
        plan: A plan whose ``keys`` are 0 for as many as its metrics take, or what it is to be.

    Raises:
        InputError: If it would take too many keys.
    """
    alphas = {metric.name: metric_alpha(plan, metric) for metric in plan.metrics}
    each = metric_power(plan)
    needs = {
        metric.name: required_keys(metric, share=plan.share, alpha=alphas[metric.name], power=each)
        for metric in plan.metrics
    }
    keys = plan.keys or max(needs.values())
    metrics = tuple(
        replace(
            metric,
            keys=needs[metric.name],
            power=expected_power(metric, share=plan.share, alpha=alphas[metric.name], keys=keys),
        )
        for metric in plan.metrics
    )
    days = keys / plan.daily_keys if plan.daily_keys else None
    complete = replace(plan, keys=keys, metrics=metrics, days=days)
    if plan.looks == "once":
        return complete
    alone = [sequential_keys(one, plan=complete) for one in complete.primary]
    return replace(complete, sequential_keys=None if None in alone else max(one for one in alone if one is not None))


def find_effects(plan: ABTestPlan, *, names: Collection[str], margins: Collection[str]) -> ABTestPlan:
    """Return a plan of so many keys with the smallest effects that they find, where none were given.

    Args:
        plan: A plan with its number of keys.
        names: Names of the primary metrics without an effect.
        margins: Names of the metrics with a margin of their own; the others get their effect as margin.

    Raises:
        InputError: If the keys find no effect at all.
    """
    metrics = []
    for metric in plan.metrics:
        if metric.name not in names:
            metrics.append(metric)
            continue
        effect = smallest_effect(
            metric, share=plan.share, alpha=metric_alpha(plan, metric), power=metric_power(plan), keys=plan.keys
        )
        margin = metric.margin if metric.name in margins else effect
        metrics.append(replace(metric, effect=effect, margin=margin))
    return replace(plan, metrics=tuple(metrics))


def metric_alpha(plan: ABTestPlan, metric: PlannedMetric) -> float:
    """Return the two-sided error rate of a metric at the planned size."""
    return plan.final_alpha / (len(plan.primary) if metric.role == "primary" else 1)


def metric_power(plan: ABTestPlan) -> float:
    """Return the power that each metric needs, so that all that must come out do with the plan's power."""
    return 1 - (1 - plan.power) / (1 + len(plan.guards))


def _distance(metric: PlannedMetric) -> tuple[float, float]:
    """Return the difference to tell from none, and the true one that it is planned for."""
    if metric.effect is None:
        return metric.margin, 0.0
    return metric.effect, metric.direction * metric.effect
