"""Evaluation: how good a model is on rows that it has not seen, and how certain that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from headrace.core.base.errors import DataError, quote
from headrace.core.base.files import write_json
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation import baseline, equal_inputs, fold_overlap, near_inputs
from headrace.core.evaluation.alerts import anomaly_evaluation
from headrace.core.evaluation.baseline import BaselineAnswer
from headrace.core.evaluation.evaluation_document import (
    BaselineMeasures,
    ChosenThreshold,
    ConfusionMatrix,
    EvaluatedCounts,
    Evaluation,
    MeasuredRows,
    SamplingUnit,
    SliceMeasures,
)
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.evaluation.interval_limits import find_cautions
from headrace.core.features import model_matrix
from headrace.core.models import fitted_model
from headrace.core.models.decision_threshold import Costs, choose, cost
from headrace.core.models.fitted_model import Model
from headrace.core.robustness.input_columns import measure_ranges
from headrace.core.robustness.measure import MOVED_SHARE, RobustnessPlan, measure
from headrace.core.robustness.robustness_document import Robustness
from headrace.core.splits.clusters import RowClusters, by_row, find
from headrace.core.splits.folds import Fold
from headrace.core.splits.split_table import NO_LABEL
from headrace.core.statistics import bootstrap, curves, residuals, significance
from headrace.core.statistics.bootstrap import BootstrapSample
from headrace.core.statistics.metric_names import main_metric
from headrace.core.statistics.slices import Slice, slices
from headrace.core.statistics.weighted_metrics import EvaluatedRows, MetricAim, compute_metrics
from headrace.core.tables import parquet_table

_SLICE_RESAMPLES = 400
_FEWEST_ROWS = 2


@dataclass(frozen=True)
class EvaluationTables:
    """Folders of the tables of a split.

    Attributes:
        train_table: Training rows with the target, for the baseline.
        test_table: Test rows without the target.
        test_actuals: The target of the test rows, in the same order.
    """

    train_table: Path
    test_table: Path
    test_actuals: Path


def evaluate_model(folder: Path, *, split: EvaluationTables, evaluation: Path, plan: EvaluationPlan) -> Evaluation:
    """Measure a model on the test part and write the evaluation.

    Args:
        folder: The model's folder.
        split: Tables of the split.
        evaluation: File to write.
        plan: What to measure.

    Returns:
        The evaluation as written.

    Raises:
        InputError: If a slice is not a column of the test part.
        DataError: If the test part has too few rows, or another number of rows than the actuals.
    """
    fitted = with_best_threshold(fitted_model.load(folder), plan.costs)
    rows = read_test(split.test_table, split.test_actuals)
    parts = list(slices(rows, plan.slices))
    document = (
        _evaluate_anomalies(fitted, rows, split.train_table, parts, plan)
        if fitted.contract.task == "anomaly"
        else evaluate(fitted, rows, train_target=_train_target(fitted, split.train_table), parts=parts, plan=plan)
    )
    document = replace(
        document,
        equal_inputs=equal_inputs.find(split.train_table, rows, fitted.contract),
        near_inputs=near_inputs.find(split.train_table, rows, fitted.contract),
        robustness=_measure_robustness(fitted, rows, split.train_table, plan),
    )
    write_json(evaluation, document.as_json())
    return document


def _measure_robustness(
    fitted: Model, rows: pl.DataFrame, train_table: Path, plan: EvaluationPlan
) -> Robustness | None:
    if plan.robustness == "off" or fitted.contract.task == "anomaly":
        return None
    spread = float(_train_target(fitted, train_table).std()) if fitted.contract.task == "regression" else 0.0
    ranges = measure_ranges(parquet_table.scan(train_table), fitted.contract)
    return measure(fitted, rows, RobustnessPlan(plan.robustness, ranges, MOVED_SHARE * spread, plan.seed))


def _train_target(fitted: Model, train_table: Path) -> model_matrix.Target:
    rows = parquet_table.scan(train_table).select(fitted.contract.target.name).collect()
    return model_matrix.encode_target(rows, fitted.contract)


def _evaluate_anomalies(
    fitted: Model, rows: pl.DataFrame, train_table: Path, parts: list[Slice], plan: EvaluationPlan
) -> Evaluation:
    name = fitted.contract.time_column
    train = parquet_table.scan(train_table)
    return anomaly_evaluation.evaluate_scores(
        predict(fitted, rows),
        fitted,
        part=anomaly_evaluation.MeasuredPart(
            find(rows, fitted.contract),
            int(train.select(pl.len()).collect().item()),
            train_times=train.select(name).collect().to_series() if name else None,
            times=rows.get_column(name) if name else None,
        ),
        plan=plan,
        parts=parts,
    )


def read_test(test_table: Path, test_actuals: Path) -> pl.DataFrame:
    """Read the test rows (n) together with their target, in a last column.

    Raises:
        DataError: If there are too few rows, or not one actual value for each row.
    """
    rows, actuals = parquet_table.read(test_table), parquet_table.read(test_actuals)
    if rows.height != actuals.height:
        raise DataError(
            f"the test part must have one actual for each row; got {actuals.height} for {rows.height} rows; "
            "use the two outputs of one split."
        )
    if rows.height < _FEWEST_ROWS:
        raise DataError(f"the test part must hold at least {_FEWEST_ROWS} rows; got {rows.height}; raise test_size.")
    return rows.with_columns(actuals.drop(NO_LABEL, strict=False).get_columns())


def with_best_threshold(fitted: Model, costs: Costs) -> Model:
    """Return the model with the threshold that was cheapest on out-of-fold predictions for its training rows."""
    if not fitted.operating_points:
        return fitted
    return fitted.with_threshold(
        choose(fitted.operating_points, costs, rows=int(fitted.train.get("rows", 0))).threshold
    )


def predict(fitted: Model, rows: pl.DataFrame) -> EvaluatedRows:
    """Predict typed test rows (n) that hold the target."""
    actual = model_matrix.encode_target(rows, fitted.contract)
    predicted = fitted.predict(rows)
    if predicted.values is not None:
        return EvaluatedRows(
            task=fitted.contract.task,
            actual=actual,
            values=predicted.values,
            aim=MetricAim.of(fitted.contract),
            lower=predicted.lower,
            upper=predicted.upper,
        )
    indices = {label: index for index, label in enumerate(fitted.classes)}
    return EvaluatedRows(
        task=fitted.contract.task,
        actual=actual,
        probabilities=predicted.probabilities,
        labels=np.array([indices[label] for label in predicted.labels or ()], dtype=np.int64),
        positive=fitted.positive,
        aim=MetricAim.of(fitted.contract),
    )


def with_intervals(outcome: EvaluatedRows, fitted: Model) -> EvaluatedRows:
    """Return predictions of a regression with the intervals that the model gives them."""
    if fitted.intervals is None or outcome.values is None:
        return outcome
    lower, upper = fitted.intervals.bounds(outcome.values)
    return replace(outcome, lower=lower, upper=upper)


def evaluate(
    fitted: Model, rows: pl.DataFrame, *, train_target: model_matrix.Target, parts: list[Slice], plan: EvaluationPlan
) -> Evaluation:
    """Measure a model.

    Args:
        fitted: The model, with the threshold of its labels.
        rows: Typed test rows (n) with row features and target.
        train_target: Encoded targets (m,) of the training rows, for the baseline.
        parts: Slices of the test rows.
        plan: What to measure.

    Returns:
        The evaluation, without the comparison of inputs with those of the training part.
    """
    clusters = find(rows, fitted.contract)
    return evaluate_predictions(
        predict(fitted, rows), fitted, train_target=train_target, parts=parts, plan=plan, clusters=clusters
    )


def evaluate_predictions(
    outcome: EvaluatedRows,
    fitted: Model,
    *,
    train_target: model_matrix.Target,
    plan: EvaluationPlan,
    parts: Sequence[Slice] = (),
    clusters: RowClusters | None = None,
    folds: Sequence[Fold] = (),
    on: MeasuredRows = "test",
) -> Evaluation:
    """Measure predictions for rows that the model had not seen.

    Args:
        outcome: Predictions for n rows, and their actual values.
        fitted: The model, with the threshold of its labels.
        train_target: Encoded targets (m,) of the training rows, for the baseline.
        plan: What to measure.
        parts: Slices of the rows.
        clusters: Clusters of rows that were sampled together; None for independent rows.
        folds: Folds of a cross-validation, whose intervals are wider since its training parts overlap.
        on: Which rows are measured.

    Returns:
        The evaluation; see ``evaluate``.
    """
    clusters, widening = clusters or by_row(len(outcome)), fold_overlap.widening_factor(folds)
    sentence = _widening_sentence(clusters, widening) if folds else clusters.sentence
    if outcome.task == "anomaly":
        part = anomaly_evaluation.MeasuredPart(clusters, len(train_target), widening=widening, on=on, sentence=sentence)
        return anomaly_evaluation.evaluate_scores(outcome, fitted, part=part, plan=plan, parts=parts)
    answer = BaselineAnswer.of(train_target, fitted.contract)
    baseline_rows = answer.predict(outcome.actual, fitted.contract)
    sample = bootstrap.resample([outcome, baseline_rows], seed=plan.seed, clusters=clusters, widening=widening)
    metrics = bootstrap.intervals(outcome, sample)
    measured = {"test": len(outcome)} if on == "test" else {"held_out": len(outcome)}
    evaluation = Evaluation(
        task=fitted.contract.task,
        family=fitted.family,
        positive=fitted.classes[fitted.positive] if fitted.contract.task == "binary" else "",
        on=on,
        rows=EvaluatedCounts(len(train_target), **measured),
        metrics=metrics,
        undefined=tuple(sorted(set(compute_metrics(outcome)) - set(metrics))),
        resampled_by=SamplingUnit(clusters.by, clusters.count, sentence),
        cautions=find_cautions(outcome, clusters=clusters, classes=fitted.classes, metrics=list(metrics)),
        baseline=replace(
            _baseline(outcome, baseline_rows, fitted.contract, sample),
            shares=None if answer.shares is None else dict(zip(fitted.classes, answer.shares.tolist(), strict=True)),
            value=answer.value,
        ),
        threshold=_threshold(fitted, plan.costs),
        confusion=None,
        plan=plan.parameters,
        slices=tuple(_slice(outcome, part, plan, clusters) for part in parts),
        residuals=None,
        roc=(),
        pr=(),
        calibration=(),
    )
    return _with_drawings(evaluation, outcome, fitted.classes)


def _widening_sentence(clusters: RowClusters, widening: float) -> str:
    return f"{clusters.sentence}, {widening:.2g} times as wide, since the models of the folds share training rows"


def _baseline(
    outcome: EvaluatedRows, baseline_rows: EvaluatedRows, contract: Contract, sample: BootstrapSample
) -> BaselineMeasures:
    values = {name: value for name, value in compute_metrics(baseline_rows).items() if np.isfinite(value)}
    comparison = significance.compare_main(
        outcome, baseline_rows, metrics=[main_metric(contract.task, values), "log_loss"], sample=sample
    )
    return BaselineMeasures(baseline.kind(contract), values, comparison)


def _threshold(fitted: Model, costs: Costs) -> ChosenThreshold | None:
    """Return the threshold and its expected cost per row, beside that of 0.5; None for a task without one."""
    if not fitted.operating_points:
        return None
    chosen = choose(fitted.operating_points, costs, rows=int(fitted.train.get("rows", 0)))
    half = min(fitted.operating_points, key=lambda point: abs(point.threshold - 0.5))
    return ChosenThreshold(
        value=fitted.threshold,
        positive=fitted.classes[fitted.positive],
        cost=cost(chosen, costs),
        cost_at_half=cost(half, costs),
        cost_false_positive=costs.false_positive,
        cost_false_negative=costs.false_negative,
        chosen_on="out-of-fold predictions for training rows",
    )


def _slice(outcome: EvaluatedRows, part: Slice, plan: EvaluationPlan, clusters: RowClusters) -> SliceMeasures:
    selected = outcome.take(part.rows)
    selected_clusters = clusters.take(part.rows)
    sample = bootstrap.resample([selected], seed=plan.seed, resamples=_SLICE_RESAMPLES, clusters=selected_clusters)
    metrics = bootstrap.intervals(selected, sample)
    return SliceMeasures(
        column=part.column,
        value=quote(part.value)[1:-1],
        rows=len(part.rows),
        clusters=selected_clusters.count,
        metrics=metrics,
    )


def _with_drawings(evaluation: Evaluation, outcome: EvaluatedRows, classes: Sequence[str]) -> Evaluation:
    if outcome.values is not None:
        return replace(evaluation, residuals=residuals.describe(outcome.actual.astype(np.float64), outcome.values))
    if outcome.probabilities is None or outcome.labels is None:
        return evaluation
    k = len(classes)
    counts = np.bincount(outcome.actual.astype(np.int64) * k + outcome.labels, minlength=k * k).reshape(k, k)
    confusion = ConfusionMatrix(tuple(classes), tuple(tuple(row) for row in counts.tolist()))
    if outcome.task != "binary":
        top = outcome.probabilities.argmax(axis=1)
        calibration = curves.calibration(top == outcome.actual, outcome.probabilities.max(axis=1))
        return replace(evaluation, confusion=confusion, calibration=calibration)
    positive, scores = outcome.actual == outcome.positive, outcome.probabilities[:, outcome.positive]
    return replace(
        evaluation,
        confusion=confusion,
        roc=curves.roc(positive, scores),
        pr=curves.precision_recall(positive, scores),
        calibration=curves.calibration(positive, scores),
    )
