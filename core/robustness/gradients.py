"""Exact gradients of linear models and of perceptrons, through their own preparation of the matrix."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.features import matrix_layout
from headrace.core.models.fitted_model import Model

Floats = NDArray[np.float64]
Gradient = Callable[[Floats, Floats], Floats]

_Slopes = Callable[[Floats, Floats], Floats]
_LINEAR = frozenset({"LogisticRegression", "Ridge"})
_NETWORKS = frozenset({"MLPClassifier", "MLPRegressor"})


def find(model: Model, names: Sequence[str]) -> Gradient | None:
    """Return the gradient of a model, if it has one that is known exactly.

    Args:
        model: The model.
        names: Columns of numbers (q), which the matrix holds as they are.

    Returns:
        A function from a matrix (n, p) and outputs (n, k), whose decisions are to be left, to the derivatives (n, q) of
        the distance to another decision (or of the predicted value); None for other models. Row features count as
        constant.
    """
    estimator = model.pipeline[-1]
    estimator = getattr(estimator, "regressor_", estimator)  # a network whose target is scaled, which keeps signs
    kind = type(estimator).__name__
    is_network = kind in _NETWORKS and getattr(estimator, "activation", "") == "relu"
    if not (kind in _LINEAR or is_network) or not names:
        return None
    slopes = _network_slopes(estimator) if is_network else _linear_slopes(estimator)
    places = _number_places(model, names)
    if places is None:
        return None
    prepare, scales = model.pipeline[0], places[1]

    def compute(matrix: Floats, outputs: Floats) -> Floats:
        prepared = prepare.transform(matrix)
        dense = np.asarray(prepared.toarray() if hasattr(prepared, "toarray") else prepared, dtype=np.float64)
        return slopes(dense, _directions(model, outputs, dense.shape[0]))[:, places[0]] / scales

    return compute


def _number_places(model: Model, names: Sequence[str]) -> tuple[NDArray[np.int64], Floats] | None:
    """Return the place (q,) of each column among the prepared ones, and what it is divided by (q,)."""
    transformer = model.pipeline[0]
    parts = {name: (step, list(columns)) for name, step, columns in getattr(transformer, "transformers_", ())}
    step, columns = parts.get("numbers", (None, []))
    scale = step[-1] if step is not None and hasattr(step, "steps") else None
    matrix = [column.name for column in matrix_layout.columns(model.contract)]
    wanted = [matrix.index(name) if name in matrix else -1 for name in names]
    if scale is None or not hasattr(scale, "scale_") or any(place not in columns for place in wanted):
        return None
    places = np.array([columns.index(place) for place in wanted], dtype=np.int64)
    return places, np.asarray(scale.scale_, dtype=np.float64)[places]


def _directions(model: Model, outputs: Floats, rows: int) -> Floats:
    """Return the weight (n, k) of each class' score in the distance to another decision; (n, 1) of a regression."""
    if model.contract.task == "regression":
        return np.full((rows, 1), -1.0)
    weights = np.zeros(outputs.shape)
    places = np.arange(rows)
    if model.contract.task == "binary":
        positive = model.positive
        is_positive = outputs[:, positive] >= model.threshold
        chosen = np.where(is_positive, positive, 1 - positive)
    else:
        chosen = outputs.argmax(axis=1)
    others = outputs.copy()
    others[places, chosen] = -1.0
    weights[places, others.argmax(axis=1)] -= 1.0
    weights[places, chosen] += 1.0
    # The estimator orders the classes that it knows; a class without training rows has no score.
    return weights[:, np.asarray(model.pipeline[-1].classes_, dtype=np.int64)]


def _linear_slopes(estimator: Any) -> _Slopes:
    coefficients = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))

    def compute(prepared: Floats, directions: Floats) -> Floats:
        del prepared  # the same everywhere
        return _of_scores(directions, len(coefficients)) @ coefficients

    return compute


def _network_slopes(estimator: Any) -> _Slopes:
    weights = [np.asarray(one, dtype=np.float64) for one in estimator.coefs_]
    biases = [np.asarray(one, dtype=np.float64) for one in estimator.intercepts_]

    def compute(prepared: Floats, directions: Floats) -> Floats:
        layer, active = prepared, []
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            layer = layer @ weight + bias
            active.append(layer > 0)
            layer = np.maximum(layer, 0.0)
        slope = _of_scores(directions, weights[-1].shape[1]) @ weights[-1].T
        for weight, mask in zip(weights[-2::-1], active[::-1], strict=True):
            slope = (slope * mask) @ weight.T
        return slope

    return compute


def _of_scores(directions: Floats, scores: int) -> Floats:
    """Return directions of k classes as those of an estimator's scores; a single one is the second class' log odds."""
    if directions.shape[1] == 2 and scores == 1:
        return (directions[:, 1:] - directions[:, :1]) / 2
    return directions
