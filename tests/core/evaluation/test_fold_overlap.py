"""Intervals of a cross-validation."""

import numpy as np
import pytest

from headrace.core.evaluation import fold_overlap
from headrace.core.splits.folds import Fold


def equal(count: int, rows: int = 60) -> tuple[Fold, ...]:
    """So many folds of equal size."""
    parts = np.array_split(np.arange(rows), count)
    return tuple(Fold(np.setdiff1d(np.arange(rows), part), part) for part in parts)


@pytest.mark.parametrize(("folds", "factor"), [(2, 3**0.5), (3, 2.5**0.5), (5, 1.5)])
def test_the_widening_is_that_of_nadeau_and_bengio(folds: int, factor: float) -> None:
    """The square root of 1 + k/(k - 1), and 1 without folds."""
    assert fold_overlap.widening_factor(equal(folds)) == pytest.approx(factor)
    assert fold_overlap.widening_factor(()) == 1.0


def test_the_interval_of_a_mean_of_folds_is_the_corrected_one() -> None:
    """By the formula, with Student's quantile of 4 degrees of freedom."""
    scores = [0.7, 0.8, 0.75, 0.9, 0.6]
    low, high = fold_overlap.interval_of_mean(scores, equal(5)) or (0.0, 0.0)
    half = 2.7764451 * np.std(scores, ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half))


def test_one_fold_tells_no_interval() -> None:
    """It does not vary."""
    assert fold_overlap.interval_of_mean([0.7], equal(2)[:1]) is None
