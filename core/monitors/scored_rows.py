"""Predictions without actual values: what a model answered."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.vocabulary import Task
from headrace.core.statistics.weighted_metrics import EvaluatedRows

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class RowPredictions:
    """Predictions for n rows.

    Attributes:
        task: Kind of task.
        probabilities: Class probabilities (n, k); None for a regression.
        labels: Predicted class indices (n,); None for a regression.
        values: Predicted numbers (n,); None for a classification.
        positive: Index of the positive class (binary).
    """

    task: Task
    probabilities: Floats | None = None
    labels: NDArray[np.int64] | None = None
    values: Floats | None = None
    positive: int = 1

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.scores)

    @classmethod
    def of(cls, outcome: EvaluatedRows) -> "RowPredictions":
        """Return the predictions of evaluated rows."""
        return cls(outcome.task, outcome.probabilities, outcome.labels, outcome.values, outcome.positive)

    @property
    def scores(self) -> Floats:
        """One number (n,) for each row: the positive class's probability, the largest one, or the predicted value."""
        if self.values is not None:
            return self.values
        if self.probabilities is None:
            raise TypeError("predictions are values, or probabilities and labels")
        binary = self.task == "binary"
        return np.asarray(self.probabilities[:, self.positive] if binary else self.probabilities.max(axis=1))

    def take(self, rows: NDArray[np.int64]) -> "RowPredictions":
        """Return the predictions for the rows with these indices (m,)."""
        return RowPredictions(
            self.task,
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            labels=None if self.labels is None else self.labels[rows],
            values=None if self.values is None else self.values[rows],
            positive=self.positive,
        )

    def with_each_class(self) -> EvaluatedRows:
        """Return a classification's rows k times, first as if all were of the first class, and so on: (k n) rows."""
        if self.probabilities is None or self.labels is None:
            raise TypeError("only a classification has classes")
        rows, classes = self.probabilities.shape
        return EvaluatedRows(
            task=self.task,
            actual=np.repeat(np.arange(classes), rows),
            probabilities=np.tile(self.probabilities, (classes, 1)),
            labels=np.tile(self.labels, classes),
            positive=self.positive,
        )
