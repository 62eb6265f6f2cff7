"""Probabilities of several tests, adjusted so that one promise holds for all of them together."""

from collections.abc import Sequence

import numpy as np


def adjust_holm(p_values: Sequence[float]) -> list[float]:
    """Adjust probabilities by Holm's method (1979), which holds whatever depends on what.

    Args:
        p_values: The probability of each test by itself.

    Returns:
        For each the smallest error rate of all tests together at which it is significant, in the same order.
    """
    order = np.argsort(p_values, kind="stable")
    factors = np.arange(len(p_values), 0, -1)
    ascending = np.minimum(1.0, np.maximum.accumulate(np.array(p_values, dtype=np.float64)[order] * factors))
    adjusted = np.empty(len(p_values))
    adjusted[order] = ascending
    return [float(value) for value in adjusted]
