"""Metrics as plain functions of NumPy arrays; those of a weighted ranking take many weightings at once.

Definitions are scikit-learn's (its functions are what the tests compare with); the bootstrap needs them a thousand
times over, which is why they are written here for a matrix of weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.contract import Task

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

HIGHER_IS_BETTER = {
    "accuracy": True,
    "precision": True,
    "recall": True,
    "f1": True,
    "roc_auc": True,
    "pr_auc": True,
    "log_loss": False,
    "brier": False,
    "mae": False,
    "rmse": False,
    "r2": True,
}
MAIN: dict[Task, str] = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}

# A probability of 0 for what happened would cost infinitely much; it counts as the smallest float64 step below 1.
_SMALLEST = float(np.finfo(np.float64).eps)


def log_losses(actual: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Log loss of each of n rows: minus the natural logarithm of the probability of its class."""
    given = probabilities[np.arange(len(actual)), actual] / probabilities.sum(axis=1)
    return -np.log(np.clip(given, _SMALLEST, 1.0))


def brier_losses(actual: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Squared error of the probabilities of each of n rows.

    With two classes that of one class (0 to 1: half of Brier 1950, as is usual), with more the sum over classes.
    """
    wrong = probabilities.copy()
    wrong[np.arange(len(actual)), actual] -= 1.0
    losses = np.square(wrong).sum(axis=1)
    return np.asarray(losses / 2 if probabilities.shape[1] == 2 else losses)


def squared_errors(actual: Floats, predicted: Floats) -> Floats:
    """Squared error of each of n rows."""
    return np.square(actual - predicted)


@dataclass(frozen=True)
class Ranking:
    """Rows in order of falling score, with ties marked; made once, then used for any weights.

    Attributes:
        order: Indices of the n rows by falling score.
        positive: Which rows are positive, in that order.
        starts: Where each group of equal scores starts, in that order.
    """

    order: NDArray[np.int64]
    positive: Flags
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, positive: Flags, scores: Floats) -> "Ranking":
        """Rank n rows.

        Args:
            positive: Which rows are positive.
            scores: Their scores, higher for more probably positive.
        """
        order = np.argsort(-scores, kind="stable")
        ordered = scores[order]
        changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
        return cls(order=order, positive=positive[order], starts=np.concatenate([[0], changes]))

    def grouped(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of the positive and of the negative rows of each group of ties.

        Args:
            weights: Matrix (b, n) of row weights.

        Returns:
            Two matrices (b, groups).
        """
        ordered = weights[:, self.order]
        total = np.add.reduceat(ordered, self.starts, axis=1)
        positives = np.add.reduceat(ordered * self.positive, self.starts, axis=1)
        return positives, total - positives


def roc_aucs(positives: Floats, negatives: Floats) -> Floats:
    """Area under the ROC curve for b weightings, ties counted half (Mann and Whitney 1947).

    Args:
        positives: Weights (b, groups) of positive rows by falling score.
        negatives: Those of negative rows.

    Returns:
        Vector (b,); NaN where there are no positive or no negative rows.
    """
    above = np.cumsum(positives, axis=1) - positives
    pairs = ((above + 0.5 * positives) * negatives).sum(axis=1)
    return _ratio(pairs, positives.sum(axis=1) * negatives.sum(axis=1))


def average_precisions(positives: Floats, negatives: Floats) -> Floats:
    """Average precision, the area under the precision-recall curve in steps, for b weightings.

    Args:
        positives: Weights (b, groups) of positive rows by falling score.
        negatives: Those of negative rows.

    Returns:
        Vector (b,); NaN where there are no positive rows.
    """
    found = np.cumsum(positives, axis=1)
    taken = found + np.cumsum(negatives, axis=1)
    precision = np.divide(found, taken, out=np.zeros_like(found), where=taken > 0)
    return _ratio((positives * precision).sum(axis=1), found[:, -1])


def roc_auc(positive: Flags, scores: Floats) -> float:
    """Area under the ROC curve of n rows; NaN if all are of one class."""
    return float(roc_aucs(*Ranking.of(positive, scores).grouped(np.ones((1, len(scores)))))[0])


def from_confusion(counts: Floats, *, positive: int | None) -> dict[str, Floats]:
    """Metrics of labels from b confusion matrices.

    Args:
        counts: Array (b, k, k), actual class by predicted class.
        positive: Index of the positive class (binary); None for the mean over classes that occur (macro average).

    Returns:
        ``accuracy``, ``precision``, ``recall`` and ``f1``, each (b,); a ratio of nothing by nothing is 0.
    """
    right = np.diagonal(counts, axis1=1, axis2=2)
    actual, predicted = counts.sum(axis=2), counts.sum(axis=1)
    parts = {
        "precision": _ratio(right, predicted, nothing=0.0),
        "recall": _ratio(right, actual, nothing=0.0),
        "f1": _ratio(2 * right, actual + predicted, nothing=0.0),
    }
    result = {"accuracy": _ratio(right.sum(axis=1), counts.sum(axis=(1, 2)))}
    if positive is not None:
        return result | {name: values[:, positive] for name, values in parts.items()}
    occurs = (actual + predicted) > 0
    return result | {name: (values * occurs).sum(axis=1) / occurs.sum(axis=1) for name, values in parts.items()}


def _ratio(above: Floats, below: Floats, *, nothing: float = float("nan")) -> Floats:
    return np.divide(above, below, out=np.full_like(above, nothing, dtype=np.float64), where=below > 0)
