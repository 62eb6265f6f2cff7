"""Sentences and printed names of the reports."""

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.core.evaluation.evaluation_document import ChosenThreshold, Evaluation
from headrace.core.evaluation.verdict import GateVerdict
from headrace.core.statistics import metric_names
from headrace.reports.base import number_format

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
    """Return the printed name of a metric."""
    return _METRICS.get(name, name.replace("_", " "))


def family_name(name: str) -> str:
    """Return the printed name of a family; trials of a pipeline have no family."""
    return name.replace("_", " ") or "trials"


def less_is_better(name: str) -> bool:
    """Return whether smaller values of a metric are better."""
    return not metric_names.HIGHER_IS_BETTER.get(name, True)


def in_order(names: Iterable[str]) -> list[str]:
    """Sort metrics in the usual order, unknown ones last."""
    usual = {name: place for place, name in enumerate(metric_names.HIGHER_IS_BETTER)}
    return sorted(dict.fromkeys(names), key=lambda name: (usual.get(name, len(usual)), name))


def main_metric(evaluation: Evaluation, verdict: GateVerdict | None) -> str:
    """Return the metric that the verdict compared, else the first of the usual ones; empty without metrics."""
    metric_values = evaluation.metrics
    compared = (verdict.comparison.metric if verdict else None) or ""
    usual = metric_names.MAIN[evaluation.task]
    return next((name for name in (compared, usual, *metric_values) if name in metric_values), "")


def measured_sentence(evaluation: Evaluation, metric: str) -> str:
    """Return the main metric with its interval and the baseline's value; empty without a metric."""
    if not metric:
        return ""
    measured, name = evaluation.metrics[metric], metric_name(metric)
    rows = evaluation.rows.measured
    of_labels = evaluation.alerts is not None and not metric.startswith("alerts")
    text = (
        f"{name[0].upper()}{name[1:]} {number_format.metric(measured.value)} (95 % interval "
        f"{number_format.metric(measured.low)} to {number_format.metric(measured.high)}) on "
        f"{number_format.count(evaluation.alerts.labelled if evaluation.alerts and of_labels else rows)} "
        f"{'labelled ' if of_labels else ''}test rows"
    )
    baseline = evaluation.baseline.metrics
    if metric in baseline:
        text += f"; the baseline has {number_format.metric(baseline[metric])}"
    return text + "."


def verdict_words(verdict: str) -> tuple[str, str]:
    """Return style and word of a verdict, those of "no verdict" for an unknown one."""
    return _VERDICTS.get(verdict, ("none", "No verdict"))


def endpoint_sentence(verification: Facts | None) -> str:
    """Summarize the verification of the endpoint; empty if there was none."""
    if not verification:
        return ""
    cases = verification.get("cases", 0)
    latency = (verification.get("latency_ms") or {}).get("p50")
    speed = f", half of them within {number_format.number(latency)} ms" if latency is not None else ""
    if verification.get("verified"):
        return f"The endpoint gave the expected answer in all {number_format.count(cases)} test cases{speed}."
    failed = len(verification.get("failures", []))
    return f"The endpoint failed {failed} of {number_format.count(cases)} test cases."


def threshold_sentence(threshold: ChosenThreshold | None) -> str:
    """Describe the chosen threshold with its costs and the rows it was chosen on; empty without one."""
    if threshold is None:
        return ""
    return (
        f"The class {number_format.shorten(threshold.positive)} is predicted from a probability of "
        f"{number_format.metric(threshold.value)} on. It was chosen for a false alarm that costs "
        f"{number_format.number(threshold.cost_false_positive)} and a miss that costs "
        f"{number_format.number(threshold.cost_false_negative)}, on {threshold.chosen_on}. Errors are expected to cost "
        f"{number_format.metric(threshold.cost)} a row; at 0.5 they would cost "
        f"{number_format.metric(threshold.cost_at_half)}."
    )
