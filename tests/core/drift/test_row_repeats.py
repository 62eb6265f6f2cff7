"""Rows that repeat one another by chance."""

import numpy as np
import pytest

from headrace.core.drift.row_repeats import RowRepeats


def _repeats(values: np.ndarray) -> int:
    return len(values) - len(np.unique(values))


@pytest.mark.parametrize(("kinds", "rows"), [(50, 30), (5000, 300), (100_000, 1000)])
def test_the_expected_repeats_are_those_of_windows(kinds: int, rows: int) -> None:
    """On average, windows of the same rows repeat as often as expected from a sample of them."""
    rng = np.random.default_rng(0)
    profile = RowRepeats.of(rng.integers(0, kinds, 20_000).astype(np.uint64))
    windows = [_repeats(rng.integers(0, kinds, rows)) for _ in range(200)]
    expected = profile.expect(rows)
    assert expected == pytest.approx(np.mean(windows), rel=0.1, abs=0.6)


def test_repeats_beyond_chance_are_improbable() -> None:
    """A tenth of the rows sent twice, where about ten repeat by chance."""
    rng = np.random.default_rng(1)
    profile = RowRepeats.of(rng.integers(0, 50_000, 20_000).astype(np.uint64))
    expected = profile.expect(1000)
    assert profile.tail_probability(round(expected), expected, 1000) > 0.1
    assert profile.tail_probability(round(expected) + 100, expected, 1000) < 1e-6


def test_a_window_larger_than_the_sample_has_an_upper_bound() -> None:
    """More rows than were sampled repeat at most as often as pairs of them are equal."""
    rng = np.random.default_rng(2)
    profile = RowRepeats.of(rng.integers(0, 1_000_000, 2000).astype(np.uint64))
    assert profile.expect(20_000) <= 20_000
    assert profile.expect(1) == 0.0
    assert RowRepeats.of(np.zeros(0, np.uint64)).expect(10) == 0.0
    assert RowRepeats.of(np.arange(10, dtype=np.uint64)).tail_probability(0, 0.0, 5) == 1.0
