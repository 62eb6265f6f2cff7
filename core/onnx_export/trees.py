"""Forests and boosted trees as ONNX nodes.

A leaf of ``TreeEnsemble`` adds to one target, so that a forest of k > 2 classes is written once for each class.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.onnx_export.estimators import sigmoids
from headrace.core.onnx_export.graph import DOUBLE, FLOAT, InexactError, OnnxGraph
from headrace.core.onnx_export.plan import PreprocessingPlan
from headrace.core.onnx_export.preprocessing import ordinal
from headrace.core.onnx_export.tree_ensemble import Tree, ensemble


def forest(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add a random forest: probabilities (n, k), or values (n, 1), the mean over its trees.

    scikit-learn rounds the matrix to float32 for its forests, and compares in float64.
    """
    value, places = ordinal(graph, plan)
    rounded = graph.add("Cast", graph.add("Cast", value, to=FLOAT), to=DOUBLE)
    classes = int(getattr(estimator, "n_classes_", 1))
    # With two classes one is enough: the other has the complement.
    targets = [classes - 1] if classes <= 2 else list(range(classes))
    # Where nothing is missing in the matrix that the trees see, no side is written for it.
    keeps_missing = any(np.isnan(part.fill) for part in plan.numbers) or any(
        part.codes is not None and np.isnan([*part.codes, part.unknown]).any() for part in plan.categories
    )
    trees = [
        (from_forest(tree.tree_, target, keeps_missing=keeps_missing), place)
        for place, target in enumerate(targets)
        for tree in estimator.estimators_
    ]
    count = graph.constant(float(len(estimator.estimators_)))
    mean = graph.add("Div", ensemble(graph, rounded, trees, places=places), count)
    if classes != 2:
        return mean
    return graph.add("Concat", graph.add("Sub", graph.constant(1.0), mean), mean, axis=1)


def boosting(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add histogram gradient boosting: probabilities (n, k), or values (n, 1)."""
    if estimator.is_categorical_ is not None and any(estimator.is_categorical_):
        raise InexactError("boosted trees that split by sets of categories have no exact form in ONNX.")
    value, places = ordinal(graph, plan)
    rounds = estimator._predictors  # noqa: SLF001 - scikit-learn has no public attribute for its trees
    trees = [(from_boosting(one.nodes), target) for trees in rounds for target, one in enumerate(trees)]
    raw = ensemble(graph, value, trees, places=places)
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(-1)  # noqa: SLF001 - as above
    if hasattr(estimator, "classes_") and len(baseline) == 1:
        return sigmoids(graph, raw, float(baseline[0]))
    values = graph.add("Add", raw, graph.constant(baseline))
    if hasattr(estimator, "classes_"):
        return graph.add("Softmax", values, axis=1)
    return graph.add("Exp", values) if estimator.loss == "poisson" else values


def boosted_trees(graph: OnnxGraph, plan: PreprocessingPlan, estimator: Any) -> str:
    """Add trees that LightGBM or XGBoost grew: probabilities (n, k), or values (n, 1).

    Those of XGBoost compare what float32 holds of the matrix; the sums are float64.
    """
    value, places = ordinal(graph, plan)
    if estimator.single_precision_:
        value = graph.add("Cast", graph.add("Cast", value, to=FLOAT), to=DOUBLE)
    rounds = estimator._predictors  # noqa: SLF001 - as scikit-learn's own boosting, which predicts by the same class
    trees = [(from_predictor(one), target) for trees in rounds for target, one in enumerate(trees)]
    raw = ensemble(graph, value, trees, places=places)
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64)  # noqa: SLF001 - as above
    if hasattr(estimator, "classes_") and len(baseline) == 1:
        return sigmoids(graph, raw, float(baseline[0]))
    values = graph.add("Add", raw, graph.constant(baseline))
    if hasattr(estimator, "classes_"):
        return graph.add("Softmax", values, axis=1)
    return graph.add("Exp", values) if estimator.predicts_counts else values


def list_trees(estimator: Any) -> list[Tree]:
    """Return the trees of a forest or of boosting; empty for other models."""
    if hasattr(estimator, "_predictors"):
        return [from_predictor(one) for trees in estimator._predictors for one in trees]  # noqa: SLF001 - as above
    return [from_forest(tree.tree_, 0) for tree in getattr(estimator, "estimators_", ())]


def from_forest(tree: Any, target: int, *, keeps_missing: bool = False) -> Tree:
    """Convert a tree of a forest; its leaves hold shares of a class, or means.

    Args:
        tree: The tree.
        target: Place of the class; 0 for a mean.
        keeps_missing: Whether missing values take the side that the tree says, else the right one.
    """
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=np.asarray(tree.missing_go_to_left, dtype=np.bool_) & keeps_missing,
        value=tree.value[:, 0, target],
    )


def from_predictor(predictor: Any) -> Tree:
    """Convert a tree of boosting, with the sets of categories that go left."""
    tree, nodes = from_boosting(predictor.nodes), predictor.nodes
    if not nodes["is_categorical"].any():
        return tree
    bits = np.ascontiguousarray(predictor.raw_left_cat_bitsets, dtype="<u4").view(np.uint8)
    members = np.unpackbits(bits, axis=1, bitorder="little").astype(bool)
    row = np.where(nodes["is_categorical"] > 0, nodes["bitset_idx"].astype(np.int64), -1)
    return replace(tree, members=members, members_row=row)


def from_boosting(nodes: NDArray[Any]) -> Tree:
    """Convert the nodes (m,) of a tree of boosting; its leaves include the learning rate already."""
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"],
    )
