"""Class weights in a fit, taken out of the probabilities again.

A model that is fitted with weights w estimates probabilities proportional to w p. Dividing by w gives p back (Elkan
2001, The foundations of cost-sensitive learning, theorem 2): the weights change where the model looks, not what it
promises. The division is done once, in the fitted estimator: the bias of a linear model, of a network or of boosting,
the prior of naive Bayes, the leaves of a forest. So no server and no export knows of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter

from headrace.core.base.errors import InternalError
from headrace.core.contracts.aims import BALANCED
from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.features.model_matrix import Target

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ClassWeights:
    """Weights of k classes.

    Attributes:
        weights: Weights (k,) in the order of ``matrix_layout.classes``; None for balanced ones: each class that occurs
            counts as much as any other.
    """

    weights: tuple[float, ...] | None

    @classmethod
    def of(cls, contract: Contract) -> "ClassWeights | None":
        """Return the weights that a contract asks for; None if it asks for none."""
        requested = contract.class_weights
        if not requested:
            return None
        if isinstance(requested, Mapping):
            return cls(tuple(float(requested.get(name, 1.0)) for name in matrix_layout.classes(contract)))
        if requested != BALANCED:
            raise InternalError(f"class weights must be {BALANCED}, or by class; got {requested!r}.")
        return cls(None)

    def by_class(self, target: Target) -> Floats:
        """Return the weights (k,) for the rows of a target (n,), scaled to a mean of 1 over the rows."""
        counts = np.bincount(target.astype(np.int64), minlength=len(self.weights or ())).astype(np.float64)
        raw = 1.0 / np.maximum(counts, 1.0) if self.weights is None else np.asarray(self.weights)
        scaled: Floats = raw * counts.sum() / (raw * counts).sum()
        return scaled


def fit_weighted(pipeline: Any, encoded: Any, target: Target, weights: ClassWeights) -> None:
    """Fit a pipeline in place with class weights, and take them out of its probabilities.

    Args:
        pipeline: Unfitted pipeline of a family that can take weights.
        encoded: Model matrix (n, p).
        target: Class indices (n,).
        weights: The weights.
    """
    by_class = weights.by_class(target)
    # LightGBM's least rows of a leaf count rows, not weights: our own trees do not call theirs scikit-learn's weights.
    name = "row_weights" if has_fit_parameter(pipeline[-1], "row_weights") else "sample_weight"
    pipeline.fit(encoded, target, **{f"estimator__{name}": by_class[target.astype(np.int64)]})
    _remove_weights(pipeline[-1], by_class[pipeline.classes_])


def _remove_weights(estimator: Any, weights: Floats) -> None:
    """Divide the probabilities of a fitted classifier by weights (k,) of its classes."""
    logs = np.log(weights)
    # Of two classes most libraries have the log-odds of the second one only.
    shift = np.array([logs[1] - logs[0]]) if len(logs) == 2 else logs
    if hasattr(estimator, "class_prior_"):
        prior = estimator.class_prior_ / weights
        estimator.class_prior_ = prior / prior.sum()
    elif hasattr(estimator, "_baseline_prediction"):
        estimator._baseline_prediction = (  # noqa: SLF001 - scikit-learn has no public attribute for it
            estimator._baseline_prediction - shift.reshape(np.shape(estimator._baseline_prediction))  # noqa: SLF001
        )
    elif hasattr(estimator, "intercepts_"):
        estimator.intercepts_[-1] = estimator.intercepts_[-1] - shift
    elif hasattr(estimator, "intercept_"):
        estimator.intercept_ = estimator.intercept_ - (shift if len(estimator.intercept_) == len(shift) else logs)
    elif hasattr(estimator, "estimators_"):
        estimator._sample_weight = None  # noqa: SLF001 - a forest keeps the weight, so the class, of each training row
        for tree in estimator.estimators_:
            _remove_from_leaves(tree.tree_, weights)
    else:
        raise InternalError(f"class weights cannot be taken out of a {type(estimator).__name__}.")


def _remove_from_leaves(tree: Any, weights: Floats) -> None:
    """Turn the weighted shares of a tree's nodes, in place, into the shares of the rows themselves."""
    shares = tree.value[:, 0, :] / weights
    tree.value[:, 0, :] = shares / shares.sum(axis=1, keepdims=True)
