"""Half a row for a model and half a row against it: what twelve good rows cannot rule out.

A resample knows only what happened: where all of twelve rows are right it says that the next one is right for certain.
The exact interval of a share (Clopper and Pearson 1934, Biometrika 26) adds a row that is wrong to its lower end, and
a row that is right to its upper end. That is somewhat too long; half a row, as in Jeffreys' prior, comes nearest to
what is claimed (Brown, Cai and DasGupta 2001, Interval Estimation for a Binomial Proportion, Statistical Science 16).
Here the same half row serves every metric:

* Of classes, it is shared out among the classes that occur. The one against is predicted as another class, ahead of
  all rows of that class; the one for is predicted as its own, ahead of all others. They lose what the rows would lose
  on average if each were of its second most probable class, or of its first.
* Of numbers, the one against has an error larger than the largest; the one for has none, at a target farther from the
  mean than the farthest. That the next error is the largest yet has the chance 1/(n + 1), whatever the errors'
  distribution; how much larger it may be is read from how far the largest one stands out, which is the more, the
  heavier the tail (its share of the fourth powers, on which the variance of a mean square depends).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headrace.core.statistics import metrics
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, losses

HALF = 0.5

# So much larger is an error that was not seen than the largest seen one, if that makes up all the fourth powers; chosen
# by the coverage of simulated errors with normal, Student's (3 degrees of freedom) and lognormal distributions.
_BEYOND = 2.0


@dataclass(frozen=True)
class HalfRows:
    """Rows (m) that were not seen, half of them for the model and half against it.

    Attributes:
        outcome: What is predicted and what is the case.
        losses: Columns (m, c) of what ``measures`` averages.
        favours: Which of them (m,) are for the model.
    """

    outcome: EvaluatedRows
    losses: Floats
    favours: NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Which part of the half row each of them is."""
        return HALF / int(self.favours.sum())


def of(outcome: EvaluatedRows) -> HalfRows:
    """The half rows of an outcome.

    Args:
        outcome: Predictions for n rows, n > 0, and what was the case.
    """
    if outcome.probabilities is None:
        return _of_values(outcome)
    probabilities = outcome.probabilities
    k = probabilities.shape[1]
    there = np.unique(outcome.actual).astype(np.int64)
    # A row of the only class is wrong as any other one.
    next_class = np.roll(there, -1) if len(there) > 1 else (there + 1) % k
    actual = np.repeat(there, 2)
    labels = np.stack([there, next_class], axis=1).reshape(-1)
    order = np.argpartition(-probabilities, 1, axis=1)[:, :2]
    lost = [_mean_losses(order[:, place], probabilities) for place in (0, 1)]
    return HalfRows(
        outcome=replace(outcome, actual=actual, labels=labels, probabilities=np.eye(k)[labels]),
        losses=np.tile(np.stack(lost), (len(there), 1)),
        favours=np.tile([True, False], len(there)),
    )


def _mean_losses(classes: NDArray[np.int64], probabilities: Floats) -> Floats:
    """What the rows would lose on average if they were of these classes."""
    return np.array(
        [metrics.log_losses(classes, probabilities).mean(), metrics.brier_losses(classes, probabilities).mean()]
    )


def _of_values(outcome: EvaluatedRows) -> HalfRows:
    of_rows = losses(outcome)
    error, far = _farther(of_rows[:, 0]), _farther(of_rows[:, 2])
    return HalfRows(
        outcome=outcome,
        losses=np.array([[0.0, 0.0, far, far**2], [error, error**2, 0.0, 0.0]]),
        favours=np.array([True, False]),
    )


def _farther(values: Floats) -> float:
    """Beyond the value (n,) that is farthest from 0."""
    farthest = values[np.abs(values).argmax()]
    if farthest == 0:
        return 0.0
    share = 1 / np.power(values / farthest, 4).sum()
    return float(farthest * (1 + _BEYOND * share))
