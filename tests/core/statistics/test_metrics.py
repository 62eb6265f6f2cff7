"""Metrics, against scikit-learn's own."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as reference

from headrace.core.statistics import metric_names, metrics, weighted_metrics
from headrace.core.statistics.weighted_metrics import EvaluatedRows


def classified(rows: int, classes: int, *, seed: int, ties: bool = False) -> EvaluatedRows:
    """Random probabilities that know something of the classes."""
    draw = np.random.default_rng(seed)
    actual = draw.integers(0, classes, rows)
    raw = draw.random((rows, classes)) + 0.7 * np.eye(classes)[actual] * draw.random((rows, 1))
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    if ties:
        first = probabilities[:, :1].round(1).clip(0.05, 0.95)
        probabilities = np.hstack([first, (1 - first) * np.full((1, classes - 1), 1 / (classes - 1))])
    return EvaluatedRows(
        task="binary" if classes == 2 else "multiclass",
        actual=actual,
        probabilities=probabilities,
        labels=probabilities.argmax(axis=1),
        positive=1,
    )


def by_scikit_learn(outcome: EvaluatedRows, weights: NDArray[np.float64]) -> dict[str, float]:
    """The same metrics by scikit-learn."""
    actual, labels, p = outcome.actual, outcome.labels, outcome.probabilities
    assert p is not None
    k = p.shape[1]
    average = "binary" if k == 2 else "macro"
    kwargs = {"sample_weight": weights, "average": average, "zero_division": 0}
    if k == 2:
        ranked = {
            "roc_auc": reference.roc_auc_score(actual, p[:, 1], sample_weight=weights),
            "pr_auc": reference.average_precision_score(actual, p[:, 1], sample_weight=weights),
        }
    else:
        each = [(actual == c, p[:, c]) for c in range(k)]
        ranked = {
            "roc_auc": np.mean([reference.roc_auc_score(y, s, sample_weight=weights) for y, s in each]),
            "pr_auc": np.mean([reference.average_precision_score(y, s, sample_weight=weights) for y, s in each]),
        }
    return ranked | {
        "accuracy": reference.accuracy_score(actual, labels, sample_weight=weights),
        "precision": reference.precision_score(actual, labels, **kwargs),
        "recall": reference.recall_score(actual, labels, **kwargs),
        "f1": reference.f1_score(actual, labels, **kwargs),
        "log_loss": reference.log_loss(actual, p, sample_weight=weights, labels=range(k)),
        "brier": reference.brier_score_loss(
            actual, p if k > 2 else p[:, 1], sample_weight=weights, **({"labels": range(k)} if k > 2 else {})
        ),
    }


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rows", [30, 400])
def test_classification_metrics_are_scikit_learns(classes: int, ties: bool, rows: int) -> None:
    """With equal and with resampled weights, with and without tied scores."""
    outcome = classified(rows, classes, seed=rows + classes, ties=ties)
    draw = np.random.default_rng(1)
    weights = np.stack([np.ones(rows), *(np.bincount(draw.integers(0, rows, rows), minlength=rows) for _ in range(4))])
    found = weighted_metrics.metric_function(outcome)(weights)
    for place, row in enumerate(weights):
        expected = by_scikit_learn(outcome, row)
        assert {name: values[place] for name, values in found.items()} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_regression_metrics_are_scikit_learns(offset: float) -> None:
    """Also for numbers that lie far from zero and close together."""
    draw = np.random.default_rng(0)
    actual = draw.normal(size=300) + offset
    outcome = EvaluatedRows(task="regression", actual=actual, values=actual + 0.5 * draw.normal(size=300))
    weights = np.stack([np.ones(300), np.bincount(draw.integers(0, 300, 300), minlength=300)]).astype(float)
    found = weighted_metrics.metric_function(outcome)(weights)
    for place, row in enumerate(weights):
        mse = reference.mean_squared_error(actual, outcome.values, sample_weight=row)
        assert found["rmse"][place] == pytest.approx(mse**0.5)
        assert found["mae"][place] == pytest.approx(
            reference.mean_absolute_error(actual, outcome.values, sample_weight=row)
        )
        assert found["r2"][place] == pytest.approx(
            reference.r2_score(actual, outcome.values, sample_weight=row), rel=1e-6
        )


def test_what_the_rows_do_not_define_is_nan() -> None:
    """One class has no ROC curve, one value no share of explained variance."""
    one = EvaluatedRows("binary", np.zeros(5, dtype=int), np.full((5, 2), 0.5), np.zeros(5, dtype=int))
    found = weighted_metrics.compute_metrics(one)
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["pr_auc"])
    assert found["accuracy"] == 1
    same = EvaluatedRows("regression", np.full(5, 3.0), values=np.arange(5.0))
    assert np.isnan(weighted_metrics.compute_metrics(same)["r2"])


def test_a_sure_mistake_costs_much_but_not_infinitely() -> None:
    """A probability of 0 for what happened is held at the smallest step."""
    assert metrics.log_losses(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(36.04, abs=0.01)


def test_every_metric_says_whether_more_is_better() -> None:
    """The gate needs it of each."""
    of_alerts = {"precision_at_k", "recall_at_k", "alerts_per_1000"}
    measured = set(weighted_metrics.compute_metrics(classified(30, 2, seed=0))) | {"mae", "rmse", "r2"} | of_alerts
    assert measured == set(metric_names.HIGHER_IS_BETTER)


def test_the_precision_of_a_model_that_predicts_nothing_positive_is_not_defined() -> None:
    """scikit-learn reports 0, as if every alarm had been false, for a model that gave none; recall and F1 are 0."""
    outcome = EvaluatedRows(
        task="binary",
        actual=np.array([0, 1, 0]),
        probabilities=np.array([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]]),
        labels=np.array([0, 0, 0]),
        positive=1,
    )
    found = weighted_metrics.compute_metrics(outcome)
    assert np.isnan(found["precision"])
    assert found["recall"] == found["f1"] == 0.0
