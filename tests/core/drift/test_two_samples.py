"""Tests of two samples from their counts in bins."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import PermutationMethod, anderson_ksamp, chi2_contingency, fisher_exact, ks_2samp

from headrace.core.drift.extra_variance import ExtraVariance
from headrace.core.drift.two_samples import (
    ALIKE,
    SampleComparison,
    compare_bins,
    compare_categories,
    compare_ordered,
    compare_shares,
)

RNG = np.random.default_rng


def _binned(*samples: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Count samples in one bin for each value."""
    values = np.unique(np.concatenate(samples))
    return [np.bincount(np.searchsorted(values, sample), minlength=len(values)) for sample in samples]


@pytest.mark.parametrize("seed", [1, 3])
def test_bins_of_single_values_give_the_permutation_test(seed: int) -> None:
    """With a bin for each value, p-value and effect are those of SciPy's permutation test and ``ks_2samp``.

    SciPy 1.17.1's ``anderson_ksamp`` without permutations gives 0.0077 for the second pair, where 0.026 is right: its
    distribution is that of samples without ties.
    """
    rng = RNG(seed)
    first, second = rng.poisson(1.0, 400).astype(float), rng.poisson(1.15, 300).astype(float)
    comparison = compare_ordered(*_binned(first, second))
    permuted = anderson_ksamp([first, second], variant="midrank", method=PermutationMethod(n_resamples=4999, rng=rng))
    assert comparison.p_value == pytest.approx(permuted.pvalue, rel=0.2)
    assert comparison.effect == pytest.approx(ks_2samp(first, second).statistic)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.standard_normal(n),
        lambda rng, n: rng.poisson(1.0, n),
        lambda rng, n: rng.standard_cauchy(n),
        lambda rng, n: (rng.random(n) < 0.02).astype(float),
    ],
    ids=["normal", "ties", "heavy tails", "rare"],
)
def test_equal_distributions_differ_as_rarely_as_promised(
    draw: Callable[[np.random.Generator, int], NDArray[np.float64]],
) -> None:
    """Of 600 pairs of one distribution, about one in ten has a p-value below 0.1, and none is far below chance."""
    rng = RNG(1)
    p_values = []
    for _ in range(600):
        reference, window = draw(rng, 3000), draw(rng, 300)
        edges = np.unique(np.quantile(reference, np.arange(1, 32) / 32))
        counts = [
            np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1) for sample in (reference, window)
        ]
        p_values.append(compare_ordered(counts[0], counts[1]).p_value)
    assert (np.array(p_values) <= 0.1).mean() < 0.14  # three standard errors above 0.1
    assert min(p_values) > 1e-5


@pytest.mark.parametrize(
    ("change", "largest"),
    [
        (lambda values: values + 0.25, 1e-4),  # moved
        (lambda values: values * 1.4, 1e-3),  # wider
        (lambda values: np.where(np.arange(len(values)) % 10 == 0, 4.0, values), 1e-4),  # one in ten is stuck
    ],
)
def test_a_change_is_seen(change: Callable[[NDArray[np.float64]], NDArray[np.float64]], largest: float) -> None:
    """A shift, another spread and a stuck sensor in 1,000 rows have p-values far below chance."""
    rng = RNG(2)
    reference, window = rng.standard_normal(20_000), change(rng.standard_normal(1000))
    edges = np.quantile(reference, np.arange(1, 64) / 64)
    counts = [np.bincount(np.searchsorted(edges, sample), minlength=64) for sample in (reference, window)]
    assert compare_ordered(counts[0], counts[1]).p_value < largest


def test_categories_give_scipys_chi_square() -> None:
    """Without rare categories the test is the ordinary one; the effect is the share of rows that would change."""
    first, second = np.array([500, 300, 200]), np.array([40, 40, 20])
    comparison = compare_categories(first, second)
    expected = chi2_contingency(np.array([first, second]), correction=False).pvalue
    assert comparison.p_value == pytest.approx(expected, rel=0.05)
    assert comparison.effect == pytest.approx(0.1)


