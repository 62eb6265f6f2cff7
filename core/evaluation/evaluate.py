"""How good a model is on rows that it has not seen, and how sure that is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from headrace.core.base.errors import DataError, quote
from headrace.core.base.files import write_json
from headrace.core.contracts.contract import Contract
from headrace.core.evaluation import baseline, equal_inputs, fold_overlap, near_inputs
from headrace.core.evaluation.interval_limits import cautions
from headrace.core.features import model_matrix
from headrace.core.models import fitted_model
from headrace.core.models.decision_threshold import Costs, choose, cost
from headrace.core.models.fitted_model import Model
from headrace.core.splits.clusters import RowClusters, by_row, find
from headrace.core.splits.folds import Fold
from headrace.core.statistics import bootstrap, curves, residuals, significance
from headrace.core.statistics.bootstrap import BootstrapSample
from headrace.core.statistics.metrics import MAIN
from headrace.core.statistics.slices import Slice, slices
from headrace.core.statistics.weighted_metrics import EvaluatedRows, measure
from headrace.core.tables import parquet_table

_SLICE_RESAMPLES = 400
_FEWEST_ROWS = 2


@dataclass(frozen=True)
class EvaluationPlan:
    """What is measured.

    Attributes:
        slices: Columns by whose values the metrics are repeated.
        costs: What wrong labels cost (binary).
        seed: Seed of the bootstrap.
    """

    slices: tuple[str, ...] = ()
    costs: Costs = field(default_factory=Costs)
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The plan, as the parameters of the component."""
        return {
            "slices": list(self.slices),
            "cost_false_positive": self.costs.false_positive,
            "cost_false_negative": self.costs.false_negative,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class EvaluationTables:
    """Tables of a split.

    Attributes:
        train_table: Training rows with the target, for the baseline.
        test_table: Test rows without the target.
        test_actuals: The target of the test rows, in the same order.
    """

    train_table: Path
    test_table: Path
    test_actuals: Path


def evaluate_model(folder: Path, *, split: EvaluationTables, evaluation: Path, plan: EvaluationPlan) -> dict[str, Any]:
    """Measure a model on the test part and write the evaluation.

    Args:
        folder: The model's folder.
        split: Tables of the split.
        evaluation: File to write.
        plan: What is measured.

    Returns:
        The evaluation as written: that of ``evaluate``, ``equal_inputs`` {share, by_chance, copies, sentence, remedy}
        (test rows whose inputs stand in the training part too) and ``near_inputs`` {share, rows, clusters, sentence,
        remedy} (test rows that nearly repeat one).

    Raises:
        InputError: If a slice is no column of the test part.
        DataError: If the test part has no rows, or not those of the actuals.
    """
    fitted = with_best_threshold(fitted_model.load(folder), plan.costs)
    rows = read_test(split.test_table, split.test_actuals)
    parts = list(slices(rows, plan.slices))
    known = parquet_table.scan(split.train_table).select(fitted.contract.target.name).collect()
    found = evaluate(
        fitted, rows, train_target=model_matrix.encode_target(known, fitted.contract), parts=parts, plan=plan
    )
    found["equal_inputs"] = equal_inputs.find(split.train_table, rows, fitted.contract).as_json()
    found["near_inputs"] = near_inputs.find(split.train_table, rows, fitted.contract).as_json()
    write_json(evaluation, found)
    return found


def read_test(test_table: Path, test_actuals: Path) -> pl.DataFrame:
    """The test rows with their target beside them.

    Raises:
        DataError: If there are too few rows, or as many of one as not of the other.
    """
    rows, actuals = parquet_table.read(test_table), parquet_table.read(test_actuals)
    if rows.height != actuals.height:
        raise DataError(
            f"the test part must have one actual for each row; got {actuals.height} for {rows.height} rows; "
            "use the two outputs of one split."
        )
    if rows.height < _FEWEST_ROWS:
        raise DataError(f"the test part must hold at least {_FEWEST_ROWS} rows; got {rows.height}; raise test_size.")
    return rows.with_columns(actuals.get_columns())


def with_best_threshold(fitted: Model, costs: Costs) -> Model:
    """The model with the threshold that was cheapest out of fold on its training rows."""
    if not fitted.operating_points:
        return fitted
    return fitted.with_threshold(
        choose(fitted.operating_points, costs, rows=int(fitted.train.get("rows", 0))).threshold
    )


def predict(fitted: Model, rows: pl.DataFrame) -> EvaluatedRows:
    """What a model says of test rows that hold the target."""
    actual = model_matrix.encode_target(rows, fitted.contract)
    predicted = fitted.predict(rows)
    if predicted.values is not None:
        return EvaluatedRows(task="regression", actual=actual, values=predicted.values)
    indices = {label: index for index, label in enumerate(fitted.classes)}
    return EvaluatedRows(
        task=fitted.contract.task,
        actual=actual,
        probabilities=predicted.probabilities,
        labels=np.array([indices[label] for label in predicted.labels or ()], dtype=np.int64),
        positive=fitted.positive,
    )


def evaluate(
    fitted: Model, rows: pl.DataFrame, *, train_target: model_matrix.Target, parts: list[Slice], plan: EvaluationPlan
) -> dict[str, Any]:
    """Measure a model.

    Args:
        fitted: The model, with the threshold that its labels go by.
        rows: Typed test rows with row features and target.
        train_target: Encoded target of the training rows, for the baseline.
        parts: Slices of the test rows.
        plan: What is measured.

    Returns:
        The evaluation: ``task``, ``family``, ``positive`` (the class that the metrics of a binary task are of),
        ``rows``, ``metrics`` {name: {value, low, high}}, ``undefined`` (metrics that these rows do not define),
        ``resampled_by`` {by, clusters, sentence} (what the intervals take to have been drawn), ``cautions``
        [{metrics, text}] (what the intervals of these metrics cannot know), ``baseline``, ``threshold``, ``plan`` (what
        was asked for), ``confusion``, ``roc``, ``pr``, ``calibration``, ``slices``, ``residuals``, ``on`` (the ``test``
        part, or ``cross-validation``); what does not apply to the task is empty.
    """
    clusters = find(rows, fitted.contract)
    return assess(predict(fitted, rows), fitted, train_target=train_target, parts=parts, plan=plan, clusters=clusters)


def assess(
    outcome: EvaluatedRows,
    fitted: Model,
    *,
    train_target: model_matrix.Target,
    plan: EvaluationPlan,
    parts: Sequence[Slice] = (),
    clusters: RowClusters | None = None,
    folds: Sequence[Fold] = (),
    on: Literal["test", "cross-validation"] = "test",
) -> dict[str, Any]:
    """Measure what a model said of rows that it had not seen.

    Args:
        outcome: Predictions and actual values.
        fitted: The model, with the threshold that its labels go by.
        train_target: Encoded target of the training rows, for the baseline.
        plan: What is measured.
        parts: Slices of the rows.
        clusters: Which rows were drawn together; None for each by itself.
        folds: What was fitted and held out, of a cross-validation: its intervals are wider, since the folds overlap.
        on: Which rows they are.

    Returns:
        The evaluation; see ``evaluate``.
    """
    reference = baseline.predict(train_target, outcome.actual, fitted.contract)
    clusters = clusters or by_row(len(outcome))
    widening = fold_overlap.widening(folds)
    drawn = bootstrap.resample([outcome, reference], seed=plan.seed, clusters=clusters, widening=widening)
    found = bootstrap.intervals(outcome, drawn)
    return {
        "task": fitted.contract.task,
        "family": fitted.family,
        "positive": fitted.classes[fitted.positive] if fitted.contract.task == "binary" else "",
        "on": on,
        "rows": {
            "train": len(train_target),
            **({"test": len(outcome)} if on == "test" else {"held_out": len(outcome)}),
        },
        "metrics": {name: asdict(interval) for name, interval in found.items()},
        "undefined": sorted(set(measure(outcome)) - set(found)),
        "resampled_by": clusters.as_json() | ({"sentence": _widening_sentence(clusters, widening)} if folds else {}),
        "cautions": cautions(outcome, clusters=clusters, classes=fitted.classes, metrics=list(found)),
        "baseline": _baseline(outcome, reference, fitted.contract, drawn),
        "threshold": _threshold(fitted, plan.costs),
        "plan": plan.as_json(),
        "slices": [_slice(outcome, part, plan, clusters) for part in parts],
        **_pictures(outcome, fitted),
    }


def _widening_sentence(clusters: RowClusters, widening: float) -> str:
    return f"{clusters.sentence}, {widening:.2g} times as wide, since the models of the folds share training rows"


def _baseline(
    outcome: EvaluatedRows, reference: EvaluatedRows, contract: Contract, drawn: BootstrapSample
) -> dict[str, Any]:
    values = {name: value for name, value in measure(reference).items() if np.isfinite(value)}
    compared = significance.compare_main(outcome, reference, metrics=[MAIN[contract.task], "log_loss"], drawn=drawn)
    return {"kind": baseline.kind(contract), "metrics": values, "comparison": compared}


def _threshold(fitted: Model, costs: Costs) -> dict[str, Any]:
    """The threshold and what it is expected to cost a row, against that of 0.5; empty without one."""
    if not fitted.operating_points:
        return {}
    chosen = choose(fitted.operating_points, costs, rows=int(fitted.train.get("rows", 0)))
    half = min(fitted.operating_points, key=lambda point: abs(point.threshold - 0.5))
    return {
        "value": fitted.threshold,
        "positive": fitted.classes[fitted.positive],
        "cost": cost(chosen, costs),
        "cost_at_half": cost(half, costs),
        "cost_false_positive": costs.false_positive,
        "cost_false_negative": costs.false_negative,
        "chosen_on": "out-of-fold predictions for training rows",
    }


def _slice(outcome: EvaluatedRows, part: Slice, plan: EvaluationPlan, clusters: RowClusters) -> dict[str, Any]:
    taken = outcome.take(part.rows)
    among = clusters.take(part.rows)
    drawn = bootstrap.resample([taken], seed=plan.seed, resamples=_SLICE_RESAMPLES, clusters=among)
    found = bootstrap.intervals(taken, drawn)
    return {
        "column": part.column,
        "value": quote(part.value)[1:-1],
        "rows": len(part.rows),
        "clusters": among.count,
        "metrics": {name: asdict(interval) for name, interval in found.items()},
    }


def _pictures(outcome: EvaluatedRows, fitted: Model) -> dict[str, Any]:
    empty: dict[str, Any] = {"confusion": {}, "roc": [], "pr": [], "calibration": [], "residuals": {}}
    if outcome.values is not None:
        return empty | {"residuals": residuals.describe(outcome.actual.astype(np.float64), outcome.values)}
    if outcome.probabilities is None or outcome.labels is None:
        return empty
    k = len(fitted.classes)
    counts = np.bincount(outcome.actual.astype(np.int64) * k + outcome.labels, minlength=k * k).reshape(k, k)
    confusion = {"labels": list(fitted.classes), "rows": counts.tolist()}
    if outcome.task != "binary":
        top = outcome.probabilities.argmax(axis=1)
        calibration = curves.calibration(top == outcome.actual, outcome.probabilities.max(axis=1))
        return empty | {"confusion": confusion, "calibration": calibration}
    positive, scores = outcome.actual == outcome.positive, outcome.probabilities[:, outcome.positive]
    return empty | {
        "confusion": confusion,
        "roc": curves.roc(positive, scores),
        "pr": curves.precision_recall(positive, scores),
        "calibration": curves.calibration(positive, scores),
    }
