"""What a model's performance in use is compared with, and when a metric is called worse."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Self

from scipy.stats import norm

from headrace.core.base.errors import InputError
from headrace.core.evaluation.evaluation_document import BundleMetrics
from headrace.core.statistics.intervals import TAIL
from headrace.core.statistics.measures import Interval
from headrace.core.statistics.metric_names import HIGHER_IS_BETTER

_WIDTH = 2 * float(norm.isf(TAIL))


@dataclass(frozen=True)
class PerformanceReference:
    """How good a model was on its test part.

    Attributes:
        metrics: Value and 95 % interval by name of the metric.
        slices: The same for the main metric, by slice as ``column = value``.
    """

    metrics: Mapping[str, Interval]
    slices: Mapping[str, Interval] = field(default_factory=dict)

    @classmethod
    def of(cls, measured: BundleMetrics, *, main: str) -> Self:
        """Return the reference in a bundle's ``metrics.json``, or in an evaluation.

        Args:
            measured: What was measured on the test part.
            main: The metric of the slices.
        """
        slices = {
            slice_name(part.column, part.value): part.metrics[main] for part in measured.slices if main in part.metrics
        }
        return cls(measured.metrics, slices)


@dataclass(frozen=True)
class PerformancePlan:
    """How performance is watched.

    Attributes:
        alpha: Chance of any false alarm among the results of one call, above 0 and below 1.
        tolerance: Least loss of a metric that matters, in the metric's own unit.
        seed: Seed of all draws.
    """

    alpha: float = 0.01
    tolerance: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise if a number is out of range.

        Raises:
            InputError: If so.
        """
        if not 0 < self.alpha < 1 or not self.tolerance >= 0:
            raise InputError(
                "alpha must be above 0 and below 1, and the tolerance 0 or more; got "
                f"{self.alpha:g} and {self.tolerance:g}."
            )


def slice_name(column: str, value: str) -> str:
    """Return the subject of a slice's results."""
    return f"{column} = {value}"


def standard_error(interval: Interval) -> float:
    """Return the standard error of a value with a 95 % interval."""
    return (interval.high - interval.low) / _WIDTH


def loss_of(metric: str, value: float, reference: float) -> float:
    """Return by how much a value is worse than the reference; negative if it is better."""
    return reference - value if HIGHER_IS_BETTER[metric] else value - reference


def worse_p_value(metric: str, value: float, error: float, reference: Interval) -> float:
    """Return the probability of a value that is worse by as much, by chance alone.

    Args:
        metric: Name of the metric.
        value: Its value.
        error: Standard error of the value.
        reference: The value that it is compared with, which has an error of its own.
    """
    loss, spread = loss_of(metric, value, reference.value), sqrt(error**2 + standard_error(reference) ** 2)
    if spread <= 0:
        return 0.0 if loss > 0 else 1.0
    return float(norm.sf(loss / spread))
