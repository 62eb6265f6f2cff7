"""Metrics as functions of NumPy arrays; those of a weighted ranking take many weightings at once.

Definitions are scikit-learn's, and the tests compare with its functions. The bootstrap computes them thousands of
times, which is why they are written here for a matrix of weights.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]

# A probability of 0 for the actual class would cost infinitely much; it counts as the smallest float64 step below 1.
_SMALLEST = float(np.finfo(np.float64).eps)


def log_losses(actual: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Compute the log loss (n,) of each row: minus the natural logarithm of the probability of its class.

    Args:
        actual: Class indices (n,).
        probabilities: Probabilities (n, k); rows need not add up to 1.
    """
    of_actual = probabilities[np.arange(len(actual)), actual] / probabilities.sum(axis=1)
    return np.asarray(-np.log(np.clip(of_actual, _SMALLEST, 1.0)))


def brier_losses(actual: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Compute the squared error (n,) of the probabilities of each row.

    With two classes it is that of one class (0 to 1: half of Brier 1950, as is usual), with more the sum over classes.

    Args:
        actual: Class indices (n,).
        probabilities: Probabilities (n, k).
    """
    wrong = probabilities.copy()
    wrong[np.arange(len(actual)), actual] -= 1.0
    losses = np.square(wrong).sum(axis=1)
    return np.asarray(losses / 2 if probabilities.shape[1] == 2 else losses)


def squared_errors(actual: Floats, predicted: Floats) -> Floats:
    """Compute the squared error (n,) of each row, in the target's unit squared, from two arrays (n,)."""
    return np.square(actual - predicted)


def pinball_losses(actual: Floats, predicted: Floats, share: float) -> Floats:
    """Compute the pinball loss (n,) of each row (Koenker and Bassett 1978), from two arrays (n,).

    Args:
        actual: Actual values (n,).
        predicted: Predicted quantiles (n,).
        share: Share of the actual values that should be below the prediction.
    """
    errors = actual - predicted
    return np.maximum(share * errors, (share - 1) * errors)


def poisson_deviances(actual: Floats, predicted: Floats) -> Floats:
    """Compute the Poisson deviance (n,) of each row.

    Args:
        actual: Counts (n,).
        predicted: Predicted means (n,), above 0.
    """
    means = np.maximum(predicted, _SMALLEST)
    logs = actual * np.log(np.where(actual > 0, actual / means, 1.0))
    return np.asarray(2 * (logs - actual + means))


def ranked_probability_scores(actual: NDArray[np.int64], probabilities: Floats) -> Floats:
    """Compute the ranked probability score (n,) of each row (Epstein 1969), 0 for the best to 1 for the worst.

    Args:
        actual: Indices (n,) of classes in their order.
        probabilities: Probabilities (n, k) in the same order.
    """
    classes = probabilities.shape[1]
    at_most = np.cumsum(probabilities, axis=1)[:, :-1]
    was_at_most = np.arange(classes - 1) >= actual[:, np.newaxis]
    return np.asarray(np.square(at_most - was_at_most).mean(axis=1))


def quadratic_kappa(counts: Floats) -> Floats:
    """Compute Cohen's kappa with quadratic weights (Cohen 1968), (b,), from b confusion matrices (b, k, k)."""
    k = counts.shape[1]
    places = np.arange(k)
    distance = np.square(places[:, np.newaxis] - places).astype(np.float64)
    total = counts.sum(axis=(1, 2))
    by_chance = np.einsum("bi,bj,ij->b", counts.sum(axis=2), counts.sum(axis=1), distance)
    return 1.0 - _ratio((counts * distance).sum(axis=(1, 2)) * total, by_chance)


@dataclass(frozen=True)
class Ranking:
    """Positive and negative rows in order of falling score; made once, then used for any weights.

    Attributes:
        positives: Indices (n1,) of the positive rows by falling score.
        negatives: Indices (n0,) of the negative rows by falling score.
        above: For each positive row (n1,), the number of negative rows with a higher score.
        level: For each positive row (n1,), the number of negative rows with its score or a higher one.
        recalled: For each positive row (n1,), the number of positive rows with its score or a higher one.
    """

    positives: Indices
    negatives: Indices
    above: Indices
    level: Indices
    recalled: Indices

    @classmethod
    def of(cls, positive: Flags, scores: Floats) -> "Ranking":
        """Rank n rows.

        Args:
            positive: Flags (n,) of the positive rows.
            scores: Scores (n,), higher for more probably positive.
        """
        order = np.argsort(-scores, kind="stable")
        positives, negatives = order[positive[order]], order[~positive[order]]
        ours, theirs = -scores[positives], -scores[negatives]
        return cls(
            positives=positives,
            negatives=negatives,
            above=np.searchsorted(theirs, ours, side="left"),
            level=np.searchsorted(theirs, ours, side="right"),
            recalled=np.searchsorted(ours, ours, side="right"),
        )


def areas(ranking: Ranking, weights: Floats) -> tuple[Floats, Floats]:
    """Compute areas under the ROC and the precision-recall curve for b weightings.

    The first counts ties half (Mann and Whitney 1947), the second is summed in steps (average precision).

    Args:
        ranking: The n rows.
        weights: Matrix (b, n) of row weights.

    Returns:
        Two vectors (b,); NaN where no positive row, or for the first no negative row, has weight.
    """
    ours = weights[:, ranking.positives]
    false = np.zeros((len(weights), len(ranking.negatives) + 1))
    np.cumsum(weights[:, ranking.negatives], axis=1, out=false[:, 1:])
    true = np.zeros((len(weights), len(ranking.positives) + 1))
    np.cumsum(ours, axis=1, out=true[:, 1:])
    level = false[:, ranking.level]
    above = 0.5 * (false[:, ranking.above] + level)
    roc = _ratio((ours * (false[:, -1:] - above)).sum(axis=1), true[:, -1] * false[:, -1])
    recalled = true[:, ranking.recalled]
    precision = _ratio(recalled, recalled + level, nothing=0.0)
    return roc, _ratio((ours * precision).sum(axis=1), true[:, -1])


def roc_auc(positive: Flags, scores: Floats) -> float:
    """Compute the area under the ROC curve of n rows; NaN if all are of one class.

    Args:
        positive: Flags (n,) of the positive rows.
        scores: Scores (n,), higher for more probably positive.
    """
    return float(areas(Ranking.of(positive, scores), np.ones((1, len(scores))))[0][0])


def from_confusion(counts: Floats, *, positive: int | None) -> dict[str, Floats]:
    """Compute metrics of labels from b confusion matrices.

    Args:
        counts: Array (b, k, k), actual class by predicted class.
        positive: Index of the positive class (binary); None for the mean over classes that occur (macro average).

    Returns:
        ``accuracy``, ``precision``, ``recall`` and ``f1``, each (b,). A ratio 0/0 is 0, but the binary
        precision of a model that predicts no row positive is not defined: NaN.
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
        parts["precision"] = _ratio(right, predicted)
        return result | {name: values[:, positive] for name, values in parts.items()}
    occurs = (actual + predicted) > 0
    return result | {name: (values * occurs).sum(axis=1) / occurs.sum(axis=1) for name, values in parts.items()}


def _ratio(above: Floats, below: Floats, *, nothing: float = float("nan")) -> Floats:
    return np.divide(above, below, out=np.full_like(above, nothing, dtype=np.float64), where=below > 0)
