"""Metrics that an objective, the order of classes or intervals bring, beside scikit-learn's."""

from dataclasses import replace

import numpy as np
import pytest
import sklearn.metrics as reference

from headrace.core.statistics import bootstrap, metric_names
from headrace.core.statistics.weighted_metrics import EvaluatedRows, MetricAim, compute_metrics, metric_function

DRAW = np.random.default_rng(0)
ACTUAL = DRAW.poisson(3.0, 400).astype(float)
VALUES = np.exp(DRAW.normal(1.0, 0.3, 400))
WEIGHTS = np.stack([np.ones(400), DRAW.integers(0, 3, 400).astype(float)])
NUMBERS = EvaluatedRows("regression", ACTUAL, values=VALUES)
CLASSES = DRAW.integers(0, 4, 400)
CHANCES = DRAW.dirichlet(np.ones(4), 400)
ORDERED = EvaluatedRows("multiclass", CLASSES, CHANCES, CHANCES.argmax(axis=1), aim=MetricAim(ordered=True))


def test_losses_of_objectives_are_scikit_learns() -> None:
    """Pinball loss and Poisson deviance, with equal and other weights; counts of 0 included."""
    quantile = metric_function(replace(NUMBERS, aim=MetricAim("quantile", 0.8)))(WEIGHTS)
    counts = metric_function(replace(NUMBERS, aim=MetricAim("count")))(WEIGHTS)
    assert ACTUAL.min() == 0
    for place, weights in enumerate(WEIGHTS):
        pinball = reference.mean_pinball_loss(ACTUAL, VALUES, alpha=0.8, sample_weight=weights)
        assert quantile["pinball_loss"][place] == pytest.approx(pinball)
        deviance = reference.mean_poisson_deviance(ACTUAL, VALUES, sample_weight=weights)
        assert counts["poisson_deviance"][place] == pytest.approx(deviance)


def test_kappa_is_scikit_learns_and_the_score_ranks_neighbours_above_others() -> None:
    """A probability for the class beside costs less than for one further away, unlike log loss."""
    found = metric_function(ORDERED)(WEIGHTS)
    for place, weights in enumerate(WEIGHTS):
        kappa = reference.cohen_kappa_score(CLASSES, ORDERED.labels, weights="quadratic", sample_weight=weights)
        assert found["quadratic_kappa"][place] == pytest.approx(kappa)
    near, far = np.array([[0.2, 0.7, 0.1]]), np.array([[0.2, 0.1, 0.7]])
    scores = [
        compute_metrics(EvaluatedRows("multiclass", np.array([0]), one, np.array([1]), aim=MetricAim(ordered=True)))
        for one in (near, far)
    ]
    assert scores[0]["ranked_probability"] == pytest.approx((0.8**2 + 0.1**2) / 2)
    assert scores[1]["ranked_probability"] == pytest.approx((0.8**2 + 0.7**2) / 2)
    assert scores[0]["log_loss"] == scores[1]["log_loss"]


def test_coverage_and_width_have_intervals_that_hold_them() -> None:
    """Also where every row is covered: half a row against the intervals keeps the lower end below 1."""
    outcome = replace(NUMBERS, lower=ACTUAL - 1.0, upper=ACTUAL + DRAW.uniform(1, 2, 400))
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0, resamples=400))
    coverage, width = found["interval_coverage"], found["interval_width"]
    assert (coverage.value, coverage.high) == (1.0, 1.0)
    assert 0.98 < coverage.low < 1.0
    assert 2.0 < width.low < width.value < width.high < 3.0


@pytest.mark.parametrize("outcome", [replace(NUMBERS, aim=MetricAim("quantile", 0.8)), ORDERED])
def test_each_has_an_interval_and_a_direction(outcome: EvaluatedRows) -> None:
    """Every metric that is computed has both, whatever the contract asks for."""
    found = bootstrap.intervals(outcome, bootstrap.resample([outcome], seed=0, resamples=200))
    assert set(found) == set(compute_metrics(outcome))
    assert set(found) <= set(metric_names.HIGHER_IS_BETTER)
    assert all(one.low <= one.value <= one.high for one in found.values())


def test_the_metric_of_the_objective_decides() -> None:
    """A model of a quantile is not chosen by its squared error."""
    assert metric_names.main_metric("regression", {"rmse", "pinball_loss"}) == "pinball_loss"
    assert metric_names.main_metric("regression", {"rmse", "mae"}) == "rmse"
    assert metric_names.main_metric("multiclass", {"quadratic_kappa", "log_loss"}) == "log_loss"
