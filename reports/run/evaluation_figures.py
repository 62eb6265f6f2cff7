"""Figures of an evaluation."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from markupsafe import Markup

from headrace.core.evaluation.evaluation_document import Evaluation
from headrace.core.statistics.measures import PrecisionRecallPoint, Residuals, RocPoint
from headrace.reports.base import number_format
from headrace.reports.base.phrases import in_order, less_is_better, metric_name
from headrace.reports.page import figures

_AT_K = frozenset({"precision_at_k", "recall_at_k"})
UNIT = frozenset({"accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "brier"}) | _AT_K
SAME_UNIT = frozenset({"mae", "rmse"})
_CurvePoint = TypeVar("_CurvePoint", RocPoint, PrecisionRecallPoint)


def list_measures(evaluation: Evaluation) -> list[figures.MetricWithBaseline]:
    """Return the metrics with intervals and the baseline's values, in the usual order."""
    metrics, baseline = evaluation.metrics, evaluation.baseline.metrics
    return [
        figures.MetricWithBaseline(
            metric=name,
            name=f"{metric_name(name)} ↓" if less_is_better(name) else metric_name(name),
            value=metrics[name].value,
            low=metrics[name].low,
            high=metrics[name].high,
            baseline=baseline.get(name),
        )
        for name in in_order(metrics)
    ]


def forests(evaluation: Evaluation) -> list[Markup]:
    """Draw one figure for each scale: metrics from 0 to 1, metrics in the target's unit, each other one alone."""
    groups: dict[str, list[figures.MetricWithBaseline]] = {}
    for row in list_measures(evaluation):
        group = "unit" if row.metric in UNIT and row.most <= 1 else "same" if row.metric in SAME_UNIT else row.metric
        groups.setdefault(group, []).append(row)
    return [figures.forest(rows, name=f"forest-{group}", unit=group == "unit") for group, rows in groups.items()]


def curves(evaluation: Evaluation) -> list[tuple[Markup, str]]:
    """Draw the figures of a classification or a regression, each with a caption; those without data are left out."""
    if evaluation.task == "regression":
        return _errors(evaluation.residuals) if evaluation.residuals else []
    return [*_ranking(evaluation), *_calibration(evaluation)]


def _ranking(evaluation: Evaluation) -> Iterator[tuple[Markup, str]]:
    level = evaluation.threshold.value if evaluation.threshold else None
    level = evaluation.alerts.threshold.value if evaluation.alerts else level
    roc = [(point.fpr, point.tpr) for point in evaluation.roc]
    mark = "; the mark is the chosen threshold" if level is not None else ""
    if roc:
        at_level = _at(evaluation.roc, level)
        chosen = (at_level.fpr, at_level.tpr) if at_level else None
        area = _value(evaluation, "roc_auc")
        yield figures.roc(roc, chosen=chosen), f"ROC: the area is {area}; the dashed line is guessing{mark}."
    curve = [(point.recall, point.precision) for point in evaluation.pr]
    if curve:
        at_recall = _at(evaluation.pr, level)
        chosen = (at_recall.recall, at_recall.precision) if at_recall else None
        share = curve[-1][1]  # all rows are predicted positive at the lowest threshold
        area = _value(evaluation, "pr_auc")
        picture = figures.precision_recall(curve, chosen=chosen, share=share)
        yield picture, f"Precision by recall: the area is {area}; the dashed line is guessing{mark}."


def _calibration(evaluation: Evaluation) -> Iterator[tuple[Markup, str]]:
    bins = [(b.predicted, b.observed, round(b.rows)) for b in evaluation.calibration]
    if bins:
        what = "the positive class" if evaluation.task == "binary" else "the predicted class"
        caption = (
            f"Calibration of {what}, in bins of about {number_format.count(bins[0][2])} rows: on the dashed line, "
        )
        yield figures.calibration(bins), f"{caption}probabilities are what they say."


def _errors(residuals: Residuals) -> list[tuple[Markup, str]]:
    points = [(point.actual, point.predicted) for point in residuals.points or ()]
    if not points:
        return []
    errors = [(predicted, actual - predicted) for actual, predicted in points]
    quantiles = residuals.quantiles
    spread = ""
    if {"0.05", "0.95"} <= set(quantiles):
        low, high = (number_format.number(quantiles[share]) for share in ("0.05", "0.95"))
        spread = f" Nine in ten lie between {low} and {high}."
    some = f"{number_format.count(len(points))} test rows; "
    return [
        (figures.predicted_actual(points), f"Predicted by actual value, {some}on the dashed line both are equal."),
        (figures.residuals(errors), f"Errors by predicted value.{spread}"),
    ]


def _at(points: Sequence[_CurvePoint], level: float | None) -> _CurvePoint | None:
    """Return the point of a curve at a threshold: that of the lowest threshold that is not below it."""
    above = [point for point in points if level is not None and point.threshold >= level]
    return min(above, key=lambda point: point.threshold, default=None)


def _value(evaluation: Evaluation, metric: str) -> str:
    found = evaluation.metrics.get(metric)
    return number_format.metric(found.value if found else None)
