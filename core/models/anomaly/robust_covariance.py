"""The distance from the bulk of the rows, in units of its robust covariance."""

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.covariance import fast_mcd
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = NDArray[np.float64]

_FEWEST_ROWS = 2


class RobustCovariance(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Squared Mahalanobis distance from a robust centre (minimum covariance determinant, Rousseeuw 1984).

    The covariance is shrunk towards a diagonal of the columns' own variances, so that columns which depend on one
    another, such as those of one category, have a distance too.

    Args:
        support_fraction: Share of the rows, the most central ones, that centre and covariance are computed from.
        shrinkage: Weight of the diagonal, above 0 to 1.
        contamination: Share of the training rows that ``predict`` calls outliers.
        random_state: Seed of the search for the most central rows.

    Attributes:
        location_: Centre (q,).
        precision_: Inverse (q, q) of the shrunk covariance.
        whitening_: Matrix (q, q) whose product with a centred row has squares that add up to its distance, each as near
            as possible to one column (Garthwaite and Koch 2016, Evaluating the contributions of individual variables to
            a quadratic form, section 3).
        offset_: Score of scikit-learn's sense below which ``predict`` calls a row an outlier.
    """

    def __init__(
        self,
        *,
        support_fraction: float = 0.75,
        shrinkage: float = 0.01,
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        """Set the parameters."""
        self.support_fraction = support_fraction
        self.shrinkage = shrinkage
        self.contamination = contamination
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002, N803 - scikit-learn's names
        """Fit on a matrix (n, q)."""
        rows = validate_data(self, X, dtype=np.float64, ensure_min_samples=_FEWEST_ROWS)
        spread = rows.std(axis=0)
        self.location_, covariance = _central(rows, self.support_fraction, self.random_state)
        # The bulk may agree on a column that varies in the table: its own variance is then the unit of the distance.
        own = np.where(np.diag(covariance) > 0, np.diag(covariance), np.square(spread))
        own = np.where(own > 0, own, 1.0)
        shrunk = (1 - self.shrinkage) * covariance + self.shrinkage * np.diag(own)
        unit = np.sqrt(np.diag(shrunk))
        values, vectors = np.linalg.eigh(shrunk / np.outer(unit, unit))
        values = np.maximum(values, np.finfo(np.float64).eps * values.max())
        self.whitening_ = (vectors / np.sqrt(values)) @ vectors.T / unit
        self.precision_ = self.whitening_.T @ self.whitening_
        self.offset_ = float(np.quantile(self.score_samples(rows), self.contamination))
        return self

    def explain_scores(self, X: Any) -> Floats:  # noqa: N803 - as above
        """Compute the contributions (n, q) of the columns to the distances (n,) that they add up to; none below 0."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        whitened: Floats = np.square((rows - self.location_) @ self.whitening_.T)
        return whitened

    def score_samples(self, X: Any) -> Floats:  # noqa: N803 - as above
        """Compute the opposite of the squared distance (n,) of each row."""
        distances: Floats = self.explain_scores(X).sum(axis=1)
        return -distances

    def decision_function(self, X: Any) -> Floats:  # noqa: N803 - as above
        """Compute the score above the offset (n,): below 0 for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> NDArray[np.int64]:  # noqa: N803 - as above
        """Return 1 for a row like the others, -1 for an outlier (n,)."""
        return np.where(self.decision_function(X) >= 0, 1, -1)


def _central(rows: Floats, share: float, seed: int | None) -> tuple[Floats, Floats]:
    """Return mean (q,) and covariance (q, q) of the most central rows; of all rows if they are too few to choose."""
    count, width = rows.shape
    if share >= 1 or int(share * count) <= width + 1:
        return rows.mean(axis=0), np.cov(rows, rowvar=False, bias=True).reshape(width, width)
    location, covariance, *_ = fast_mcd(rows, support_fraction=share, random_state=seed)
    return location, np.asarray(covariance, dtype=np.float64)
