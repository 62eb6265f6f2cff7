"""The distribution of weighted sums of squared normal variables, to which the statistics of many tests converge."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

_NEGLIGIBLE = 1e-10
_NEAR_MEAN = 1e-4
_ROUNDING = 1 + 1e-9


def tail_probability(weights: NDArray[np.float64], value: float) -> float:
    """Compute the probability that a weighted sum of independent chi-square variables exceeds a value.

    The saddlepoint approximation of Kuonen (1999, Saddlepoint approximations for distributions of quadratic forms in
    normal variables, Biometrika 86). Its relative error is below 10 % for one variable and below 1 % for five, in the
    far tail too, on the safe side: where a simulation would need millions of draws, this needs none.

    Args:
        weights: Weights (k,), not negative. Each belongs to a variable with one degree of freedom.
        value: The value of the sum.

    Returns:
        The probability; 1 if no weight is positive.
    """
    largest = float(weights.max(initial=0.0))
    if largest <= 0 or value <= 0:
        return 1.0
    scaled = weights[weights > _NEGLIGIBLE * largest] / largest
    target = value / largest
    mean = float(scaled.sum())
    if abs(target - mean) < _NEAR_MEAN * mean:
        # The formula is undefined at the mean; it is smooth, so both sides of it are averaged.
        step = 2 * _NEAR_MEAN * mean
        return (_tail(scaled, mean - step) + _tail(scaled, mean + step)) / 2
    return _tail(scaled, target)


def _tail(weights: NDArray[np.float64], value: float) -> float:
    def slope(point: float) -> float:
        return float((weights / (1 - 2 * point * weights)).sum()) - value

    # The slope rises from minus the value to infinity at 1/2, where the largest weight, 1, has its pole. The sum is at
    # least the term of the largest weight, and at most as many times that as there are weights.
    low = 0.5 - len(weights) / (2 * value) * _ROUNDING - 1e-9
    high = 0.5 - 1 / (2 * value * _ROUNDING) + 1e-12
    point = brentq(slope, low, min(high, 0.5 - 1e-15), xtol=1e-15, rtol=1e-14)
    generating = -0.5 * float(np.log1p(-2 * point * weights).sum())
    curvature = 2 * float(((weights / (1 - 2 * point * weights)) ** 2).sum())
    root = math.copysign(math.sqrt(max(2 * (point * value - generating), 0.0)), point)
    return float(min(1.0, ndtr(-root - math.log(point * math.sqrt(curvature) / root) / root)))
