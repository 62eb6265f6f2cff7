"""The 95 % interval of a metric, from its values on resamples."""

from dataclasses import dataclass

import numpy as np

from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metrics import Floats

LEVEL = 0.95
TAIL = (1 - LEVEL) / 2

# With fewer resamples that define the metric, an interval would mean nothing.
_FEWEST_DEFINED = 50

# Range of a metric, where it is not 0 to 1.
_BOUNDS = {"log_loss": (0.0, np.inf), "mae": (0.0, np.inf), "rmse": (0.0, np.inf), "r2": (-np.inf, 1.0)}
_BOUNDS |= dict.fromkeys(("pinball_loss", "poisson_deviance", "interval_width"), (0.0, np.inf))
_BOUNDS |= {"quadratic_kappa": (-1.0, 1.0)}


@dataclass(frozen=True)
class BootstrapDeviations:
    """Deviations of resamples from the metric of the rows that were resampled.

    Attributes:
        low: Deviations (b,) for the lower end.
        high: Deviations (b,) for the upper end.
    """

    low: Floats
    high: Floats


def interval(value: float, deviations: BootstrapDeviations, *, reach: tuple[float, float]) -> Interval | None:
    """Compute the interval around a value.

    Args:
        value: The metric on all rows, or the difference of two models.
        deviations: Deviations of the resamples from their centre.
        reach: Lowest and highest possible value.

    Returns:
        The interval, which holds the value; None if too few resamples define the metric.
    """
    ends = _ends(value, deviations)
    if ends is None:
        return None
    low, high = min(value, max(reach[0], ends[0])), max(value, min(reach[1], ends[1]))
    return Interval(value, float(low), float(high))


def bounds(name: str, *, classes: int = 0) -> tuple[float, float]:
    """Return the lowest and the highest value that a metric can have.

    Args:
        name: The metric's name.
        classes: Number of classes; 0 for a regression.
    """
    return (0.0, 2.0) if name == "brier" and classes > 2 else _BOUNDS.get(name, (0.0, 1.0))


def _ends(value: float, deviations: BootstrapDeviations) -> tuple[float, float] | None:
    if min(len(deviations.low), len(deviations.high)) < _FEWEST_DEFINED:
        return None
    low = value + float(np.quantile(deviations.low, TAIL))
    return low, value + float(np.quantile(deviations.high, 1 - TAIL))
