"""The evaluation of anomaly scores: alerts by the budget, and what the few labels say of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from headrace.core.base.errors import InternalError, quote
from headrace.core.evaluation.alerts import alert_metrics
from headrace.core.evaluation.alerts.alert_measures import AlertMeasures
from headrace.core.evaluation.alerts.alert_metrics import ALERTS, OF_LABELS
from headrace.core.evaluation.evaluation_document import (
    BaselineMeasures,
    ConfusionMatrix,
    EvaluatedCounts,
    Evaluation,
    MeasuredRows,
    SamplingUnit,
    SliceMeasures,
)
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.evaluation.interval_limits import find_cautions
from headrace.core.models.anomaly.alert_budget import AlertBudget, rows_per_day
from headrace.core.models.anomaly.alert_threshold import AlertThreshold, ScoreSample, choose_threshold
from headrace.core.models.fitted_model import Model
from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics import bootstrap, curves, significance
from headrace.core.statistics.measures import Interval, ModelComparison
from headrace.core.statistics.slices import Slice
from headrace.core.statistics.weighted_metrics import EvaluatedRows, compute_metrics

BASELINE = "the same score for every row"
CLASSES = ("not an anomaly", "anomaly")
_CHOSEN_ON = "out-of-fold scores of training rows"


def choose_alerts(fitted: Model, budget: AlertBudget, times: pl.Series | None) -> tuple[float, AlertThreshold]:
    """Return the share of rows that a budget allows, and the model's threshold for it.

    Args:
        fitted: The model, with the scores of its training rows.
        budget: The budget.
        times: Timestamps of the training rows; None without a time column.

    Raises:
        InternalError: If the model has no scores to choose by.
    """
    if fitted.alert_scores is None or not fitted.alert_scores.rows:
        raise InternalError("an anomaly model must hold out-of-fold scores of its training rows; this one has none.")
    share = budget.share(times)
    return share, choose_threshold(fitted.alert_scores, share)


@dataclass(frozen=True)
class MeasuredPart:
    """The rows that are measured, beside their scores, and those that the model was fitted on.

    Attributes:
        clusters: Clusters of measured rows that were sampled together.
        train_rows: Number of training rows.
        train_times: Their timestamps; None without a time column.
        times: Timestamps (n,) of the measured rows; None without a time column.
        widening: Factor that widens intervals, for folds that share training rows.
        on: Which rows are measured.
        sentence: The sampling unit of the intervals; empty for that of the clusters.
    """

    clusters: RowClusters
    train_rows: int
    train_times: pl.Series | None = None
    times: pl.Series | None = None
    widening: float = 1.0
    on: MeasuredRows = "test"
    sentence: str = ""


def evaluate_scores(
    outcome: EvaluatedRows,
    fitted: Model,
    *,
    part: MeasuredPart,
    plan: EvaluationPlan,
    parts: Sequence[Slice] = (),
) -> Evaluation:
    """Measure anomaly scores of rows that the model had not seen.

    Args:
        outcome: Scores and labels (n,), NaN for rows without a label.
        fitted: The model.
        part: What is known of the rows beside their scores.
        plan: What to measure.
        parts: Slices of the rows.
    """
    budget, clusters, widening = AlertBudget.parse(plan.alert_budget), part.clusters, part.widening
    share, threshold = choose_alerts(fitted, budget, part.train_times)
    fitted = fitted.with_threshold(threshold.value)
    metrics, comparison, baseline = _measure(outcome, fitted, plan, clusters, share, widening)
    alerts = _describe_alerts(outcome, fitted, threshold, (budget, share), metrics, part.times)
    labelled = alert_metrics.select_labelled(outcome, threshold=fitted.threshold)
    measured = {"test": len(outcome)} if part.on == "test" else {"held_out": len(outcome)}
    evaluation = Evaluation(
        task="anomaly",
        family=fitted.family,
        positive="",
        on=part.on,
        rows=EvaluatedCounts(part.train_rows, **measured),
        metrics=metrics,
        undefined=tuple(sorted({*OF_LABELS, "precision_at_k", "recall_at_k", ALERTS} - set(metrics))),
        resampled_by=SamplingUnit(clusters.by, clusters.count, part.sentence or clusters.sentence),
        cautions=()
        if labelled is None
        else find_cautions(
            labelled,
            clusters=clusters.take(_find_labelled(outcome)),
            classes=CLASSES,
            metrics=[*OF_LABELS, "precision_at_k"],
        ),
        baseline=BaselineMeasures(BASELINE, baseline, comparison),
        threshold=None,
        confusion=None if labelled is None else _confusion(labelled),
        plan=plan.anomaly_parameters,
        slices=tuple(_slice(outcome, one, fitted, plan, clusters, share) for one in parts),
        residuals=None,
        roc=(),
        pr=(),
        calibration=(),
        alerts=alerts,
    )
    if labelled is None or outcome.values is None:
        return evaluation
    positive, scores = labelled.actual == 1, outcome.values[_find_labelled(outcome)]
    return replace(evaluation, roc=curves.roc(positive, scores), pr=curves.precision_recall(positive, scores))


def compare_scores(
    first: EvaluatedRows, second: EvaluatedRows, *, clusters: RowClusters, seed: int
) -> ModelComparison | None:
    """Compare two models by the average precision of the labelled rows; None if there are no labels to compare by.

    Args:
        first: Scores and labels (n,) of the first model.
        second: Scores of the second model for the same rows.
        clusters: Clusters of rows that were sampled together.
        seed: Seed of the bootstrap.
    """
    ours, theirs = (alert_metrics.select_labelled(one, threshold=np.inf) for one in (first, second))
    if ours is None or theirs is None:
        return None
    sample = bootstrap.resample([ours, theirs], seed=seed, clusters=clusters.take(_find_labelled(first)))
    return significance.compare(ours, theirs, metric="pr_auc", sample=sample).as_comparison()


def _measure(
    outcome: EvaluatedRows,
    fitted: Model,
    plan: EvaluationPlan,
    clusters: RowClusters,
    share: float,
    widening: float,
) -> tuple[dict[str, Interval], ModelComparison | None, dict[str, float]]:
    """Return metrics, comparison with the baseline, and the baseline's metrics."""
    metrics: dict[str, Interval] = {}
    comparison, baseline = None, {}
    labelled = alert_metrics.select_labelled(outcome, threshold=fitted.threshold)
    if labelled is not None:
        same = EvaluatedRows("binary", labelled.actual, np.full((len(labelled), 2), 0.5), labelled.labels, positive=1)
        units = clusters.take(_find_labelled(outcome))
        sample = bootstrap.resample([labelled, same], seed=plan.seed, clusters=units, widening=widening)
        of_labels = bootstrap.intervals(labelled, sample)
        metrics = {name: of_labels[name] for name in OF_LABELS if name in of_labels}
        comparison = significance.compare(labelled, same, metric="pr_auc", sample=sample).as_comparison()
        baseline = {name: compute_metrics(same)[name] for name in ("pr_auc", "roc_auc")}
    metrics |= alert_metrics.measure_alerts(
        outcome, threshold=fitted.threshold, share=share, clusters=clusters, seed=plan.seed, widening=widening
    )
    return metrics, comparison, baseline


