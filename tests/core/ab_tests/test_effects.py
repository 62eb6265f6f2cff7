"""Differences agree with SciPy's, and their intervals hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headrace.core.ab_tests.effects import (
    MeanDifference,
    ValueMoments,
    adjust,
    holm,
    linearize,
    relative_interval,
    sequence,
)
from headrace.core.statistics.metrics import Floats

_TIMES = 2000


def moments_of(values: Floats) -> ValueMoments:
    """Moments of some values."""
    return ValueMoments.of(values)


@given(seed=st.integers(0, 10_000), first=st.integers(2, 60), second=st.integers(2, 60))
def test_the_difference_is_scipys(seed: int, first: int, second: int) -> None:
    """Statistic, degrees of freedom, p-value and interval of Welch's test."""
    rng = np.random.default_rng(seed)
    candidate, baseline = rng.normal(1, 3, first), rng.normal(0, 1, second)
    ours = MeanDifference.of(moments_of(candidate), moments_of(baseline))
    theirs = stats.ttest_ind(candidate, baseline, equal_var=False)
    assert ours.statistic == pytest.approx(theirs.statistic)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.interval(0.1) == pytest.approx(tuple(theirs.confidence_interval(0.9)))


def test_the_relative_interval_holds_the_ratio() -> None:
    """Fieller's: 95 % of the intervals hold a ratio of 1.2, though the baseline's mean is only 4 errors from 0."""
    rng = np.random.default_rng(3)
    hits = []
    for _ in range(_TIMES):
        ends = relative_interval(
            moments_of(rng.normal(1.2, 2.5, 100)), moments_of(rng.normal(1.0, 2.5, 100)), alpha=0.05
        )
        hits.append(ends is None or ends[0] <= 0.2 <= ends[1])
    assert np.mean(hits) == pytest.approx(0.95, abs=0.015)


def test_a_baseline_that_may_be_zero_has_no_relative_effect() -> None:
    """Any ratio is possible then."""
    rng = np.random.default_rng(0)
    assert relative_interval(moments_of(rng.normal(1, 1, 50)), moments_of(rng.normal(0, 1, 50)), alpha=0.05) is None


def test_each_key_alone_is_its_own_value() -> None:
    """With denominators of 1 nothing is linearized."""
    values = np.random.default_rng(1).normal(size=30)
    assert linearize(values, np.ones(30)) == pytest.approx(values)


def test_rows_of_one_key_are_not_independent() -> None:
    """Keys of very different size: the linearized variance is that of the ratio over simulations, and 95 % cover it."""
    rng = np.random.default_rng(7)
    ratios, errors = [], []
    for _ in range(_TIMES):
        rows = rng.integers(1, 20, 400).astype(np.float64)
        level = rng.normal(0.3, 0.2, 400)  # what the rows of a key share
        totals = rows * level + np.sqrt(rows) * rng.normal(0, 0.3, 400)
        values = linearize(totals, rows)
        assert values.mean() == pytest.approx(totals.sum() / rows.sum())
        ratios.append(values.mean())
        errors.append(np.sqrt(moments_of(values).square_error))
    assert np.mean(errors) == pytest.approx(np.std(ratios), rel=0.05)
    assert np.mean(np.abs(np.array(ratios) - 0.3) < 1.96 * np.array(errors)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_a_covariate_takes_out_the_square_of_its_correlation(correlation: float) -> None:
    """The variance falls as theory says, the difference keeps its mean, and the false alarms their rate."""
    rng = np.random.default_rng(11)
    reductions, differences, alarms = [], [], []
    for _ in range(_TIMES // 2):
        covariates = rng.normal(5, 2, 150), rng.normal(5, 2, 100)
        noise = np.sqrt(1 - correlation**2)
        values = [correlation * (x - 5) / 2 + noise * rng.normal(size=len(x)) for x in covariates]
        adjusted = adjust(values[0], values[1], covariates)
        difference = MeanDifference.of(moments_of(adjusted.candidate), moments_of(adjusted.baseline))
        reductions.append(adjusted.reduction)
        differences.append(difference.difference)
        alarms.append(difference.p_value < 0.05)
    assert np.mean(reductions) == pytest.approx(correlation**2, abs=0.01)
    assert np.var(differences) == pytest.approx((1 - correlation**2) * (1 / 150 + 1 / 100), rel=0.15)
    assert np.mean(differences) == pytest.approx(0, abs=0.02)
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.02)


def test_keys_without_a_covariate_stay_as_they_are() -> None:
    """The others are adjusted."""
    rng = np.random.default_rng(5)
    covariate = rng.normal(size=100)
    values = covariate + 0.1 * rng.normal(size=100)
    covariate[:10] = np.nan
    adjusted = adjust(values[:50], values[50:], (covariate[:50], covariate[50:]))
    assert adjusted.candidate[:10] == pytest.approx(values[:10])
    assert np.std(adjusted.candidate[10:]) < 0.3


def test_holm_is_statsmodels() -> None:
    """As by statsmodels 0.15.0, ``multipletests(method="holm")``."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_never_lowers(p_values: list[float]) -> None:
    """Adjusted p-values are at least their own, at most 1, and in the same order."""
    adjusted = holm(p_values)
    assert all(own <= new <= 1 for own, new in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(np.array(adjusted)[order]) >= 0).all()


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_sequence_holds_the_difference_at_every_look(offset: float) -> None:
    """Of a skewed metric at 40 looks from the first keys on: 95 % of the sequences, where p < 0.05 fails a third."""
    rng = np.random.default_rng(13)
    counts = [(size, size) for size in range(25, 1001, 25)]
    always, naive = [], []
    for _ in range(400):
        candidate, baseline = (offset + rng.exponential(1.0, 1000) for _ in range(2))
        found = sequence(candidate, baseline, counts, alpha=0.05, tight_at=500)
        always.append(all(interval.low <= 0 <= interval.high for interval in found))
        looks = [
            abs(candidate[:n].mean() - baseline[:n].mean()) / np.sqrt((candidate[:n].var() + baseline[:n].var()) / n)
            for n, _ in counts
        ]
        naive.append(max(looks) > 1.96)
    assert np.mean(always) >= 0.95
    assert np.mean(naive) > 0.2
