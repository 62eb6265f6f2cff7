"""Half a row for a model and half a row against it: what twelve correct rows cannot rule out.

A resample repeats only what happened: where all of twelve rows are correct, it predicts that the next one is for
certain. The exact interval of a share (Clopper and Pearson 1934, Biometrika 26) adds a wrong row to its lower end and a
correct row to its upper end. That is somewhat too long; half a row, as in Jeffreys' prior, comes nearest to the nominal
coverage (Brown, Cai and DasGupta 2001, Interval Estimation for a Binomial Proportion, Statistical Science 16).
Here the same half row serves every metric:

* Classification: it is divided among the classes that occur. The half against is predicted as another class, ranked
  above all rows of that class; the half for is predicted as its own, ranked above all others. Their loss is the mean
  loss of the rows if each were of its second most probable class, or of its most probable one.
* Regression: the half against has an error larger than the largest; the half for has none, at a target farther from the
  mean than the farthest. The next error is the largest yet with probability 1/(n + 1), whatever the distribution of
  errors; how much larger it may be follows from how far the largest one stands out: its share of the fourth powers, on
  which the variance of a mean square depends, grows with the tail.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, further_metrics, losses

HALF = 0.5

# How many times the largest error an unseen one exceeds it by, if the largest makes up all the fourth powers; chosen by
# the coverage of simulated errors with normal, Student's (3 degrees of freedom) and lognormal distributions.
_BEYOND = 2.0


@dataclass(frozen=True)
class HalfRows:
    """Rows (m) that were not observed, half of them for the model and half against it.

    Attributes:
        outcome: Predictions and actual values of these rows.
        losses: Losses (m, c) that the metrics average.
        favours: Flags (m,) of the rows that are for the model.
    """

    outcome: EvaluatedRows
    losses: Floats
    favours: NDArray[np.bool_]

    @property
    def share(self) -> float:
        """Weight of each of these rows: its part of the half row."""
        return HALF / int(self.favours.sum())


def make(outcome: EvaluatedRows) -> HalfRows:
    """Make the half rows of a model's predictions.

    Args:
        outcome: Predictions for n rows, n > 0, and their actual values.
    """
    if outcome.probabilities is None:
        return _of_values(outcome)
    probabilities = outcome.probabilities
    k = probabilities.shape[1]
    classes = np.unique(outcome.actual).astype(np.int64)
    # With a single class, the wrong row is predicted as the class after it.
    next_class = np.roll(classes, -1) if len(classes) > 1 else (classes + 1) % k
    actual = np.repeat(classes, 2)
    labels = np.stack([classes, next_class], axis=1).reshape(-1)
    order = np.argpartition(-probabilities, 1, axis=1)[:, :2]
    mean_losses = [_mean_losses(outcome, order[:, place]) for place in (0, 1)]
    return HalfRows(
        outcome=replace(outcome, actual=actual, labels=labels, probabilities=np.eye(k)[labels]),
        losses=np.tile(np.stack(mean_losses), (len(classes), 1)),
        favours=np.tile([True, False], len(classes)),
    )


def _mean_losses(outcome: EvaluatedRows, classes: NDArray[np.int64]) -> Floats:
    """Compute the mean losses (c,) of the rows if they were of these classes (n,)."""
    means: Floats = losses(replace(outcome, actual=classes)).mean(axis=0)
    return means


def _of_values(outcome: EvaluatedRows) -> HalfRows:
    row_losses = losses(outcome)
    error, far = _farther(row_losses[:, 0]), _farther(row_losses[:, 2])
    further = np.array(
        [_further(name, row_losses[:, 4 + place]) for place, name in enumerate(further_metrics(outcome))]
    ).reshape(-1, 2)
    return HalfRows(
        outcome=outcome,
        losses=np.array([[0.0, 0.0, far, far**2, *further[:, 0]], [error, error**2, 0.0, 0.0, *further[:, 1]]]),
        favours=np.array([True, False]),
    )


def _further(name: str, row_losses: Floats) -> tuple[float, float]:
    """Return the loss of the half row for the model and of the one against it, of a further metric's losses (n,)."""
    if name == "interval_coverage":
        return 1.0, 0.0
    if name == "interval_width":
        return float(row_losses.mean()), float(row_losses.mean())  # a further row has an interval like the others
    return 0.0, _farther(row_losses)


def _farther(values: Floats) -> float:
    """Return a value beyond the one (n,) that is farthest from 0."""
    farthest = values[np.abs(values).argmax()]
    if farthest == 0:
        return 0.0
    share = 1 / np.power(values / farthest, 4).sum()
    return float(farthest * (1 + _BEYOND * share))
