"""Linear models, naive Bayes and perceptrons as ONNX nodes."""

from typing import Any

import numpy as np

from headrace.core.onnx_export.graph import InexactError, OnnxGraph
from headrace.core.onnx_export.plan import PreprocessingPlan
from headrace.core.onnx_export.preprocessing import affine, dense

_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid"}


def logistic(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add a logistic regression: probabilities (n, k); two classes as the softmax of (0, d)."""
    weights, bias = estimator.coef_, estimator.intercept_
    # One row of scores for each class, as with more of them; a class subtracted from 1 would lose digits.
    if len(weights) == 1:
        weights, bias = np.vstack([np.zeros_like(weights), weights]), np.concatenate([[0.0], bias])
    return graph.add("Softmax", affine(graph, plan, weights.T, bias), axis=1)


def linear(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add a linear regression: values (n, 1)."""
    weights = np.asarray(estimator.coef_, dtype=np.float64).reshape(-1, 1)
    return affine(graph, plan, weights, np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64)))


def poisson(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add a Poisson regression: values (n, 1), the exponential of a linear sum."""
    return graph.add("Exp", linear(graph, plan, estimator))


def naive_bayes(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add Gaussian naive Bayes: probabilities (n, k), the softmax of the joint log-likelihoods."""
    value, order = dense(graph, plan)
    means, variances = estimator.theta_[:, order], estimator.var_[:, order]
    prior = np.log(estimator.class_prior_) - 0.5 * np.log(2.0 * np.pi * variances).sum(axis=1)
    # (x - mean)**2 as written: the expanded form needs one product less and cancels digits.
    rows = graph.add("Unsqueeze", value, graph.constant(np.array([1], dtype=np.int64)))
    centred = graph.add("Sub", rows, graph.constant(means[None]))
    scaled = graph.add("Div", graph.add("Mul", centred, centred), graph.constant(variances[None]))
    summed = graph.add("ReduceSum", scaled, graph.constant(np.array([2], dtype=np.int64)), keepdims=0)
    likelihood = graph.add("Sub", graph.constant(prior), graph.add("Mul", summed, graph.constant(0.5)))
    return graph.add("Softmax", likelihood, axis=1)


def perceptron(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add a multilayer perceptron: probabilities (n, k), or values (n, 1)."""
    # The scales of the preprocessing go into the first layer, which saves nodes in every request.
    value = affine(graph, plan, estimator.coefs_[0], estimator.intercepts_[0])
    for weights, bias in zip(estimator.coefs_[1:], estimator.intercepts_[1:], strict=True):
        value = graph.add(_ACTIVATIONS[estimator.activation], value)
        value = graph.add("Gemm", value, graph.constant(np.ascontiguousarray(weights)), graph.constant(bias))
    if estimator.out_activation_ == "identity":
        return value
    if estimator.out_activation_ == "softmax":
        return graph.add("Softmax", value, axis=1)
    if estimator.out_activation_ != "logistic":
        raise InexactError(f"the output {estimator.out_activation_} of a perceptron has no exact form in ONNX.")
    return sigmoids(graph, value)


def sigmoids(graph: OnnxGraph, value: str, bias: float = 0.0) -> str:
    """Add the probabilities (n, 2) of two classes, given raw values (n, 1) of the second one, plus ``bias``."""
    # Both classes by a sigmoid each: 1 - p would lose the digits of a small probability.
    both = graph.add("Gemm", value, graph.constant([[-1.0, 1.0]]), graph.constant([-bias, bias]))
    return graph.add("Sigmoid", both)
