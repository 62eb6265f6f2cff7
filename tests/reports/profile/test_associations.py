"""Measures of association against values that are known."""

import numpy as np
import pytest

from headrace.reports.profile.associations import correlation_ratio, cramers_v, group_means, rank_correlations


def test_group_means_leave_out_unknown_targets() -> None:
    """Rows without a target count nowhere."""
    target = np.array([[1.0], [3.0], [np.nan], [5.0]])
    rows, means = group_means(np.array([0, 0, 0, 1]), target, groups=3)
    assert rows.tolist() == [2, 1, 0]
    assert means[:2, 0].tolist() == [2, 5]
    assert np.isnan(means[2, 0])


def test_a_column_that_tells_the_target_has_a_bearing_of_one() -> None:
    """The correlation ratio is 1 for the target itself."""
    codes = np.arange(1000) % 4
    assert correlation_ratio(codes, (codes == 2).astype(float)[:, None], groups=4) == pytest.approx(1)


def test_noise_has_no_bearing_however_many_its_values() -> None:
    """The correction for the number of groups keeps a column of many values from looking telling."""
    rng = np.random.default_rng(0)
    ratios = [
        correlation_ratio(rng.integers(0, 30, 300), (rng.random(300) < 0.5).astype(float)[:, None], groups=30)
        for _ in range(20)
    ]
    assert np.mean(ratios) < 0.15


def test_a_constant_target_has_no_bearing() -> None:
    """Without spread there is nothing to explain."""
    assert correlation_ratio(np.arange(10) % 2, np.ones((10, 1)), groups=2) == -1


def test_rank_correlation_sees_any_rising_curve() -> None:
    """Spearman's coefficient of a monotone relation is 1, whatever its form."""
    x = np.linspace(1, 9, 50)
    matrix = rank_correlations(np.stack([x, np.exp(x), -x, np.full(50, 3.0)], axis=1))
    assert matrix[0, 1] == pytest.approx(1)
    assert matrix[0, 2] == pytest.approx(-1)
    assert np.isnan(matrix[0, 3])


def test_rank_correlation_of_known_ranks() -> None:
    """Four pairs with two ranks exchanged give 0.8 (Spearman's formula by hand)."""
    matrix = rank_correlations(np.array([[1, 1], [2, 2], [3, 4], [4, 3]], dtype=float))
    assert matrix[0, 1] == pytest.approx(0.8)


def test_cramers_v() -> None:
    """Equal columns give 1, a constant one nothing, noise about 0."""
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 3, 2000)
    assert cramers_v(codes, codes) == pytest.approx(1, abs=0.01)
    assert cramers_v(codes, rng.integers(0, 3, 2000)) < 0.05
    assert np.isnan(cramers_v(codes, np.zeros(2000, dtype=np.int64)))
