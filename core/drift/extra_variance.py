"""Variance between windows beyond that of independent rows, and what it does to the tail of a test."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, stdtrit

from headrace.core.drift.weighted_chi_square import tail_probability

FEWEST_WINDOWS = 5
_LEAST_LOGARITHM = -200.0
_TOLERANCE = 1e-3
_NEGLIGIBLE = 1e-6


@dataclass(frozen=True)
class ExtraVariance:
    """How much more a statistic varies between windows than that of independent rows.

    Attributes:
        rho: Variance between windows of the statistic per row: the intraclass correlation, scaled to the test. An
            unbiased estimate of it may be negative.
        windows: Number of windows or blocks of time that it is estimated from; 0 if nothing is known of it.
        rows: Mean number of their rows; infinite for a variance that chance among rows does not blur.
    """

    rho: float = 0.0
    windows: int = 0
    rows: float = math.inf


def tail_with_variation(weights: NDArray[np.float64], value: float, *, rows: float, extra: ExtraVariance) -> float:
    """Compute the probability of a quadratic statistic whose windows differ more than samples of independent rows.

    A window of a seasonal process is a sample of its own distribution. All its extra variance may lie in one
    direction, such as the mean: it is added to the largest weight, which is the heaviest tail that it can have. It is
    an estimate from few windows: one standard error is added, by which chance among their rows blurs it, and, as with
    Student's t in place of the normal distribution, it is inflated by the ratio of their squared quantiles at the
    probability that is computed.

    Args:
        weights: Weights (k,) of the chi-square variables for independent rows.
        value: The statistic.
        rows: Effective number of rows: 1 / (1 / reference + 1 / window).
        extra: The extra variance.

    Returns:
        The probability, that of independent rows where the extra variance is 0 or unknown.
    """
    if extra.windows < FEWEST_WINDOWS or not len(weights):
        return tail_probability(weights, value)
    blur = math.sqrt(2 * float((weights**2).sum()) / (extra.windows - 1)) / extra.rows
    # The reference is a mean of windows, and varies too.
    variance = rows * (extra.rho + blur) * (1 + 1 / extra.windows)
    if variance <= 0:
        return tail_probability(weights, value)
    largest = int(np.argmax(weights))

    def tail(probability: float) -> float:
        ratio = float(stdtrit(extra.windows - 1, probability / 2) / ndtri(probability / 2)) ** 2
        inflated = weights.copy()
        inflated[largest] += variance * ratio
        if value < _NEGLIGIBLE * inflated[largest]:
            return 2 * float(ndtr(-math.sqrt(value / inflated[largest])))  # the largest weight alone decides
        return tail_probability(inflated, value)

    if tail(0.5) >= 0.5:
        return tail(0.5)

    def excess(logarithm: float) -> float:
        return float(np.log10(max(tail(10.0**logarithm), 1e-300))) - logarithm

    if excess(_LEAST_LOGARITHM) <= 0:
        return float(10.0**_LEAST_LOGARITHM)
    return float(10.0 ** brentq(excess, _LEAST_LOGARITHM, np.log10(0.5), xtol=_TOLERANCE))
