"""The spread of a cross-validation's estimates, whose models share training rows.

Source: Nadeau and Bengio 2003, Inference for the Generalization Error, Machine Learning 52. The variance of the mean of
k scores is (1/k + held out/fitted) times that of one score, instead of 1/k times. Intervals without it are too short
(Bates, Hastie and Tibshirani 2023, Cross-Validation: What Does It Estimate and How Well Does It Do It?, Journal of the
American Statistical Association 119).
"""

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.special import stdtrit

from headrace.core.splits.folds import Fold
from headrace.core.statistics.intervals import TAIL


def widening_factor(folds: Sequence[Fold]) -> float:
    """Return the factor by which intervals over all held-out rows must be wider; 1 without folds.

    With k equal folds that is the square root of 1 + k/(k - 1): 1.5 for five.

    Args:
        folds: The folds, with fitted and held-out rows.
    """
    return math.sqrt(1 + len(folds) * _ratio(folds)) if folds else 1.0


def interval_of_mean(scores: Sequence[float], folds: Sequence[Fold]) -> tuple[float, float] | None:
    """Compute the 95 % interval of the mean of the scores of some folds.

    Args:
        scores: One score for each fold.
        folds: The folds, with fitted and held-out rows.

    Returns:
        Lower and upper end; None for fewer than two folds.
    """
    k = len(scores)
    if k < 2:
        return None
    half = float(stdtrit(k - 1, 1 - TAIL)) * (standard_error(scores, folds) or 0.0)
    return fmean(scores) - half, fmean(scores) + half


def standard_error(scores: Sequence[float], folds: Sequence[Fold]) -> float | None:
    """Compute the standard error of the mean of the scores of some folds, or of the differences of two models' scores.

    Args:
        scores: One number for each fold.
        folds: The folds, with fitted and held-out rows.

    Returns:
        The standard error; None for fewer than two folds.
    """
    return stdev(scores) * math.sqrt(1 / len(scores) + _ratio(folds)) if len(scores) > 1 else None


def _ratio(folds: Sequence[Fold]) -> float:
    return fmean(len(fold.held_out) / len(fold.fitted) for fold in folds)
