"""All metrics of a set of predictions, for the rows as they are or for many weightings of them at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core import metrics
from headrace.core.contract import Task
from headrace.core.metrics import Floats, Ranking

Measure = Callable[[Floats], dict[str, Floats]]


@dataclass(frozen=True)
class Outcome:
    """What was predicted for n rows, and what was the case.

    Attributes:
        task: What was predicted.
        actual: Class indices (n,), or numbers (n,).
        probabilities: Matrix (n, k); None for a regression.
        labels: Predicted class indices (n,); None for a regression.
        values: Predicted numbers (n,); None for a classification.
        positive: Index of the positive class (binary).
    """

    task: Task
    actual: NDArray[np.int64] | Floats
    probabilities: Floats | None = None
    labels: NDArray[np.int64] | None = None
    values: Floats | None = None
    positive: int = 1

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.actual)

    def take(self, rows: NDArray[np.int64]) -> "Outcome":
        """The outcome for some rows only."""
        return Outcome(
            task=self.task,
            actual=self.actual[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            labels=None if self.labels is None else self.labels[rows],
            values=None if self.values is None else self.values[rows],
            positive=self.positive,
        )


def measure(outcome: Outcome) -> dict[str, float]:
    """All metrics of the task; NaN for one that these rows do not define."""
    ones = np.ones((1, len(outcome)))
    return {name: float(values[0]) for name, values in measurer(outcome)(ones).items()}


def measurer(outcome: Outcome) -> Measure:
    """A function from weights (b, n) to the b values of each metric; what can be computed once is."""
    if outcome.values is not None:
        return _of_values(np.asarray(outcome.actual, dtype=np.float64), outcome.values)
    if outcome.probabilities is None or outcome.labels is None:
        raise TypeError("an outcome holds values, or probabilities and labels")
    actual = np.asarray(outcome.actual, dtype=np.int64)
    return _of_classes(outcome, actual, outcome.probabilities, outcome.labels)


def _of_classes(
    outcome: Outcome, actual: NDArray[np.int64], probabilities: Floats, labels: NDArray[np.int64]
) -> Measure:
    k = probabilities.shape[1]
    binary = outcome.task == "binary"
    cells = actual * k + labels
    losses = np.stack([metrics.log_losses(actual, probabilities), metrics.brier_losses(actual, probabilities)], axis=1)
    ranked = [outcome.positive] if binary else [c for c in range(k) if (actual == c).any()]
    rankings = [Ranking.of(actual == c, probabilities[:, c]) for c in ranked]

    def compute(weights: Floats) -> dict[str, Floats]:
        counts = [np.bincount(cells, weights=row, minlength=k * k) for row in weights]
        confusion = np.stack(counts).astype(np.float64).reshape(-1, k, k)
        mean_losses = (weights @ losses) / weights.sum(axis=1, keepdims=True)
        pairs = [metrics.areas(ranking, weights) for ranking in rankings]
        return metrics.from_confusion(confusion, positive=outcome.positive if binary else None) | {
            "roc_auc": _mean_of_defined(np.array([roc for roc, _ in pairs])),
            "pr_auc": _mean_of_defined(np.array([precision for _, precision in pairs])),
            "log_loss": mean_losses[:, 0],
            "brier": mean_losses[:, 1],
        }

    return compute


def _mean_of_defined(values: Floats) -> Floats:
    """Mean over the classes (k, b) of those that a weighting defines; a rare class is in few resamples."""
    defined = np.isfinite(values)
    total, count = np.where(defined, values, 0.0).sum(axis=0), defined.sum(axis=0)
    means: Floats = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return means


def _of_values(actual: Floats, predicted: Floats) -> Measure:
    # Squares of large numbers that lie close together would lose all digits: measured from the mean instead.
    centred = actual - actual.mean()
    errors = actual - predicted
    columns = np.stack([np.abs(errors), np.square(errors), centred, np.square(centred)], axis=1)

    def compute(weights: Floats) -> dict[str, Floats]:
        means = (weights @ columns) / weights.sum(axis=1, keepdims=True)
        variance = means[:, 3] - np.square(means[:, 2])
        r2 = np.full(len(means), np.nan)
        spread = variance > 1e-12 * np.square(centred).max(initial=0.0)
        np.divide(means[:, 1], variance, out=r2, where=spread)
        return {"mae": means[:, 0], "rmse": np.sqrt(means[:, 1]), "r2": 1.0 - r2}

    return compute
