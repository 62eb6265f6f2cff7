"""What makes a row anomalous: contributions of the prepared columns to an anomaly score.

An estimator that is a sum over columns says so itself (``ColumnContributions``): parts of a squared distance, or errors
of a reconstruction. The score of an isolation forest is 2 to the power of minus a mean path length, relative to that of
a sample: its logarithm is a mean over trees, whose Shapley values are exact.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

Floats = NDArray[np.float64]

LOGARITHM, SCORE = "log2-score", "score"


@dataclass(frozen=True)
class ScoreContributions:
    """Contributions to the scores of n rows, named as those of shap.

    Attributes:
        values: Contributions (n, q) of the prepared columns.
        base_values: Score (n,) without them.
    """

    values: Floats
    base_values: Floats


class ScoreExplainer:
    """Explains the scores of an estimator that is fitted without a target."""

    def __init__(self, estimator: Any, trees: Any = None) -> None:
        """Prepare to explain.

        Args:
            estimator: The estimator.
            trees: shap's explainer of it, if it is an isolation forest.
        """
        self._estimator, self._trees = estimator, trees

    @property
    def scale(self) -> str:
        """Scale of the contributions: ``score``, or ``log2-score`` for the binary logarithm of the score."""
        return SCORE if self._trees is None else LOGARITHM

    def __call__(self, prepared: Floats) -> ScoreContributions:
        """Explain prepared rows (n, q)."""
        if self._trees is None:
            return ScoreContributions(self._estimator.explain_scores(prepared), np.zeros(len(prepared)))
        found = self._trees(prepared, check_additivity=False)
        # A long path is the opposite of an anomaly.
        whole = -mean_path_length(int(self._estimator._max_samples))  # noqa: SLF001 - scikit-learn has no other name
        base = np.broadcast_to(np.asarray(found.base_values, dtype=np.float64).reshape(-1), len(prepared))
        return ScoreContributions(np.asarray(found.values, dtype=np.float64) / whole, base / whole)

    def scores(self, prepared: Floats) -> Floats:
        """Compute the scores (n, 1) of prepared rows (n, q), on the scale of the contributions."""
        scores: Floats = -np.asarray(self._estimator.score_samples(prepared), dtype=np.float64).reshape(-1, 1)
        return scores if self._trees is None else np.log2(scores)


def is_isolation_forest(estimator: Any) -> bool:
    """Return whether an estimator is an isolation forest that can be explained: one of more than one row."""
    return isinstance(estimator, IsolationForest) and int(estimator._max_samples) > 1  # noqa: SLF001 - as above


def mean_path_length(rows: int) -> float:
    """Return the mean path length of an unsuccessful search among rows (Liu, Ting and Zhou 2008, equation 1)."""
    if rows <= 2:
        return float(rows - 1)
    return float(2.0 * (np.log(rows - 1.0) + np.euler_gamma) - 2.0 * (rows - 1.0) / rows)
