"""Estimators whose prediction is the weighted mean of their members' predictions."""

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

Floats = NDArray[np.float64]


class Ensemble(BaseEstimator):
    """What both kinds share.

    Args:
        members: Unfitted pipelines, each with its own preparation of the matrix.
        weights: Weight of each, above 0; together 1.
    """

    members_: list[Any]
    n_features_in_: int

    def __init__(self, members: Sequence[Any] = (), weights: Sequence[float] = ()) -> None:
        self.members = members
        self.weights = weights

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is a value if each member takes it."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = all(one.__sklearn_tags__().input_tags.allow_nan for one in self.members)
        return tags

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit each member on a matrix (n, p) and a target (n,)."""
        matrix, target = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        self._check_target(target)
        return self.take([clone(one).fit(matrix, target) for one in self.members], width=matrix.shape[1])

    def take(self, fitted: Sequence[Any], *, width: int) -> Self:
        """Take members that were fitted elsewhere, all on the same rows.

        Args:
            fitted: The fitted pipelines, in the order of ``members``.
            width: Number of columns of the matrix.
        """
        if len(fitted) != len(self.weights) or not len(fitted):
            raise ValueError(f"an ensemble must have a weight for each member; got {len(self.weights)} weights.")
        self.members_, self.n_features_in_ = list(fitted), width
        return self

    def _check_target(self, target: Any) -> None:
        """Raise if the target cannot be predicted."""

    def _mean(self, predictions: Sequence[Floats]) -> Floats:
        """Return the weighted mean, added in the order of the members: the same sum as ONNX computes."""
        first, *others = (float(w) * one for w, one in zip(self.weights, predictions, strict=True))
        total: Floats = first
        for one in others:
            total = total + one
        return total

    def _matrix(self, X: Any) -> Floats:  # noqa: N803 - as above
        check_is_fitted(self)
        matrix: Floats = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        return matrix


class EnsembleClassifier(ClassifierMixin, Ensemble):
    """The weighted mean of probabilities; fit, predict and predict_proba as scikit-learn has them."""

    def take(self, fitted: Sequence[Any], *, width: int) -> Self:
        """Take members that were fitted elsewhere; their classes are those of the ensemble."""
        super().take(fitted, width=width)
        self.classes_ = np.asarray(fitted[0].classes_)
        if any(not np.array_equal(one.classes_, self.classes_) for one in fitted):
            raise ValueError("the members of an ensemble must be fitted on the same classes; these are not.")
        return self

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """Return probabilities (n, k)."""
        matrix = self._matrix(X)
        return self._mean([np.asarray(one.predict_proba(matrix), dtype=np.float64) for one in self.members_])

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return the class (n,) of the largest probability."""
        places = self.predict_proba(X).argmax(axis=1)
        return self.classes_[places]

    def _check_target(self, target: Any) -> None:
        check_classification_targets(target)
        if len(np.unique(target)) < 2:
            raise ValueError(f"{type(self).__name__} must be fitted on at least two classes; got one class only.")


class EnsembleRegressor(RegressorMixin, Ensemble):
    """The weighted mean of values; fit and predict as scikit-learn has them."""

    def predict(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """Return values (n,)."""
        matrix = self._matrix(X)
        return self._mean([np.asarray(one.predict(matrix), dtype=np.float64).reshape(-1) for one in self.members_])


def iterate_parts(pipeline: Any) -> Iterator[Any]:
    """Iterate over the fitted pipelines of which a model consists: an ensemble's members, or the pipeline itself."""
    estimator = pipeline[-1]
    if isinstance(estimator, Ensemble):
        for member in estimator.members_:
            yield from iterate_parts(member)
    else:
        yield pipeline
