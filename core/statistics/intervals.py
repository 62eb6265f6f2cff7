"""A metric with its 95 % interval, from its values on resamples."""

from dataclasses import dataclass

import numpy as np

from headrace.core.statistics.metrics import Floats

LEVEL = 0.95
TAIL = (1 - LEVEL) / 2

# An interval from fewer resamples, because a metric is not defined on the others, would say nothing.
_FEWEST_DEFINED = 50

# How far a metric can reach, where that is not from 0 to 1.
_BOUNDS = {"log_loss": (0.0, np.inf), "mae": (0.0, np.inf), "rmse": (0.0, np.inf), "r2": (-np.inf, 1.0)}


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % interval.

    Attributes:
        value: The metric on all rows.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class BootstrapDeviations:
    """How far resamples lie from the value that the resampled rows have.

    Attributes:
        low: Those (b,) that the lower end is taken from.
        high: Those (b,) that the upper end is taken from.
    """

    low: Floats
    high: Floats


def interval(value: float, deviations: BootstrapDeviations, *, reach: tuple[float, float]) -> Interval | None:
    """The interval around a value.

    Args:
        value: The metric on all rows, or a difference of two models'.
        deviations: Deviations of the resamples from their centre.
        reach: The least and the largest value that there can be.

    Returns:
        The interval, which holds the value; None where too few resamples define the metric.
    """
    ends = _ends(value, deviations)
    if ends is None:
        return None
    low, high = min(value, max(reach[0], ends[0])), max(value, min(reach[1], ends[1]))
    return Interval(value, float(low), float(high))


def bounds(name: str, *, classes: int = 0) -> tuple[float, float]:
    """The least and the largest value that a metric can have.

    Args:
        name: The metric's name.
        classes: How many classes there are, if any.
    """
    return (0.0, 2.0) if name == "brier" and classes > 2 else _BOUNDS.get(name, (0.0, 1.0))


def _ends(value: float, deviations: BootstrapDeviations) -> tuple[float, float] | None:
    if min(len(deviations.low), len(deviations.high)) < _FEWEST_DEFINED:
        return None
    low = value + float(np.quantile(deviations.low, TAIL))
    return low, value + float(np.quantile(deviations.high, 1 - TAIL))
