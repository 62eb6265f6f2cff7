"""Linear models, naive Bayes and perceptrons as ONNX nodes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.onnx_graph import Graph
from headrace.core.onnx_prepare import InexactError

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def logistic(graph: Graph, value: str, estimator: Any) -> str:
    """Class probabilities of a logistic regression; two classes as the softmax of (0, d)."""
    weights, bias = estimator.coef_, estimator.intercept_
    if len(weights) == 1:
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    return graph.add("Softmax", _affine(graph, value, weights.T, bias), axis=1)


def linear(graph: Graph, value: str, estimator: Any) -> str:
    """Values (n, 1) of a linear regression."""
    weights = np.asarray(estimator.coef_, dtype=np.float64).reshape(-1, 1)
    return _affine(graph, value, weights, np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64)))


def naive_bayes(graph: Graph, value: str, estimator: Any) -> str:
    """Class probabilities of Gaussian naive Bayes: the softmax of the joint log-likelihoods."""
    means, variances = estimator.theta_, estimator.var_
    prior = np.log(estimator.class_prior_) - 0.5 * np.log(2.0 * np.pi * variances).sum(axis=1)
    rows = graph.add("Unsqueeze", value, graph.constant(np.array([1], dtype=np.int64)))
    away = graph.add("Sub", rows, graph.constant(means[None]))
    scaled = graph.add("Div", graph.add("Mul", away, away), graph.constant(variances[None]))
    summed = graph.add("ReduceSum", scaled, graph.constant(np.array([2], dtype=np.int64)), keepdims=0)
    likelihood = graph.add("Sub", graph.constant(prior), graph.add("Mul", summed, graph.constant(0.5)))
    return graph.add("Softmax", likelihood, axis=1)


def perceptron(graph: Graph, value: str, estimator: Any) -> str:
    """Class probabilities, or values (n, 1), of a multilayer perceptron."""
    last = len(estimator.coefs_) - 1
    for place, (weights, bias) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        value = _affine(graph, value, weights, bias)
        if place < last:
            value = graph.add(_ACTIVATIONS[estimator.activation], value)
    if estimator.out_activation_ == "identity":
        return value
    if estimator.out_activation_ == "softmax":
        return graph.add("Softmax", value, axis=1)
    if estimator.out_activation_ != "logistic":
        raise InexactError(f"the output {estimator.out_activation_} must have an exact form in ONNX; it has none.")
    return both(graph, graph.add("Sigmoid", value))


def both(graph: Graph, positive: str) -> str:
    """Probabilities (n, 2) from those of the second class (n, 1)."""
    return graph.add("Concat", graph.add("Sub", graph.constant(np.ones((1, 1))), positive), positive, axis=1)


def _affine(graph: Graph, value: str, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> str:
    return graph.add("Gemm", value, graph.constant(np.ascontiguousarray(weights)), graph.constant(bias))
