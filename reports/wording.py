"""The report's sentences and names."""

from collections.abc import Mapping
from typing import Any

from headrace.core import metrics
from headrace.reports import numbers

Facts = Mapping[str, Any]
_METRICS = {
    "roc_auc": "ROC AUC",
    "pr_auc": "PR AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "f1": "F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
}
_VERDICTS = {
    "promote": ("good", "Promoted"),
    "hold": ("warn", "Held"),
    "reject": ("bad", "Rejected"),
}


def metric_name(name: str) -> str:
    """How a metric is called in print."""
    return _METRICS.get(name, name.replace("_", " "))


def less_is_better(name: str) -> bool:
    """Whether smaller values of a metric are better."""
    return not metrics.HIGHER_IS_BETTER.get(name, True)


def main_metric(evaluation: Facts, verdict: Facts | None) -> str:
    """The metric that the verdict compared, or the first of the usual ones; empty if there is none."""
    found = evaluation.get("metrics", {})
    compared = str(((verdict or {}).get("comparison") or {}).get("metric", ""))
    usual = metrics.MAIN.get(evaluation.get("task", ""), "")
    return next((name for name in (compared, usual, *found) if name in found), "")


def measured_sentence(evaluation: Facts, metric: str) -> str:
    """The main metric with its interval beside the baseline; empty if there is no metric."""
    if not metric:
        return ""
    found = evaluation["metrics"][metric]
    rows = evaluation.get("rows", {}).get("test")
    text = f"{metric_name(metric)} {numbers.metric(found['value'])}"
    if found.get("low") is not None:
        text += f" (95 % interval {numbers.metric(found['low'])} to {numbers.metric(found['high'])})"
    if rows:
        text += f" on {numbers.count(rows)} test rows"
    baseline = evaluation.get("baseline", {})
    if baseline.get("metrics", {}).get(metric) is not None:
        text += f"; the baseline ({baseline.get('kind', 'none')}) has {numbers.metric(baseline['metrics'][metric])}"
    return text + "."


def verdict_words(verdict: Facts | None) -> tuple[str, str]:
    """Style and word of a verdict."""
    return _VERDICTS.get(str((verdict or {}).get("verdict", "")), ("none", "No verdict"))


def endpoint_sentence(verification: Facts | None) -> str:
    """What the endpoint did; empty if it was not asked."""
    if not verification:
        return ""
    cases = verification.get("cases", 0)
    latency = (verification.get("latency_ms") or {}).get("p50")
    speed = f", half of them within {numbers.number(latency)} ms" if latency is not None else ""
    if verification.get("verified"):
        return f"The endpoint gave the expected answer in all {numbers.count(cases)} test cases{speed}."
    failed = len(verification.get("failures", []))
    return f"The endpoint failed {failed} of {numbers.count(cases)} test cases."


def comparison_sentence(comparison: Facts) -> str:
    """By how much the candidate differs from what it was compared with; empty without a comparison."""
    if comparison.get("difference") is None:
        return ""
    metric = str(comparison.get("metric", ""))
    text = f"Against the {comparison.get('against', 'baseline')}, {metric_name(metric)} differs by "
    text += f"{_signed(comparison['difference'])}"
    if comparison.get("low") is not None and comparison.get("high") is not None:
        text += f" (95 % interval {_signed(comparison['low'])} to {_signed(comparison['high'])})"
    if comparison.get("p_value") is not None:
        p = float(comparison["p_value"])
        text += f", p {'below 0.001' if p < 0.001 else f'= {p:.3f}'}"
    if comparison.get("test"):
        text += f" by the {str(comparison['test']).replace('_', ' ')} test".replace("test test", "test")
    return f"{text}; {'less' if less_is_better(metric) else 'more'} is better."


def threshold_sentence(threshold: Facts) -> str:
    """Which threshold was chosen, and by which costs; empty without one."""
    if threshold.get("value") is None:
        return ""
    text = f"The positive class is predicted from a probability of {numbers.metric(threshold['value'])} on"
    wrong, missed = threshold.get("cost_false_positive"), threshold.get("cost_false_negative")
    if wrong is not None and missed is not None:
        text += f", chosen so that errors cost least when a false alarm costs {numbers.number(wrong)} and a miss "
        text += numbers.number(missed)
    text += "."
    if threshold.get("cost") is not None:
        text += f" On the test part errors cost {numbers.metric(threshold['cost'])} a row"
        text += f", and {numbers.metric(threshold['default_cost'])} at 0.5." if "default_cost" in threshold else "."
    return text


def _signed(value: Any) -> str:
    text = numbers.metric(abs(float(value)))
    return f"{'−' if float(value) < 0 else '+'}{text}"  # noqa: RUF001 - a minus sign, as in printed tables
