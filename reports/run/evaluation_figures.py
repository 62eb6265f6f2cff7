"""Figures of an evaluation, from its JSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from headrace.reports.base import number_format
from headrace.reports.base.phrases import in_order, less_is_better, metric_name
from headrace.reports.page import figures

Facts = Mapping[str, Any]
UNIT = frozenset({"accuracy", "precision", "recall", "f1", "roc_auc", "pr_auc", "brier"})
SAME_UNIT = frozenset({"mae", "rmse"})


def list_measures(evaluation: Facts) -> list[figures.MetricWithBaseline]:
    """Return the metrics with intervals and the baseline's values, in the usual order."""
    baseline = (evaluation.get("baseline") or {}).get("metrics") or {}
    metrics = evaluation.get("metrics") or {}
    return [
        figures.MetricWithBaseline(
            metric=name,
            name=f"{metric_name(name)} ↓" if less_is_better(name) else metric_name(name),
            value=metrics[name]["value"],
            low=metrics[name].get("low"),
            high=metrics[name].get("high"),
            baseline=baseline.get(name),
        )
        for name in in_order(metrics)
        if metrics[name].get("value") is not None
    ]


def forests(evaluation: Facts) -> list[Markup]:
    """Draw one figure for each scale: metrics from 0 to 1, metrics in the target's unit, each other one alone."""
    groups: dict[str, list[figures.MetricWithBaseline]] = {}
    for row in list_measures(evaluation):
        group = "unit" if row.metric in UNIT and row.most <= 1 else "same" if row.metric in SAME_UNIT else row.metric
        groups.setdefault(group, []).append(row)
    return [figures.forest(rows, name=f"forest-{group}", unit=group == "unit") for group, rows in groups.items()]


def curves(evaluation: Facts) -> list[tuple[Markup, str]]:
    """Draw the figures of a classification or a regression, each with a caption; those without data are left out."""
    if evaluation.get("task") == "regression":
        return _errors(evaluation.get("residuals") or {})
    return [*_ranking(evaluation), *_calibration(evaluation)]


def _ranking(evaluation: Facts) -> Iterator[tuple[Markup, str]]:
    level = (evaluation.get("threshold") or {}).get("value")
    roc = [(point["fpr"], point["tpr"]) for point in evaluation.get("roc") or []]
    mark = "; the mark is the chosen threshold" if level is not None else ""
    if roc:
        chosen = _at(evaluation["roc"], level, ("fpr", "tpr"))
        area = _value(evaluation, "roc_auc")
        yield figures.roc(roc, chosen=chosen), f"ROC: the area is {area}; the dashed line is guessing{mark}."
    curve = [(point["recall"], point["precision"]) for point in evaluation.get("pr") or []]
    if curve:
        chosen = _at(evaluation["pr"], level, ("recall", "precision"))
        share = curve[-1][1]  # all rows are predicted positive at the lowest threshold
        area = _value(evaluation, "pr_auc")
        picture = figures.precision_recall(curve, chosen=chosen, share=share)
        yield picture, f"Precision by recall: the area is {area}; the dashed line is guessing{mark}."


def _calibration(evaluation: Facts) -> Iterator[tuple[Markup, str]]:
    bins = [(b["predicted"], b["observed"], round(b["rows"])) for b in evaluation.get("calibration") or []]
    if bins:
        what = "the positive class" if evaluation.get("task") == "binary" else "the predicted class"
        caption = (
            f"Calibration of {what}, in bins of about {number_format.count(bins[0][2])} rows: on the dashed line, "
        )
        yield figures.calibration(bins), f"{caption}probabilities are what they say."


def _errors(residuals: Facts) -> list[tuple[Markup, str]]:
    points = [(point["actual"], point["predicted"]) for point in residuals.get("points") or []]
    if not points:
        return []
    errors = [(predicted, actual - predicted) for actual, predicted in points]
    quantiles = residuals.get("quantiles") or {}
    spread = ""
    if {"0.05", "0.95"} <= set(quantiles):
        low, high = (number_format.number(quantiles[share]) for share in ("0.05", "0.95"))
        spread = f" Nine in ten lie between {low} and {high}."
    some = f"{number_format.count(len(points))} test rows; "
    return [
        (figures.predicted_actual(points), f"Predicted by actual value, {some}on the dashed line both are equal."),
        (figures.residuals(errors), f"Errors by predicted value.{spread}"),
    ]


def _at(points: Sequence[Facts], level: float | None, names: tuple[str, str]) -> tuple[float, float] | None:
    """Return the point of a curve at a threshold: that of the lowest threshold that is not below it."""
    above = [point for point in points if level is not None and point["threshold"] >= level]
    if not above:
        return None
    point = min(above, key=lambda p: p["threshold"])
    return point[names[0]], point[names[1]]


def _value(evaluation: Facts, metric: str) -> str:
    return number_format.metric((evaluation.get("metrics", {}).get(metric) or {}).get("value"))
