"""Forests and boosted trees as one ONNX node, ``TreeEnsemble`` of ``ai.onnx.ml`` 5, in float64.

A leaf of that node adds to one target, so that a forest of k > 2 classes stands there once for each class.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from headrace.core.onnx_estimators import both
from headrace.core.onnx_graph import Graph
from headrace.core.onnx_prepare import InexactError

_SUM = 1
_BRANCH_LEQ = 0


@dataclass(frozen=True)
class Tree:
    """A binary tree of m nodes; in a leaf ``left`` is below 0 and ``value`` is what it adds.

    A row goes left if its feature is at most the threshold, or missing where ``missing_left`` says so.
    """

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]


@dataclass
class _Ensemble:
    """The attributes of the node, gathered tree by tree."""

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    true_leafs: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    false_leafs: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def add(self, tree: Tree, target: int) -> None:
        """Add a tree whose leaves add to ``target``."""
        inner = np.flatnonzero(tree.left >= 0)
        leaves = np.flatnonzero(tree.left < 0)
        first_node, first_leaf = len(self.features), len(self.weights)
        place = np.zeros(len(tree.left), dtype=np.int64)
        place[inner] = first_node + np.arange(len(inner))
        place[leaves] = first_leaf + np.arange(len(leaves))
        self.roots.append(first_node)
        self.targets += [target] * len(leaves)
        self.weights += tree.value[leaves].tolist()
        if not len(inner):  # a single leaf: both ways of a split lead to it
            self._split(0, 0.0, 0, (first_leaf, 1), (first_leaf, 1))
        for node in inner.tolist():
            left, right = int(tree.left[node]), int(tree.right[node])
            self._split(
                int(tree.feature[node]),
                float(tree.threshold[node]),
                int(tree.missing_left[node]),
                (int(place[left]), int(tree.left[left] < 0)),
                (int(place[right]), int(tree.left[right] < 0)),
            )

    def _split(self, feature: int, split: float, missing: int, true: tuple[int, int], false: tuple[int, int]) -> None:
        self.features.append(feature)
        self.splits.append(split)
        self.missing.append(missing)
        self.true_ids.append(true[0])
        self.true_leafs.append(true[1])
        self.false_ids.append(false[0])
        self.false_leafs.append(false[1])


def forest(graph: Graph, value: str, estimator: Any) -> str:
    """Class probabilities, or values (n, 1), of a random forest: the mean over its trees.

    scikit-learn rounds the matrix to float32 before its forests look at it, and compares in float64.
    """
    rounded = graph.add("Cast", graph.add("Cast", value, to=1), to=11)
    count = graph.constant(float(len(estimator.estimators_)))
    classes = getattr(estimator, "n_classes_", 1)
    targets = [0] if classes == 1 else [1] if classes == 2 else list(range(classes))
    ensemble = _Ensemble()
    for place, target in enumerate(targets):
        for tree in estimator.estimators_:
            ensemble.add(_of_forest(tree.tree_, target), place)
    mean = graph.add("Div", _node(graph, rounded, ensemble, len(targets)), count)
    return both(graph, mean) if classes == 2 else mean


def boosting(graph: Graph, value: str, estimator: Any) -> str:
    """Class probabilities, or values (n, 1), of histogram gradient boosting."""
    if estimator.is_categorical_ is not None and any(estimator.is_categorical_):
        raise InexactError("boosted trees that split by sets of categories have no exact form in ONNX.")
    ensemble = _Ensemble()
    outputs = len(estimator._predictors[0])  # noqa: SLF001 - scikit-learn has no public way to its trees
    for iteration in estimator._predictors:  # noqa: SLF001
        for target, predictor in enumerate(iteration):
            ensemble.add(_of_boosting(predictor.nodes), target)
    baseline = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(1, -1)  # noqa: SLF001
    raw = graph.add("Add", _node(graph, value, ensemble, outputs), graph.constant(baseline))
    if not hasattr(estimator, "classes_"):
        return raw
    return both(graph, graph.add("Sigmoid", raw)) if outputs == 1 else graph.add("Softmax", raw, axis=1)


def thresholds(estimator: Any) -> Iterator[tuple[int, float]]:
    """Column and value of each split of a forest or of boosted trees; of other models none."""
    if hasattr(estimator, "_predictors"):
        trees = [_of_boosting(one.nodes) for iteration in estimator._predictors for one in iteration]  # noqa: SLF001
    else:
        trees = [_of_forest(tree.tree_, 0) for tree in getattr(estimator, "estimators_", ())]
    for tree in trees:
        inner = tree.left >= 0
        yield from zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True)


def _of_forest(tree: Any, target: int) -> Tree:
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=np.zeros(tree.node_count, dtype=np.bool_),
        value=tree.value[:, 0, target],
    )


def _of_boosting(nodes: NDArray[Any]) -> Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        feature=nodes["feature_idx"].astype(np.int64),
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"],
    )


def _node(graph: Graph, value: str, found: _Ensemble, targets: int) -> str:
    return graph.add(
        "TreeEnsemble",
        value,
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=_SUM,
        post_transform=0,
        tree_roots=found.roots,
        nodes_featureids=found.features,
        nodes_splits=numpy_helper.from_array(np.array(found.splits), "splits"),
        nodes_modes=numpy_helper.from_array(np.full(len(found.splits), _BRANCH_LEQ, dtype=np.uint8), "modes"),
        nodes_missing_value_tracks_true=found.missing,
        nodes_truenodeids=found.true_ids,
        nodes_trueleafs=found.true_leafs,
        nodes_falsenodeids=found.false_ids,
        nodes_falseleafs=found.false_leafs,
        leaf_targetids=found.targets,
        leaf_weights=numpy_helper.from_array(np.array(found.weights), "weights"),
    )
