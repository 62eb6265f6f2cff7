"""Tail probabilities of weighted sums of chi-square variables."""

import numpy as np
import pytest
from scipy.stats import chi2

from headrace.core.drift.weighted_chi_square import tail_probability


@pytest.mark.parametrize("count", [1, 2, 5, 30])
@pytest.mark.parametrize("probability", [0.5, 0.1, 0.01, 1e-4, 1e-8, 1e-14])
def test_equal_weights_give_the_chi_square_distribution(count: int, probability: float) -> None:
    """Equal weights are the ordinary chi-square distribution, whose tail SciPy knows."""
    computed = tail_probability(np.ones(count), float(chi2.isf(probability, count)))
    assert computed == pytest.approx(probability, rel=0.12 if count == 1 else 0.06)


def test_unequal_weights_agree_with_a_simulation() -> None:
    """The weights of Anderson and Darling's limit, 1 / (j (j + 1)), against a million draws."""
    weights = 1 / np.arange(1.0, 40) / np.arange(2.0, 41)
    sums = np.random.default_rng(3).chisquare(1, (250_000, len(weights))) @ weights
    for probability in (0.5, 0.1, 0.01, 0.001):
        value = float(np.quantile(sums, 1 - probability))
        assert tail_probability(weights, value) == pytest.approx(probability, rel=0.12)


def test_the_tail_is_smooth_at_the_mean() -> None:
    """At the mean the formula is 0 / 0; the probability there lies between its neighbours."""
    weights = np.array([1.0, 0.5, 0.1])
    below, at, above = (tail_probability(weights, 1.6 * factor) for factor in (0.999, 1.0, 1.001))
    assert below > at > above


def test_a_sum_without_weights_exceeds_nothing_by_chance_alone() -> None:
    """No weight, or no value, is no evidence."""
    assert tail_probability(np.zeros(3), 1.0) == 1.0
    assert tail_probability(np.ones(3), 0.0) == 1.0
