"""Conversion of a fitted pipeline to an ONNX model that gives the same predictions, or a refusal."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor

from headrace.core.features import matrix_layout
from headrace.core.models.ensembles.ensemble_estimator import Ensemble
from headrace.core.models.fitted_model import Model
from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.models.networks.network_estimator import NetworkEstimator
from headrace.core.mojo import autoencoder
from headrace.core.onnx_export import (
    anomalies,
    direct_linear,
    estimators,
    mojo_autoencoder,
    mojo_glm,
    plan,
    trees,
)
from headrace.core.onnx_export.graph import InexactError, OnnxGraph
from headrace.core.onnx_export.plan import PreprocessingPlan

_KINDS: dict[str, Callable[[OnnxGraph, PreprocessingPlan, Any], str]] = {
    "LogisticRegression": estimators.logistic,
    "Ridge": estimators.linear,
    "LinearRegression": estimators.linear,
    "Lasso": estimators.linear,
    "ElasticNet": estimators.linear,
    "QuantileRegressor": estimators.linear,
    "PoissonRegressor": estimators.poisson,
    "DirectRidge": direct_linear.direct_linear,
    "GaussianNB": estimators.naive_bayes,
    "MLPClassifier": estimators.perceptron,
    "MLPRegressor": estimators.perceptron,
    "RandomForestClassifier": trees.forest,
    "RandomForestRegressor": trees.forest,
    "HistGradientBoostingClassifier": trees.boosting,
    "HistGradientBoostingRegressor": trees.boosting,
    "BoostedTreesClassifier": trees.boosted_trees,
    "BoostedTreesRegressor": trees.boosted_trees,
    "IsolationForest": anomalies.isolation_forest,
    "RobustCovariance": anomalies.robust_covariance,
}


def convert(model: Model) -> bytes:
    """Convert a model to ONNX: the matrix (n, p) to probabilities (n, k) or values (n,), float64 throughout.

    Args:
        model: A fitted model.

    Returns:
        The bytes of ``model.onnx``; equal models give equal bytes.

    Raises:
        InexactError: If the model has no exact form in ONNX.
    """
    estimator = model.pipeline.named_steps["estimator"]
    if isinstance(estimator, NetworkEstimator):
        return _network(model, estimator)
    graph, counts = OnnxGraph(), _category_counts(model)
    # Written by hand: skl2onnx converts to float32, where a row beside a threshold takes the other branch.
    if isinstance(estimator, MojoEstimator):
        _, scores = _add_mojo(graph, estimator, counts)
    else:
        scores = _add_pipeline(graph, model.pipeline, counts)
    shape: list[int | None] = [None, len(model.classes)]
    if model.classes:
        scores = _all_classes(graph, scores, model)
    else:
        # Regressions come as a column (n, 1); an engine gives values (n,).
        scores, shape = graph.add("Squeeze", scores, graph.constant(np.array([1], dtype=np.int64))), [None]
    return bytes(graph.model(scores, columns=len(counts), shape=shape).SerializeToString(deterministic=True))


def _network(model: Model, estimator: NetworkEstimator) -> bytes:
    """Return the graph of a network, which is the model itself."""
    if len(getattr(estimator, "classes_", ())) != len(model.classes):
        raise InexactError("a network that was fitted without rows of the last classes has fewer outputs.")
    return estimator.content


def read_plan(pipeline: Any, model: Model) -> PreprocessingPlan:
    """Read the fitted preprocessing of a model's pipeline, or of a member of it.

    Raises:
        InexactError: If it has an unknown step.
    """
    return plan.read(pipeline.named_steps["prepare"], _category_counts(model))


def _category_counts(model: Model) -> list[int]:
    """Return the number of categories of each column of the matrix; 0 for numbers."""
    return [len(column.categories or ()) for column in matrix_layout.columns(model.contract)]


def _add_pipeline(graph: OnnxGraph, pipeline: Any, counts: list[int]) -> str:
    """Add a fitted pipeline; of an ensemble each member, all of which read the same input, and their weighted sum."""
    estimator = pipeline.named_steps["estimator"]
    if not isinstance(estimator, Ensemble):
        return _add_estimator(graph, plan.read(pipeline.named_steps["prepare"], counts), estimator)
    total = ""
    # Products and sums one by one, as the estimator adds: one product of matrices may add in another order.
    for weight, member in zip(estimator.weights, estimator.members_, strict=True):
        part = graph.add("Mul", _add_pipeline(graph, member, counts), graph.constant(float(weight)))
        total = graph.add("Add", total, part) if total else part
    return total


def _add_mojo(graph: OnnxGraph, estimator: MojoEstimator, listed: list[int]) -> tuple[PreprocessingPlan, str]:
    is_autoencoder = estimator.description_.category == autoencoder.CATEGORY
    return (mojo_autoencoder.add_autoencoder if is_autoencoder else mojo_glm.add_glm)(graph, estimator, listed)


def _add_estimator(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    if isinstance(estimator, TransformedTargetRegressor):
        scaler = estimator.transformer_
        raw = _add_estimator(graph, plan, estimator.regressor_)
        return graph.add("Add", graph.add("Mul", raw, graph.constant(scaler.scale_)), graph.constant(scaler.mean_))
    convert = _KINDS.get(type(estimator).__name__)
    if convert is None:
        raise InexactError(f"a {type(estimator).__name__} has no exact form in ONNX.")
    return convert(graph, plan, estimator)


def _all_classes(graph: OnnxGraph, scores: str, model: Model) -> str:
    """Add probability 0 for classes without training rows."""
    present = list(model.pipeline.classes_)
    if present == list(range(len(model.classes))):
        return scores
    spread = np.zeros((len(present), len(model.classes)))
    spread[range(len(present)), present] = 1.0
    return graph.add("MatMul", scores, graph.constant(spread))
