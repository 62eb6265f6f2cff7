"""Evaluation of a model."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Task
from headrace.core.evaluation import evaluate
from headrace.core.evaluation.evaluate import EvaluationTables
from headrace.core.evaluation.evaluation_document import EvaluatedCounts, Evaluation, SamplingUnit
from headrace.core.evaluation.evaluation_plan import EvaluationPlan
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import decision_threshold, families, fitted_model, fitting
from headrace.core.models.decision_threshold import Costs
from headrace.core.models.fitted_model import Model
from headrace.core.splits.folds import Fold
from headrace.core.statistics import weighted_metrics
from tests.core import made


def fitted(task: Task, frame: pl.DataFrame, *, family: str = "", points: bool = True) -> Model:
    """A simple model of a table."""
    agreed = made.contract(task)
    name = family or ("linear" if task == "regression" else "logistic")
    pipeline = families.family(name).build(matrix_layout.columns(agreed), task=task, parameters={}, seed=0)
    encoded, target = model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed)
    fitting.fit(pipeline, encoded, target)
    found: Any = ()
    if task == "binary" and points:
        found = decision_threshold.operating_points(target == 1, pipeline.predict_proba(encoded)[:, 1])
    return Model(pipeline, agreed, name, {}, 0, {"rows": frame.height, "digest": "0"}, operating_points=found)


def evaluated(
    folder: Path, task: Task, test: pl.DataFrame, *, plan: EvaluationPlan | None = None, **kwargs: Any
) -> Evaluation:
    """The evaluation of a simple model on test rows."""
    train = made.table(300, task=task)
    fitted_model.save(fitted(task, train, **kwargs), folder / "model")
    split = EvaluationTables(
        made.write(train, folder / "train"),
        made.write(test.drop("target"), folder / "test"),
        made.write(test.select("target"), folder / "actuals"),
    )
    path = folder / "evaluation.json"
    found = evaluate.evaluate_model(folder / "model", split=split, evaluation=path, plan=plan or EvaluationPlan())
    assert json.loads(path.read_text()) == json.loads(json.dumps(found.as_json(), allow_nan=False))
    return found


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_metric_has_an_interval_and_a_baseline(tmp_path: Path, task: Task) -> None:
    """The interval holds the value, and a model that learned something beats the baseline."""
    found = evaluated(tmp_path, task, made.table(200, task=task, seed=1))
    assert found.rows == EvaluatedCounts(train=300, test=200)
    assert found.undefined == ()
    for interval in found.metrics.values():
        assert interval.low <= interval.value <= interval.high
    main = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
    # The baseline of two classes may predict nothing positive: its precision is not defined then.
    assert set(found.metrics) - set(found.baseline.metrics) <= {"precision"}
    assert found.baseline.comparison.metric == main
    assert found.baseline.comparison.better


def test_the_metrics_are_those_of_the_models_own_answers(tmp_path: Path) -> None:
    """Labels go by the chosen threshold, everywhere in the evaluation."""
    test = made.table(200, seed=1)
    found = evaluated(tmp_path, "binary", test, plan=EvaluationPlan(costs=Costs(1, 5)))
    served = fitted_model.load(tmp_path / "model").with_threshold(found.threshold.value)
    labels = served.predict(test).labels or []
    right = np.mean([label == actual for label, actual in zip(labels, test["target"], strict=True)])
    assert found.metrics["accuracy"].value == pytest.approx(right)
    confusion = np.array(found.confusion.rows)
    assert found.confusion.labels == ("no", "yes")
    assert confusion.sum() == 200
    assert np.trace(confusion) / 200 == pytest.approx(right)


def test_it_says_how_many_test_rows_have_inputs_of_training_rows(tmp_path: Path) -> None:
    """A test part of training rows is told to be copies; one of other rows is not."""
    copies = evaluated(tmp_path / "copies", "binary", made.table(300).head(50)).equal_inputs
    assert copies.copies
    assert copies.share == 1.0
    assert "these are copies" in copies.sentence
    others = evaluated(tmp_path / "others", "binary", made.table(200, seed=1)).equal_inputs
    assert others.share < 0.01
    assert not others.copies


def test_the_threshold_follows_the_costs_and_never_sees_the_test_part(tmp_path: Path) -> None:
    """Dear misses lower it; other test rows do not move it."""
    levels = {}
    for name, costs, seed in (("even", Costs(), 1), ("dear", Costs(1, 10), 1), ("other", Costs(1, 10), 2)):
        found = evaluated(tmp_path / name, "binary", made.table(100, seed=seed), plan=EvaluationPlan(costs=costs))
        levels[name] = found.threshold.value
        assert found.threshold.cost <= found.threshold.cost_at_half
        assert found.threshold.positive == "yes"
    assert levels["dear"] < levels["even"]
    assert levels["dear"] == levels["other"]


def test_labels_and_curves_of_each_task(tmp_path: Path) -> None:
    """What a task does not have is empty."""
    binary = evaluated(tmp_path / "b", "binary", made.table(100, seed=1))
    many = evaluated(tmp_path / "m", "multiclass", made.table(100, seed=1, task="multiclass"))
    number = evaluated(tmp_path / "r", "regression", made.table(100, seed=1, task="regression"))
    assert binary.roc
    assert binary.pr
    assert binary.calibration
    assert not binary.residuals
    assert (many.roc, many.pr, many.threshold) == ((), (), None)
    assert np.shape(many.confusion.rows) == (3, 3)
    assert (number.roc, number.confusion, number.calibration) == ((), None, ())
    assert number.residuals.quantiles["0.05"] < number.residuals.quantiles["0.95"]
    assert len(number.residuals.points) == 100


def test_slices_are_measured_like_the_whole(tmp_path: Path) -> None:
    """Each value of the column with its rows and its metrics."""
    test = made.table(200, seed=1)
    found = evaluated(tmp_path, "binary", test, plan=EvaluationPlan(slices=("plan", "age")))
    rows = {part.value: part.rows for part in found.slices if part.column == "plan"}
    assert rows == {str(value or "(missing)"): count for value, count in test["plan"].value_counts().iter_rows()}
    basic = next(part for part in found.slices if part.value == "basic")
    chosen = evaluate.with_best_threshold(fitted_model.load(tmp_path / "model"), Costs())
    alone = weighted_metrics.compute_metrics(evaluate.predict(chosen, test.filter(pl.col("plan") == "basic")))
    assert basic.metrics["roc_auc"].value == pytest.approx(alone["roc_auc"])
    assert sum(part.rows for part in found.slices if part.column == "age") == 200


def test_an_unknown_slice_is_refused(tmp_path: Path) -> None:
    """By name, before anything is measured."""
    with pytest.raises(InputError, match="nowhere"):
        evaluated(tmp_path, "binary", made.table(50, seed=1), plan=EvaluationPlan(slices=("nowhere",)))


def test_one_class_in_the_test_part_leaves_the_areas_undefined(tmp_path: Path) -> None:
    """What can be measured is; what cannot is named, and the baseline is compared on the log loss."""
    found = evaluated(tmp_path, "binary", made.table(300, seed=1).filter(pl.col("target") == "no").head(60))
    assert {"roc_auc"} <= set(found.undefined)
    assert "accuracy" in found.metrics
    assert found.roc == ()
    assert found.baseline.comparison.metric == "log_loss"


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_test_rows_are_refused_with_a_remedy(tmp_path: Path, rows: int) -> None:
    """Nothing can be said of one row."""
    with pytest.raises(DataError, match=rf"got {rows}; raise test_size"):
        evaluated(tmp_path, "binary", made.table(10).head(rows))


def test_actuals_of_another_split_are_refused(tmp_path: Path) -> None:
    """Both tables must have the same rows."""
    rows = made.table(10)
    split = made.write(rows.drop("target"), tmp_path / "test"), made.write(rows.head(9), tmp_path / "actuals")
    with pytest.raises(DataError, match="two outputs of one split"):
        evaluate.read_test(*split)


def test_random_labels_give_an_interval_that_holds_one_half(tmp_path: Path) -> None:
    """A model of noise is seen to be one."""
    train, test = (made.table(300, seed=seed) for seed in (0, 1))
    draw = np.random.default_rng(5)
    train, test = (
        frame.with_columns(target=pl.Series(draw.choice(["no", "yes"], frame.height))) for frame in (train, test)
    )
    target = model_matrix.encode_target(train, made.contract())
    found = evaluate.evaluate(fitted("binary", train), test, train_target=target, parts=[], plan=EvaluationPlan())
    assert found.metrics["roc_auc"].low < 0.5 < found.metrics["roc_auc"].high


def test_same_seed_gives_the_same_evaluation(tmp_path: Path) -> None:
    """It stands in a bundle whose digest must be repeatable."""
    test = made.table(100, seed=1)
    assert evaluated(tmp_path / "a", "binary", test) == evaluated(tmp_path / "b", "binary", test)


def test_a_model_without_operating_points_keeps_its_threshold(tmp_path: Path) -> None:
    """Nothing is invented."""
    found = evaluated(tmp_path, "binary", made.table(100, seed=1), points=False)
    assert found.threshold is None
    assert found.as_json()["threshold"] == {}


def test_the_baseline_knows_only_the_training_rows() -> None:
    """Its shares are those of the training target, whatever the test rows hold."""
    from headrace.core.evaluation import baseline

    agreed = made.contract("multiclass")
    outcome = baseline.predict(np.array([0, 0, 0, 2]), np.array([1, 1]), agreed)
    assert outcome.probabilities is not None
    np.testing.assert_array_equal(outcome.probabilities, [[0.75, 0, 0.25]] * 2)
    assert outcome.labels is not None
    assert outcome.labels.tolist() == [0, 0]
    numbers = baseline.predict(np.array([1.0, 3.0]), np.array([7.0]), replace(made.contract("regression")))
    assert numbers.values is not None
    assert numbers.values.tolist() == [2.0]


def test_intervals_of_a_cross_validation_are_wider_and_say_so() -> None:
    """The models of five folds share training rows; by row, since no group is known."""
    train = made.table(200)
    model_of_all, target = fitted("binary", train), model_matrix.encode_target(train, made.contract())
    outcome, parts = evaluate.predict(model_of_all, train), np.array_split(np.arange(200), 5)
    folds = [Fold(np.setdiff1d(np.arange(200), part), part) for part in parts]
    plain, wide = (
        evaluate.evaluate_predictions(
            outcome, model_of_all, train_target=target, plan=EvaluationPlan(), folds=some, on="cross-validation"
        )
        for some in ((), folds)
    )
    assert plain.resampled_by == SamplingUnit("row", 200, "95 % intervals by row: 200 rows")
    assert "1.5 times as wide, since the models of the folds share training rows" in wide.resampled_by.sentence
    width = [found.metrics["log_loss"].high - found.metrics["log_loss"].low for found in (plain, wide)]
    assert width[1] == pytest.approx(1.5 * width[0], rel=0.01)