def _describe_alerts(
    outcome: EvaluatedRows,
    fitted: Model,
    threshold: AlertThreshold,
    budget_share: tuple[AlertBudget, float],
    metrics: dict[str, Interval],
    times: pl.Series | None,
) -> AlertMeasures:
    (budget, share), rows = budget_share, len(outcome)
    labels = np.asarray(outcome.actual, dtype=np.float64)
    labelled, anomalies = int((~np.isnan(labels)).sum()), int((labels == 1).sum())
    sample: ScoreSample | None = fitted.alert_scores
    daily = None if times is None else rows_per_day(times)
    rate = metrics.get(ALERTS)
    per_day = None
    if daily and rate:
        per_day = Interval(*(daily * end / 1000 for end in (rate.value, rate.low, rate.high)))
    return AlertMeasures(
        budget=str(budget),
        share=share,
        threshold=Interval(threshold.value, threshold.low, threshold.high),
        chosen_on=_CHOSEN_ON,
        chosen_on_rows=sample.rows if sample else 0,
        rows=rows,
        alerts=0 if outcome.values is None else int((outcome.values >= threshold.value).sum()),
        k=round(share * rows),
        labelled=labelled,
        anomalies=anomalies,
        labels=describe_labels(rows, labelled, anomalies),
        per_day=per_day,
    )


def describe_labels(rows: int, labelled: int, anomalies: int) -> str:
    """Say how many rows have a label, and what follows for the metrics."""
    if labelled == 0:
        return f"None of the {rows:,} measured rows has a label: how many of the anomalies are found is not known."
    counted = f"{labelled:,} of the {rows:,} measured rows have a label, {anomalies:,} of them as anomalies"
    if anomalies in {0, labelled}:
        kind = "an anomaly" if anomalies == 0 else "anything else"
        return f"{counted}: without {kind}, they do not show how good the scores are."
    if labelled == rows:
        return f"{counted}."
    return (
        f"{counted}; the other {rows - labelled:,} are left out of precision, recall and areas, which are right for "
        "all rows only if the labelled ones were not chosen by their scores."
    )


def _find_labelled(outcome: EvaluatedRows) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.flatnonzero(~np.isnan(np.asarray(outcome.actual, dtype=np.float64)))


def _confusion(labelled: EvaluatedRows) -> ConfusionMatrix:
    cells = np.asarray(labelled.actual, dtype=np.int64) * 2 + np.asarray(labelled.labels)
    counts = np.bincount(cells, minlength=4).reshape(2, 2)
    return ConfusionMatrix(CLASSES, tuple(tuple(row) for row in counts.tolist()))


def _slice(
    outcome: EvaluatedRows, part: Slice, fitted: Model, plan: EvaluationPlan, clusters: RowClusters, share: float
) -> SliceMeasures:
    selected, units = outcome.take(part.rows), clusters.take(part.rows)
    metrics, _, _ = _measure(selected, fitted, plan, units, share, 1.0)
    return SliceMeasures(part.column, quote(part.value)[1:-1], len(part.rows), units.count, metrics)
