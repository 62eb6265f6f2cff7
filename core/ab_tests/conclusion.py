"""What may be concluded from a test, in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from headrace.core.ab_tests.plan import ABTestPlan, PlannedMetric
from headrace.core.ab_tests.result import Decision, MetricEffect
from headrace.core.ab_tests.sample_ratio import SampleRatio
from headrace.core.ab_tests.sample_size import metric_alpha, metric_power


@dataclass(frozen=True)
class Conclusion:
    """What may be concluded.

    Attributes:
        decision: The decision.
        sentence: The decision in words.
        reasons: Sentences, the most important first.
        missing_keys: How many keys more it takes; None if it is decided, or more keys would not help.
    """

    decision: Decision
    sentence: str
    reasons: tuple[str, ...]
    missing_keys: int | None = None


def conclude(metrics: Sequence[MetricEffect], *, plan: ABTestPlan, ratio: SampleRatio, is_final: bool) -> Conclusion:
    """Decide by the rules of the plan; the first that applies decides.

    1. The keys are not divided as planned: nothing may be concluded.
    2. A guard is surely beyond its margin: stop.
    3. A primary metric is worse: worse.
    4. A primary metric is better and every guard is kept: better.
    5. No primary metric differs by more than its margin, and every guard is kept: equivalent.
    6. Otherwise it is not decided.

    Args:
        metrics: The judged metrics.
        plan: The plan.
        ratio: The sample ratio.
        is_final: Whether the planned number of keys is reached.
    """
    primary = [one for one in metrics if one.role == "primary"]
    guards = [one for one in metrics if one.role == "guard"]
    by_status = {status: [one for one in metrics if one.status == status] for status in _ORDER}
    kept = all(one.status == "kept" for one in guards)
    reasons = [one.sentence for status in _ORDER for one in by_status[status]]
    if ratio.broken:
        return Conclusion(
            "invalid", "Nothing may be concluded: the keys are not divided as planned.", (_describe_ratio(ratio),)
        )
    reasons.append(_describe_looks(plan, is_final=is_final))
    if by_status["violated"]:
        names = _names(by_status["violated"])
        sentence = f"Stop: the candidate harms {names} by more than the margin."
        return Conclusion("stop", sentence, tuple(reasons))
    if by_status["worse"]:
        sentence = f"The candidate is worse: {_names(by_status['worse'])}. Keep the baseline."
        return Conclusion("worse", sentence, tuple(reasons))
    if by_status["better"] and kept:
        sentence = f"The candidate is better: {_names(by_status['better'])}"
        sentence += ", and every guard is kept." if guards else "."
        return Conclusion("better", sentence, tuple(reasons))
    if kept and all(one.status == "equivalent" for one in primary):
        sentence = "The versions do not differ by more than the margin: take the one that costs less."
        return Conclusion("equivalent", sentence, tuple(reasons))
    missing = _missing_keys(metrics, plan, is_final=is_final)
    return Conclusion(
        "undecided", _describe_undecided(by_status, missing, is_final=is_final), tuple(reasons), missing or None
    )


_ORDER = ("violated", "worse", "better", "undecided", "equivalent", "kept")


def describe_metric(effect: MetricEffect, *, metric: PlannedMetric, is_final: bool) -> str:
    """Return what is known of a metric as a sentence.

    Args:
        effect: The metric, judged.
        metric: The metric of the plan.
        is_final: Whether the interval for one look counts.
    """
    words = {
        "better": "is better",
        "worse": "is worse",
        "equivalent": f"does not differ by more than {metric.margin:.3g}",
        "kept": f"is not worse by more than {metric.margin:.3g}",
        "violated": f"is worse by more than {metric.margin:.3g}",
        "undecided": "is undecided" if effect.role == "primary" else f"may be worse by more than {metric.margin:.3g}",
    }
    relative = f", {100 * effect.relative.value:+.2g} %" if effect.relative else ""
    if effect.variance_reduction:
        relative += f", adjusted by {metric.covariate}"
    if is_final:
        interval = f"{100 * effect.level:.4g} % confidence interval {effect.low:.3g} to {effect.high:.3g}"
        interval += f", p = {effect.p_value:.2g}"
    else:
        interval = f"confidence sequence {effect.sequence_low:.3g} to {effect.sequence_high:.3g}"
    return (
        f"{effect.name} {words[effect.status]}: {effect.candidate:.4g} with the candidate, {effect.baseline:.4g} with "
        f"the baseline (difference {effect.difference:+.3g}{relative}; {interval}; {metric.better} is better)."
    )


def _names(metrics: Sequence[MetricEffect]) -> str:
    return ", ".join(one.name for one in metrics)


def _describe_ratio(ratio: SampleRatio) -> str:
    p_value = min(ratio.p_value, ratio.sequential_p_value)
    return (
        f"The candidate has {100 * ratio.observed:.3g} % of the keys instead of {100 * ratio.expected:.3g} % "
        f"(p = {p_value:.1g}), so keys are lost or moved in one of the versions, and those that are left cannot be "
        "compared: find the cause and begin a new test."
    )


def _describe_looks(plan: ABTestPlan, *, is_final: bool) -> str:
    if is_final:
        return (
            f"The planned {plan.keys:,} keys are reached; p-values and confidence intervals hold for this one look, "
            "the confidence sequences for any number of looks."
        )
    if plan.looks == "once":
        return (
            f"The planned {plan.keys:,} keys with all values are not reached, and the plan looks once: no p-value or "
            "interval of a primary metric counts before."
        )
    return (
        f"The planned {plan.keys:,} keys with all values are not reached: until then p-values and confidence intervals "
        "do not count, because whoever looks often enough finds a difference by chance; the confidence sequences do."
    )


def _missing_keys(metrics: Sequence[MetricEffect], plan: ABTestPlan, *, is_final: bool) -> int:
    """Return how many keys more it takes: up to the planned size, then by the variances that were found."""
    if not is_final:
        return plan.keys - min(one.keys.total for one in metrics)
    planned = {metric.name: metric for metric in plan.metrics}
    missing = 0
    for one in metrics:
        if one.status == "undecided":
            metric = planned[one.name]
            bound = NormalDist().inv_cdf(1 - metric_alpha(plan, metric) / 2)
            error = (one.high - one.low) / 2 / bound
            quantiles = bound + NormalDist().inv_cdf(metric_power(plan))
            needed = one.keys.total * (quantiles * error / (metric.effect or metric.margin)) ** 2
            missing = max(missing, math.ceil(needed) - one.keys.total)
    return max(0, missing)


def _describe_undecided(by_status: dict[str, list[MetricEffect]], missing: int, *, is_final: bool) -> str:
    sentence = "Not decided"
    if by_status["better"]:
        guards = [one for one in by_status["undecided"] if one.role == "guard"]
        sentence += f": {_names(by_status['better'])} is better, but the guard {_names(guards)} is not known to be kept"
    if not is_final:
        return f"{sentence}: {missing:,} more keys are needed."
    if missing:
        return (
            f"{sentence}: the planned size was too small for the variance that was found; a new test takes {missing:,} "
            "keys more than this one."
        )
    return (
        f"{sentence}: if there is a difference, it is hardly larger than the margin; keep the baseline, or plan a new "
        "test for a smaller effect."
    )
