"""Plans and results of A/B tests as text for a terminal."""

from headrace.cli.output.text_table import align_rows
from headrace.core.ab_tests.plan import ABTestPlan, PlannedMetric
from headrace.core.ab_tests.result import ABTestResult
from headrace.core.ab_tests.sample_size import metric_alpha
from headrace.core.base.quantities import describe_count


def describe_plan(plan: ABTestPlan) -> str:
    """Return a table of the metrics, and in sentences what the test takes and promises."""
    head = ("metric", "role", "baseline", "finds", "two-sided alpha", "power", "keys")
    rows = [
        [
            metric.name,
            metric.role,
            f"{metric.mean:.4g}",
            _format_target(metric),
            f"{metric_alpha(plan, metric):.3g}",
            f"{metric.power or 0:.3f}",
            f"{metric.keys or 0:,}",
        ]
        for metric in plan.metrics
    ]
    lines = [align_rows(head, rows, right=(2, 4, 5, 6)), "", _size_sentence(plan)]
    lines += [_covariate_sentence(metric) for metric in plan.metrics if metric.covariate]
    return "\n".join([*lines, _looks_sentence(plan)])


def _format_target(metric: PlannedMetric) -> str:
    if metric.effect is None:
        return f"a loss below {metric.margin:.3g}"
    sign = "+" if metric.direction > 0 else "-"
    return (
        f"{sign}{metric.effect:.3g} ({sign}{100 * metric.effect / abs(metric.mean):.2g} %)"
        if metric.mean
        else (f"{sign}{metric.effect:.3g}")
    )


def _size_sentence(plan: ABTestPlan) -> str:
    candidate = round(plan.keys * plan.share)
    days = (
        f", {describe_count(round(plan.days, 1), 'day')} at {plan.daily_keys:,g} keys a day"
        if plan.days and plan.daily_keys
        else ""
    )
    failures = [1 - (metric.power or 0.0) for metric in plan.guards]
    power = max(0.0, min(metric.power or 0.0 for metric in plan.primary) - sum(failures))
    harmless = " and harms no guard" if plan.guards else ""
    return (
        f"{plan.name} takes {plan.keys:,} keys ({candidate:,} for {plan.candidate}, {plan.keys - candidate:,} for "
        f"{plan.baseline}){days}; a candidate that has the effect{harmless} is then called better with a probability "
        f"of at least {power:.3g}."
    )


def _covariate_sentence(metric: PlannedMetric) -> str:
    saving = metric.correlation**2
    return f"The covariate {metric.covariate} saves {100 * saving:.3g} % of the keys of {metric.name}."


def _looks_sentence(plan: ABTestPlan) -> str:
    if plan.looks == "once":
        return "The result counts once, when these keys are reached; whoever looks earlier must not conclude anything."
    text = "The result may be looked at whenever you like: a fifth of alpha is spent on it"
    if plan.sequential_keys is None:
        return f"{text}."
    return (
        f"{text}, and by the confidence sequence alone {100 * plan.power:.3g} of 100 such tests would end by "
        f"{plan.sequential_keys:,} keys ({plan.sequential_keys / plan.keys:.2f} times as many)."
    )


def describe_result(result: ABTestResult) -> str:
    """Return what may be concluded, with its reasons, and the table of effects."""
    head = ("metric", "candidate", "baseline", "difference", "interval", "p", "sequence")
    rows = [
        [
            one.name,
            f"{one.candidate:.4g}",
            f"{one.baseline:.4g}",
            f"{one.difference:+.3g}",
            f"{one.low:.3g} to {one.high:.3g}",
            f"{one.p_value:.2g}",
            f"{one.sequence_low:.3g} to {one.sequence_high:.3g}",
        ]
        for one in result.metrics
    ]
    keys = result.keys
    counts = (
        f"{describe_count(keys.total, 'key')}, {keys.candidate:,} of {result.plan.candidate} and {keys.baseline:,} of "
        f"{result.plan.baseline}, of {result.plan.keys:,} that are planned."
    )
    lines = [
        result.sentence,
        *(f"  {reason}" for reason in result.reasons),
        "",
        align_rows(head, rows, right=(1, 2, 3, 5)),
        "",
        counts,
        *result.notes,
    ]
    return "\n".join(lines)
