"""Estimators whose trees a boosting library grows, and which are nothing but trees once they are fitted.

The library is the trainer only. What it has grown is kept as arrays, predicts in float64 by scikit-learn's own code for
boosted trees, and needs no library where it is loaded.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from scipy.special import expit, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from headrace.core.models.boosting import lightgbm_trees, xgboost_trees
from headrace.core.models.boosting.tree_nodes import Floats, GrownTrees, WatchedRows, build_predictor

_TRAINERS: dict[str, Callable[..., GrownTrees]] = {
    "lightgbm": lightgbm_trees.grow_trees,
    "xgboost": xgboost_trees.grow_trees,
}
# All categories count as known, so that none is taken for missing: the encoder before has made NaN of those.
_KNOWN = np.full((1, 8), 0xFFFFFFFF, dtype=np.uint32)


def _make_watched_rows(rows: Any, target: Any, patience: int, check: Callable[[], None]) -> WatchedRows | None:
    return (
        None if rows is None else WatchedRows(np.asarray(rows, dtype=np.float64), np.asarray(target), patience, check)
    )


class _BoostedTrees(BaseEstimator):
    """What both kinds share.

    Args:
        library: What grows the trees, ``lightgbm`` or ``xgboost``.
        parameters: The library's own hyperparameters.
        n_estimators: Number of rounds.
        categories: Columns of categories, which are whole numbers below 256 or NaN.
        random_state: Seed, 0 to 2**32 - 1.
    """

    def __init__(
        self,
        library: str = "lightgbm",
        parameters: Mapping[str, Any] | None = None,
        n_estimators: int = 100,
        categories: tuple[int, ...] = (),
        random_state: int = 0,
    ) -> None:
        self.library = library
        self.parameters = parameters
        self.n_estimators = n_estimators
        self.categories = categories
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        """Say that NaN is a value."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _grow(self, matrix: Floats, target: Any, classes: int, weights: Any, watched: WatchedRows | None) -> None:
        grown = _TRAINERS[self.library](
            matrix,
            target,
            classes=classes,
            categories=self.categories,
            parameters={**(self.parameters or {}), "n_estimators": self.n_estimators},
            seed=self.random_state % (2**31 - 1),
            weights=None if weights is None else np.asarray(weights, dtype=np.float64),
            watched=watched,
        )
        if watched is not None:
            self.validation_losses_ = grown.losses
        self._predictors = [[build_predictor(tree) for tree in trees] for trees in grown.rounds]
        self._baseline_prediction = grown.baseline
        self.single_precision_ = int(grown.single_precision)
        self.library_version_ = grown.library_version

    def _sums(self, matrix: Any) -> Floats:
        """Return the sums (n, k) of leaves and baseline for a matrix (n, p)."""
        check_is_fitted(self)
        rows = validate_data(self, matrix, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        if self.single_precision_:
            rows = rows.astype(np.float32).astype(np.float64)
        rows = np.ascontiguousarray(rows)
        sums = np.zeros((len(rows), len(self._baseline_prediction)))
        features = np.zeros(self.n_features_in_, dtype=np.uint32)
        for trees in self._predictors:
            for place, tree in enumerate(trees):
                sums[:, place] += tree.predict(rows, _KNOWN, features, 1)
        return sums + self._baseline_prediction


class BoostedTreesClassifier(ClassifierMixin, _BoostedTrees):
    """Boosted trees for classes; fit, predict and predict_proba as scikit-learn has them."""

    def fit(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        y: Any,
        watched_rows: Any = None,
        watched_target: Any = None,
        patience: int = 0,
        check: Callable[[], None] = lambda: None,
        row_weights: Any = None,
    ) -> Self:
        """Grow trees for a matrix (n, p), classes (n,) and weights (n,) of the rows.

        Given other rows, the trees are complete when the loss on these has not improved for ``patience`` rounds; the
        loss after each round is ``validation_losses_``.
        """
        matrix, labels = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(labels)
        self.classes_, target = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"{type(self).__name__} must be fitted on at least two classes; got one class only.")
        places = None if watched_target is None else np.searchsorted(self.classes_, watched_target)
        watched = _make_watched_rows(watched_rows, places, patience, check)
        self._grow(matrix, target, len(self.classes_), row_weights, watched)
        return self

    def decision_function(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """Return log-odds (n,) of the second of two classes, or a score (n, k) for each class."""
        sums = self._sums(X)
        return sums[:, 0] if sums.shape[1] == 1 else sums

    def predict_proba(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """Return probabilities (n, k)."""
        sums = self._sums(X)
        found: Floats = expit(sums * np.array([[-1.0, 1.0]])) if sums.shape[1] == 1 else softmax(sums, axis=1)
        return found

    def predict(self, X: Any) -> Any:  # noqa: N803 - scikit-learn's name
        """Return the class (n,) of the largest probability."""
        places = self.predict_proba(X).argmax(axis=1)
        return self.classes_[places]


class BoostedTreesRegressor(RegressorMixin, _BoostedTrees):
    """Boosted trees for numbers; fit and predict as scikit-learn has them."""

    def fit(
        self,
        X: Any,  # noqa: N803 - scikit-learn's name
        y: Any,
        watched_rows: Any = None,
        watched_target: Any = None,
        patience: int = 0,
        check: Callable[[], None] = lambda: None,
        row_weights: Any = None,
    ) -> Self:
        """Grow trees for a matrix (n, p), numbers (n,) and weights (n,); see ``BoostedTreesClassifier.fit``."""
        matrix, target = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan", y_numeric=True)
        watched = _make_watched_rows(watched_rows, watched_target, patience, check)
        self._grow(matrix, np.asarray(target, dtype=np.float64), 0, row_weights, watched)
        return self

    def predict(self, X: Any) -> Floats:  # noqa: N803 - scikit-learn's name
        """Return values (n,)."""
        values: Floats = self._sums(X)[:, 0]
        return np.exp(values) if self.predicts_counts else values

    @property
    def predicts_counts(self) -> bool:
        """Whether the sums are logarithms of the mean of a count."""
        return str((self.parameters or {}).get("objective", "")).endswith("poisson")
