"""Estimators of H2O that are fitted without a target, and that score by their MOJO how unusual a row is."""

import functools
from typing import Any

from sklearn.base import OutlierMixin
from sklearn.utils.metaestimators import available_if

from headrace.core.base.errors import InternalError
from headrace.core.features.model_matrix import Matrix
from headrace.core.models.h2o.h2o_estimator import Floats, H2OEstimator, MojoEstimator
from headrace.core.mojo.autoencoder import Autoencoder, read_autoencoder


def _has_network(estimator: Any) -> bool:
    return estimator.network is not None


class MojoAnomalyEstimator(OutlierMixin, MojoEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """A fitted isolation forest or autoencoder of H2O.

    Its anomaly score is H2O's own: of a forest the normalised score, of an autoencoder the mean squared error of the
    reconstruction, both higher for more unusual rows.
    """

    def score_samples(self, matrix: Matrix) -> Floats:
        """Compute the opposite of the anomaly scores (n,) of a matrix (n, p), in scikit-learn's sense."""
        return -self.predict(matrix)

    @available_if(_has_network)  # type: ignore[untyped-decorator]
    def explain_scores(self, matrix: Matrix) -> Floats:
        """Compute what each column of a matrix (n, p) adds to the anomaly scores, (n, p); only of an autoencoder."""
        if self.network is None:
            raise InternalError("an autoencoder with such an activation has no contributions; ask before.")
        return self.network.column_errors(matrix)

    @functools.cached_property
    def network(self) -> Autoencoder | None:
        """The network of an autoencoder whose contributions can be computed; None for others."""
        return read_autoencoder(self.mojo_, self.description_)


class H2OAnomalyEstimator(MojoAnomalyEstimator, H2OEstimator):
    """A model without a target that H2O fits."""
