"""The report's sentences and names."""

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.core import metrics
from headrace.core.gate_verdict import GateVerdict
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


def family_name(name: str) -> str:
    """How a family is called in print; the trials of a pipeline have none."""
    return name.replace("_", " ") or "trials"


def less_is_better(name: str) -> bool:
    """Whether smaller values of a metric are better."""
    return not metrics.HIGHER_IS_BETTER.get(name, True)


def in_order(names: Iterable[str]) -> list[str]:
    """Metrics in the usual order, those that are not known last."""
    usual = {name: place for place, name in enumerate(metrics.HIGHER_IS_BETTER)}
    return sorted(dict.fromkeys(names), key=lambda name: (usual.get(name, len(usual)), name))


def main_metric(evaluation: Facts, verdict: GateVerdict | None) -> str:
    """The metric that the verdict compared, or the first of the usual ones; empty if there is none."""
    found = evaluation.get("metrics", {})
    compared = (verdict.comparison.metric if verdict else None) or ""
    usual = metrics.MAIN.get(evaluation.get("task", ""), "")
    return next((name for name in (compared, usual, *found) if name in found), "")


def measured_sentence(evaluation: Facts, metric: str) -> str:
    """The main metric with its interval beside the baseline; empty if there is no metric."""
    if not metric:
        return ""
    found = evaluation["metrics"][metric]
    rows = evaluation.get("rows", {}).get("test")
    name = metric_name(metric)
    text = f"{name[0].upper()}{name[1:]} {numbers.metric(found['value'])}"
    if found.get("low") is not None:
        text += f" (95 % interval {numbers.metric(found['low'])} to {numbers.metric(found['high'])})"
    if rows:
        text += f" on {numbers.count(rows)} test rows"
    baseline = evaluation.get("baseline", {})
    if baseline.get("metrics", {}).get(metric) is not None:
        text += f"; the baseline has {numbers.metric(baseline['metrics'][metric])}"
    return text + "."


def verdict_words(verdict: str) -> tuple[str, str]:
    """Style and word of a verdict; empty for none."""
    return _VERDICTS.get(verdict, ("none", "No verdict"))


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


def threshold_sentence(threshold: Facts) -> str:
    """Which threshold was chosen, by which costs and from what; empty without one."""
    if threshold.get("value") is None:
        return ""
    text = (
        f"The class {numbers.shortened(threshold.get('positive', 'that is positive'))} is predicted from a probability "
    )
    text += f"of {numbers.metric(threshold['value'])} on."
    wrong, missed = threshold.get("cost_false_positive"), threshold.get("cost_false_negative")
    if wrong is not None and missed is not None:
        text += f" It was chosen for a false alarm that costs {numbers.number(wrong)} and a miss that costs "
        text += f"{numbers.number(missed)}"
        text += f", on {threshold['chosen_on']}." if threshold.get("chosen_on") else "."
    if threshold.get("cost") is not None and threshold.get("cost_at_half") is not None:
        text += f" Errors are expected to cost {numbers.metric(threshold['cost'])} a row; at 0.5 they would cost "
        text += f"{numbers.metric(threshold['cost_at_half'])}."
    return text
