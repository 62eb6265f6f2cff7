"""Isolation forests and robust covariance as ONNX nodes; both give anomaly scores (n, 1), higher for anomalies."""

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from headrace.core.inference.explain_anomalies import mean_path_length
from headrace.core.onnx_export.graph import DOUBLE, FLOAT, InexactError, OnnxGraph
from headrace.core.onnx_export.plan import PreprocessingPlan
from headrace.core.onnx_export.preprocessing import dense, ordinal
from headrace.core.onnx_export.tree_ensemble import ensemble
from headrace.core.onnx_export.trees import from_forest


def isolation_forest(graph: OnnxGraph, plan: PreprocessingPlan, estimator: IsolationForest) -> str:
    """Add an isolation forest: 2 to the power of minus the mean path length over that of the sample's size.

    Liu, Ting and Zhou 2008, Isolation Forest, equation 2; scikit-learn rounds the matrix to float32 for the trees.
    """
    width = estimator.n_features_in_
    if any(not np.array_equal(features, np.arange(width)) for features in estimator.estimators_features_):
        raise InexactError("an isolation forest whose trees see some of the columns has no exact form in ONNX.")
    value, places = ordinal(graph, plan)
    rounded = graph.add("Cast", graph.add("Cast", value, to=FLOAT), to=DOUBLE)
    trees = []
    # Path lengths are no public attributes of scikit-learn's.
    depths, beyond = estimator._decision_path_lengths, estimator._average_path_length_per_tree  # noqa: SLF001
    for place, tree in enumerate(estimator.estimators_):
        lengths = np.asarray(depths[place] + beyond[place] - 1.0, dtype=np.float64)
        trees.append((replace(from_forest(tree.tree_, 0), value=lengths), 0))
    total = ensemble(graph, rounded, trees, places=places)
    whole = len(trees) * mean_path_length(int(estimator._max_samples))  # noqa: SLF001 - as above
    # Of one row a forest learns nothing; scikit-learn then takes 1 for the quotient.
    share = graph.add("Div", total, graph.constant(-whole)) if whole else _constant_like(graph, total, -1.0)
    return graph.add("Pow", graph.constant(2.0), share)


def robust_covariance(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add the squared distance from a robust centre, as the sum of the squares of whitened columns."""
    value, order = dense(graph, plan)
    centred = graph.add("Sub", value, graph.constant(estimator.location_[order]))
    whitened = graph.add("MatMul", centred, graph.constant(np.ascontiguousarray(estimator.whitening_[:, order].T)))
    squares = graph.add("Mul", whitened, whitened)
    return graph.add("ReduceSum", squares, graph.constant(np.array([1], dtype=np.int64)), keepdims=1)


def _constant_like(graph: OnnxGraph, value: str, number: float) -> str:
    return graph.add("Add", graph.add("Mul", value, graph.constant(0.0)), graph.constant(number))
