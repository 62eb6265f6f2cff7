"""Weights of trials, and what they are measured by."""

from typing import Any

import numpy as np
import pytest

from headrace.core.contracts.contract import Task
from headrace.core.evaluation.fold_scores import scores
from headrace.core.splits.folds import Fold
from headrace.experiments.ensembles import member_weights
from headrace.experiments.ensembles.fold_metric import FoldMetric
from tests.core import made


def squared(target: np.ndarray) -> Any:
    """Mean squared error as a loss."""
    return lambda given: float(np.mean((given - target) ** 2))


def noisy(count: int, rows: int = 400, seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """A target, and predictions with errors of their own."""
    draw = np.random.default_rng(seed)
    target = draw.normal(size=rows)
    return target, [target + draw.normal(size=rows) for _ in range(count)]


@pytest.mark.parametrize("method", ["greedy", "stacking"])
def test_independent_errors_are_averaged(method: str) -> None:
    """Three equally good models share the weight, and a useless one gets none."""
    target, good = noisy(3)
    useless = np.random.default_rng(9).normal(size=len(target)) * 30
    all_four = [*good, useless]
    weights = (
        member_weights.greedy(all_four, squared(target))
        if method == "greedy"
        else member_weights.stack(all_four, target)
    )
    assert weights.sum() == pytest.approx(1)
    assert (weights[:3] > 0.2).all()
    assert weights[3] < 0.01
    mean = sum(w * one for w, one in zip(weights, all_four, strict=True))
    assert squared(target)(mean) < 0.5 * min(map(squared(target), good))


@pytest.mark.parametrize("method", ["greedy", "stacking"])
def test_there_are_no_more_members_than_allowed(method: str) -> None:
    """However many would help a little."""
    target, many = noisy(12)
    weights = (
        member_weights.greedy(many, squared(target), most=4)
        if method == "greedy"
        else member_weights.stack(many, target, most=4)
    )
    assert 2 <= (weights > 0).sum() <= 4
    assert weights.sum() == pytest.approx(1)


def test_greedy_selection_keeps_a_model_that_nothing_improves() -> None:
    """It stays alone, and equal ones are not mixed in; the first of equals is taken."""
    target, (one, other) = noisy(2)
    assert member_weights.greedy([one + 40, target, target, other], squared(target)).tolist() == [0, 1, 0, 0]


def test_stacked_probabilities_have_the_least_log_loss_of_all_mixtures() -> None:
    """Against a grid of mixtures of two; the penalty of two rows moves it little."""
    draw = np.random.default_rng(3)
    truth = draw.random(3000)
    target = (draw.random(3000) < truth).astype(np.int64)
    one = np.clip(truth + draw.normal(scale=0.25, size=3000), 0.02, 0.98)
    other = np.clip(truth + draw.normal(scale=0.15, size=3000), 0.02, 0.98)
    pair = [np.stack([1 - p, p], axis=1) for p in (one, other)]

    def loss(share: float) -> float:
        mixture = share * pair[0] + (1 - share) * pair[1]
        return float(-np.log(mixture[np.arange(3000), target]).mean())

    grid = min(np.linspace(0, 1, 101), key=loss)
    weights = member_weights.stack(pair, target)
    assert weights[0] == pytest.approx(grid, abs=0.02)


METRICS: list[tuple[Task, str]] = [
    *(("binary", name) for name in ("roc_auc", "log_loss", "brier", "f1", "pr_auc")),
    *(("multiclass", name) for name in ("roc_auc", "log_loss", "brier")),
    *(("regression", name) for name in ("rmse", "mae", "r2")),
]


@pytest.mark.parametrize(("task", "metric"), METRICS)
def test_quick_metrics_are_those_of_the_search(task: Task, metric: str) -> None:
    """To the last digits, ties included."""
    draw = np.random.default_rng(1)
    classes = len(made.CLASSES[task] or ())
    target = draw.integers(0, classes, 90) if classes else draw.normal(size=90)
    given = np.round(draw.dirichlet(np.ones(classes), 90), 1) if classes else draw.normal(size=90)
    folds = (Fold(np.arange(45, 90), np.arange(45)), Fold(np.arange(45), np.arange(45, 90)))
    agreed = made.contract(task)
    found = FoldMetric(target, folds, agreed, metric).measure(given, [0, 1])
    expected = scores(target, given, folds=folds, contract=agreed, metric=metric)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_fold_that_does_not_define_the_metric_is_left_out() -> None:
    """An area needs both classes; without any fold there is no loss to compare."""
    target = np.array([1, 1, 0, 1])
    given = np.array([[0.2, 0.8], [0.1, 0.9], [0.9, 0.1], [0.3, 0.7]])
    folds = (Fold(np.array([2, 3]), np.array([0, 1])), Fold(np.array([0, 1]), np.array([2, 3])))
    metric = FoldMetric(target, folds, made.contract("binary"), "roc_auc")
    assert metric.loss(given, [0, 1]) == -1
    assert metric.loss(given, [0]) == float("inf")
