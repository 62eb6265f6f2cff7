"""What a fitted model asks of an estimator that is fitted without a target, and the anomaly score that it answers."""

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import OutlierMixin

Floats = NDArray[np.float64]


class AnomalyEstimator(Protocol):
    """An outlier detector as scikit-learn has them; it also derives from ``sklearn.base.OutlierMixin``.

    It stands last in a family's pipeline. ``fit`` is never given a target, whatever labels there are.
    """

    def fit(self, rows: Any, y: None = None) -> Self:
        """Fit on a prepared matrix (n, q)."""

    def score_samples(self, rows: Any) -> Floats:
        """Compute how normal each row of a prepared matrix (n, q) is, (n,): finite, and lower for anomalies.

        This is scikit-learn's sense. A model answers the opposite number, its anomaly score.
        """


class ColumnContributions(Protocol):
    """An ``AnomalyEstimator`` that can say which columns make a row anomalous."""

    def explain_scores(self, rows: Any) -> Floats:
        """Compute contributions (n, q) of the prepared columns, none below 0; they add up to the anomaly scores (n,).

        For an autoencoder they are the squared errors of the reconstruction of each column.
        """


def is_anomaly_pipeline(pipeline: Any) -> bool:
    """Return whether the last step of a pipeline is an outlier detector."""
    return isinstance(pipeline[-1], OutlierMixin)


def predicted_anomaly_scores(pipeline: Any, encoded: Floats) -> Floats:
    """Compute the anomaly scores (n,) of a model matrix (n, p): higher is more anomalous."""
    if len(encoded) == 0:
        return np.empty(0)
    return -np.asarray(pipeline.score_samples(encoded), dtype=np.float64).reshape(len(encoded))
