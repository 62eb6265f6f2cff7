"""Percentile bootstrap intervals (Efron 1979) of all metrics at once.

Up to ``MOST_ROWS`` rows every resample has as many rows as there are. From there on a random part of that many rows is
resampled, and the intervals are shrunk around the value by the square root of the share (the m out of n bootstrap,
Bickel, Götze and van Zwet 1997): a million test rows cost no more than twenty thousand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headrace.core.measures import Outcome, measure, measurer
from headrace.core.metrics import Floats

RESAMPLES = 1000
LEVEL = 0.95
MOST_ROWS = 20_000

# From so many classes on there are fewer resamples, so that the work stays the same, but never fewer than the second.
_MANY_CLASSES = 10
_FEWEST_RESAMPLES = 200

# So many weights are held at a time: as float64 they fill 4 MiB, which stays in the cache.
_WEIGHTS_AT_A_TIME = 1 << 19

# An interval from fewer resamples, because a metric is not defined on the others, would say nothing.
_FEWEST_DEFINED = 100


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
class Resampled:
    """Bootstrap values of each metric for some outcomes over the same rows, resampled alike.

    Attributes:
        values: For each outcome the metrics' values, each (b,).
        centres: For each outcome the metrics of the rows that were resampled.
        shrink: Factor from the spread of the resamples to that of all rows; 1 unless a part was resampled.
    """

    values: tuple[dict[str, Floats], ...]
    centres: tuple[dict[str, float], ...]
    shrink: float

    def deviations(self, name: str) -> Floats:
        """Deviations (b,) of the first outcome's metric, scaled to all rows, without those that are not defined."""
        return self._scaled(self.values[0][name] - self.centres[0][name])

    def deviations_of_difference(self, name: str) -> Floats:
        """The same of the first outcome's metric minus the second's."""
        values, centres = self.values, self.centres
        return self._scaled(values[0][name] - values[1][name] - (centres[0][name] - centres[1][name]))

    def _scaled(self, deviations: Floats) -> Floats:
        return np.asarray(deviations[np.isfinite(deviations)] * self.shrink)


def resample(outcomes: Sequence[Outcome], *, seed: int, resamples: int = RESAMPLES) -> Resampled:
    """Resample rows and measure each outcome on the same resamples.

    Args:
        outcomes: Outcomes for the same n rows in the same order, n > 0.
        seed: Seed of the draws.
        resamples: How many, for few classes.

    Returns:
        The metrics of each outcome on each resample.
    """
    rng = np.random.default_rng(seed)
    rows, taken = len(outcomes[0]), list(outcomes)
    if rows > MOST_ROWS:
        part = np.sort(rng.choice(rows, MOST_ROWS, replace=False))
        taken = [outcome.take(part) for outcome in outcomes]
    m = min(rows, MOST_ROWS)
    measures = [measurer(outcome) for outcome in taken]
    count = _count(taken[0], resamples)
    block = max(1, _WEIGHTS_AT_A_TIME // m)
    found = [
        [compute(weights) for compute in measures]
        for weights in (_weights(m, min(block, count - start), rng) for start in range(0, count, block))
    ]
    values = tuple(
        {name: np.concatenate([part[i][name] for part in found]) for name in found[0][i]} for i in range(len(taken))
    )
    return Resampled(values=values, centres=tuple(measure(o) for o in taken), shrink=float(np.sqrt(m / rows)))


def _count(outcome: Outcome, resamples: int) -> int:
    classes = 1 if outcome.probabilities is None else outcome.probabilities.shape[1]
    return max(min(resamples, _FEWEST_RESAMPLES), resamples * _MANY_CLASSES // max(classes, _MANY_CLASSES))


def _weights(rows: int, resamples: int, rng: np.random.Generator) -> Floats:
    """How often each row is drawn, (resamples, rows)."""
    weights = np.empty((resamples, rows))
    for row in weights:
        row[:] = np.bincount(rng.integers(0, rows, rows), minlength=rows)
    return weights


def interval(value: float, deviations: Floats) -> Interval | None:
    """The percentile interval around a value.

    Args:
        value: The metric on all rows.
        deviations: Deviations of the resamples from their centre.

    Returns:
        The interval; None where too few resamples define the metric.
    """
    if len(deviations) < _FEWEST_DEFINED:
        return None
    low, high = np.quantile(deviations, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(value + low), float(value + high))


def intervals(outcome: Outcome, drawn: Resampled) -> dict[str, Interval]:
    """Each metric that the rows define, with its interval.

    Args:
        outcome: Predictions for n rows, n > 0, and what was the case.
        drawn: Resamples whose first outcome it is.

    Returns:
        Intervals by name of the metric; a metric that is not defined on these rows, or on hardly any resample of them,
        is left out.
    """
    values = {name: value for name, value in measure(outcome).items() if np.isfinite(value)}
    found = {name: interval(value, drawn.deviations(name)) for name, value in values.items()}
    return {name: known for name, known in found.items() if known is not None}