def test_rare_categories_raise_no_alarm_by_their_number() -> None:
    """Two hundred categories that are seen once in a thousand rows: chance alone, and the test says so."""
    rng = RNG(4)
    shares = np.r_[np.full(200, 0.001), 0.8]
    p_values = [
        compare_categories(rng.multinomial(5000, shares), rng.multinomial(1000, shares)).p_value for _ in range(300)
    ]
    assert (np.array(p_values) <= 0.1).mean() < 0.16


def test_a_rare_category_that_takes_over_is_seen() -> None:
    """Pooling the rare does not hide one that is no longer rare."""
    first, second = np.array([9990, 10, 0]), np.array([900, 0, 100])
    assert compare_categories(first, second).p_value < 1e-6


def test_shares_give_fishers_exact_test() -> None:
    """Twice the smaller tail of the hypergeometric distribution, which SciPy's one-sided tests give too."""
    table = [[3, 997], [9, 291]]
    one_sided = min(fisher_exact(table, alternative=side).pvalue for side in ("less", "greater"))
    comparison = compare_shares(3, 1000, 9, 300)
    assert comparison.p_value == pytest.approx(2 * one_sided)
    assert comparison.effect == pytest.approx(9 / 300 - 3 / 1000)


@pytest.mark.parametrize(
    "compared",
    [
        compare_ordered(np.array([3, 4]), np.array([0, 0])),
        compare_ordered(np.array([3, 0]), np.array([5, 0])),
        compare_categories(np.array([0, 0]), np.array([1, 2])),
        compare_shares(0, 0, 1, 2),
        compare_shares(0, 5, 0, 2),
    ],
)
def test_what_cannot_differ_is_alike(compared: SampleComparison) -> None:
    """No rows on one side, or one value on both, is no evidence of a difference."""
    assert compared == ALIKE


def test_variation_between_windows_makes_the_same_difference_less_surprising() -> None:
    """Windows that vary make a difference likelier, and more so the less is known of them; the effect is equal."""
    first, second = np.array([500, 300, 200]), np.array([30, 40, 30])
    plain = compare_ordered(first, second)
    many, few = (compare_ordered(first, second, extra=ExtraVariance(0.01, windows)) for windows in (1000, 6))
    assert plain.p_value < many.p_value < few.p_value
    assert plain.effect == many.effect == few.effect


def test_a_value_that_is_stuck_is_seen_by_its_bin() -> None:
    """One row in twenty has one value; the test of the whole distribution sees little of it."""
    rng = RNG(5)
    edges = np.quantile(rng.standard_normal(20_000), np.arange(1, 64) / 64)
    values = np.where(np.arange(1000) % 20 == 0, 0.0, rng.standard_normal(1000))
    counts = [
        np.bincount(np.searchsorted(edges, sample), minlength=64) for sample in (rng.standard_normal(20_000), values)
    ]
    stuck = compare_bins(counts[0], counts[1])
    assert stuck.p_value < 1e-6
    assert stuck.effect == pytest.approx(0.05, abs=0.015)
    assert compare_ordered(counts[0], counts[1]).p_value > 1e-4


def test_single_bins_of_equal_samples_differ_as_rarely_as_promised() -> None:
    """Over all bins together, with a bin that neither sample has ever filled and one that nearly all rows fill."""
    rng = RNG(6)
    shares = np.array([0.0, 0.9, 0.05, 0.03, 0.015, 0.005])
    extra = ExtraVariance(1e-6, 50)
    p_values = [
        compare_bins(rng.multinomial(5000, shares), rng.multinomial(400, shares), extra=extra).p_value
        for _ in range(500)
    ]
    assert np.mean(np.array(p_values) <= 0.1) < 0.14
    assert min(p_values) > 1e-5
