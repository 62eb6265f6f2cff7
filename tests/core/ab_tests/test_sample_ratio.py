"""The sample ratio is called broken as often as promised, and when it is."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from headrace.core.ab_tests.sample_ratio import check_sample_ratio, sequential_p_value


def divisions(
    times: int, share: float, *, looks: int = 50, daily: int = 200, seed: int = 0
) -> list[list[tuple[int, int]]]:
    """Numbers of keys at each look, of many simulated tests."""
    draws = np.random.default_rng(seed).binomial(daily, share, (times, looks)).cumsum(axis=1)
    totals = daily * np.arange(1, looks + 1)
    return [[(int(a), int(total - a)) for a, total in zip(row, totals, strict=True)] for row in draws]


@given(candidate=st.integers(0, 10_000), baseline=st.integers(1, 10_000), share=st.floats(0.05, 0.95))
def test_one_look_is_scipys_chi_square(candidate: int, baseline: int, share: float) -> None:
    """Of two counts with one degree of freedom."""
    total = candidate + baseline
    found = check_sample_ratio([(candidate, baseline)], share=share, alpha=0.001, is_final=True)
    theirs = stats.chisquare([candidate, baseline], [total * share, total * (1 - share)])
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-300)


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_a_correct_division_is_seldom_called_broken(share: float) -> None:
    """Looked at often, and tested at the end; a chi-square at each look is wrong in a fifth of tests."""
    found, naive = [], []
    for counts in divisions(400, share):
        early = any(
            check_sample_ratio(counts[: look + 1], share=share, alpha=0.05, is_final=False).broken
            for look in range(9, 50, 10)
        )
        found.append(early or check_sample_ratio(counts, share=share, alpha=0.05, is_final=True).broken)
        naive.append(
            any(
                stats.chi2.sf((a - (a + b) * share) ** 2 / ((a + b) * share * (1 - share)), 1) < 0.05 for a, b in counts
            )
        )
    assert np.mean(found) < 0.05
    assert np.mean(naive) > 0.2


def test_lost_keys_are_found() -> None:
    """One key in twenty of the candidate lost: 48.7 instead of 50 %, of 40,000 keys, before the end."""
    found = [
        check_sample_ratio(counts, share=0.5, alpha=0.001, is_final=False).broken
        for counts in divisions(100, 0.95 / 1.95, looks=200, seed=4)
    ]
    assert np.mean(found) > 0.6


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=5))
def test_more_looks_never_take_a_finding_back(counts: list[tuple[int, int]]) -> None:
    """The p-value of any number of looks only falls."""
    p_values = [sequential_p_value(counts[: place + 1], share=0.3) for place in range(len(counts))]
    assert all(later <= earlier for earlier, later in itertools.pairwise(p_values))
    assert all(0 <= value <= 1 for value in p_values)
