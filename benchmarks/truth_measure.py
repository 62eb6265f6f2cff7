"""What is true of a fitted model: its metrics, calibration and costs on fresh rows of the population."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from truth_inputs import Floats
from truth_tables import Fresh

from headrace.core.models.decision_threshold import Costs
from headrace.core.models.fitted_model import predicted_probabilities, predicted_values
from headrace.core.statistics.weighted_metrics import EvaluatedRows, metric_function

_BINS = 10


@dataclass(frozen=True)
class Known:
    """A model's predictions for fresh rows, with what is true of them.

    Attributes:
        fresh: The rows.
        predicted: Probabilities (m, k), or values (m,).
    """

    fresh: Fresh
    predicted: Floats

    @classmethod
    def of(cls, pipeline: Any, encoded: Floats, fresh: Fresh) -> "Known":
        """Predict fresh rows.

        Args:
            pipeline: A fitted pipeline.
            encoded: The matrix (m, p) of the rows.
            fresh: The rows.
        """
        if fresh.chances is None:
            return cls(fresh, predicted_values(pipeline, encoded))
        return cls(fresh, predicted_probabilities(pipeline, encoded, fresh.chances.shape[1]))

    def metrics(self, *, threshold: float = 0.5) -> dict[str, float]:
        """The true value of each metric.

        Args:
            threshold: Least probability of the second of two classes at which it is predicted.
        """
        return self._of_numbers() if self.fresh.chances is None else self._of_classes(self.fresh.chances, threshold)

    def _of_classes(self, chances: Floats, threshold: float) -> dict[str, float]:
        rows, k = chances.shape
        labels = self.predicted.argmax(axis=1)
        if k == 2:
            labels = (self.predicted[:, 1] >= threshold).astype(np.int64)
        outcome = EvaluatedRows(
            task="binary" if k == 2 else "multiclass",
            actual=np.repeat(np.arange(k), rows),
            probabilities=np.tile(self.predicted, (k, 1)),
            labels=np.tile(labels, k),
        )
        weights = (chances * self.fresh.weights[:, None]).T.reshape(1, -1)
        return {name: float(values[0]) for name, values in metric_function(outcome)(weights).items()}

    def _of_numbers(self) -> dict[str, float]:
        fresh, weights = self.fresh, self.fresh.weights
        if fresh.mean is None or fresh.variance is None or fresh.drawn is None:
            raise TypeError("fresh rows of a regression hold means, variances and draws")
        squared = float(weights @ (np.square(fresh.mean - self.predicted) + fresh.variance))
        centre = float(weights @ fresh.mean)
        spread = float(weights @ (np.square(fresh.mean - centre) + fresh.variance))
        absolute = float(weights @ np.abs(fresh.drawn - self.predicted).mean(axis=0))
        return {"mae": absolute, "rmse": float(np.sqrt(squared)), "r2": 1 - squared / spread}

    def calibration(self) -> tuple[float, float]:
        """Mean predicted minus mean actual, and the expected calibration error over ten bins of equal width.

        Of two classes the second one's probability, of more each class's, of numbers the mean alone (the error is NaN).
        Source: Naeini, Cooper and Hauskrecht 2015, Obtaining well calibrated probabilities using Bayesian binning.
        """
        weights = self.fresh.weights
        if self.fresh.mean is not None:
            return float(weights @ (self.predicted - self.fresh.mean)), float("nan")
        if self.fresh.chances is None:
            raise TypeError("fresh rows hold means or chances")
        given, actual = self.predicted[:, 1:].ravel(), self.fresh.chances[:, 1:].ravel()
        classes = self.predicted.shape[1] - 1
        each = np.repeat(weights, classes) / classes
        bins = np.minimum((given * _BINS).astype(np.int64), _BINS - 1)
        gaps = np.bincount(bins, weights=each * (given - actual), minlength=_BINS)
        return float(each @ (given - actual)), float(np.abs(gaps).sum())

    def costs(self, thresholds: Sequence[float], costs: Costs) -> list[float]:
        """Mean cost of a row at some thresholds and, last, at the best threshold of all."""
        if self.fresh.chances is None:
            raise TypeError("costs are of classes")
        order = np.argsort(self.predicted[:, 1], kind="stable")
        scores = self.predicted[order, 1]
        positive = (self.fresh.chances[:, 1] * self.fresh.weights)[order]
        negative = (self.fresh.chances[:, 0] * self.fresh.weights)[order]
        missed = np.concatenate([[0.0], positive.cumsum()])
        false = negative.sum() - np.concatenate([[0.0], negative.cumsum()])
        cost = costs.false_negative * missed + costs.false_positive * false
        possible = np.concatenate([[True], scores[1:] > scores[:-1], [True]])  # equal scores fall together
        at = np.searchsorted(scores, np.asarray(thresholds), side="left")
        return [*cost[at].tolist(), float(cost[possible].min())]
