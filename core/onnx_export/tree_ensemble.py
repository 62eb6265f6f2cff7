"""Trees joined into one ONNX node, ``TreeEnsemble`` of ``ai.onnx.ml`` 5, in float64."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import numpy_helper

from headrace.core.onnx_export.graph import Floats, InexactError, OnnxGraph

_SUM = 1
_BRANCH_LEQ, _BRANCH_MEMBER = 0, 6
# About 40 bytes each: a larger model would take longer to load than a server may take to become ready.
MOST_NODES = 5_000_000

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Tree:
    """A binary tree of m nodes, arrays (m,); in a leaf ``left`` is below 0 and ``value`` is what it adds.

    A row goes left if its feature is at most the threshold, or missing where ``missing_left`` says so. A node with a
    row (s, 256) of ``members`` asks for a category instead, a whole number from 0 to 255 for which that row holds true.
    """

    left: Whole
    right: Whole
    feature: Whole
    threshold: Floats
    missing_left: NDArray[np.bool_]
    value: Floats
    members: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 256), dtype=np.bool_))
    members_row: Whole | None = None  # (m,), -1 for a node that compares numbers; None if all do

    def find_reaching_rows(self, rows: Floats) -> Whole:
        """Find for each node (m,) one of the rows (n, q) that reach it; -1 if none does."""
        reached, node, active = np.full(len(self.left), -1), np.zeros(len(rows), dtype=np.int64), np.arange(len(rows))
        # Each round moves all rows that are not yet in a leaf down by one level.
        while len(active):
            reached[node[active]] = active
            active = active[self.left[node[active]] >= 0]
            current = node[active]
            value = rows[active, self.feature[current]]
            left = (value <= self.threshold[current]) | (np.isnan(value) & self.missing_left[current])
            if self.members_row is not None:
                row = self.members_row[current]
                asks = (row >= 0) & ~np.isnan(value)
                left[asks] = self.members[row[asks], value[asks].astype(np.int64)]
            node[active] = np.where(left, self.left[current], self.right[current])
        return reached


_LEAF = Tree(
    left=np.array([1, -1, -1]),
    right=np.array([2, -1, -1]),
    feature=np.zeros(3, dtype=np.int64),
    threshold=np.zeros(3),
    missing_left=np.zeros(3, dtype=np.bool_),
    value=np.zeros(3),
)


def ensemble(graph: OnnxGraph, value: str, trees: Sequence[tuple[Tree, int]], *, places: Sequence[int]) -> str:
    """Add the sum over all trees of the values of the reached leaves.

    Args:
        graph: The graph to extend.
        value: Name of the matrix (n, m).
        trees: Trees, and the column of the result that each adds to.
        places: Column of the matrix for each feature of the trees.

    Returns:
        Name of the result (n, targets).

    Raises:
        InexactError: If there are too many nodes.
    """
    count = sum(len(tree.left) for tree, _ in trees)
    if count > MOST_NODES:
        raise InexactError(f"trees must have at most {MOST_NODES:,} nodes to be written as ONNX; they have {count:,}.")
    splits, leaves = 0, 0
    gathered: dict[str, list[NDArray[Any]]] = {}
    for tree, target in trees:
        attributes = _attributes(tree, target, splits, leaves)
        splits, leaves = splits + len(attributes["nodes_featureids"]), leaves + len(attributes["leaf_targetids"])
        for name, values in attributes.items():
            gathered.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in gathered.items()}
    joined["nodes_featureids"] = np.asarray(places, dtype=np.int64)[joined["nodes_featureids"]]
    if not len(joined["membership_values"]):
        del joined["membership_values"]
    return graph.add(
        "TreeEnsemble",
        value,
        domain="ai.onnx.ml",
        n_targets=1 + max(target for _, target in trees),
        aggregate_function=_SUM,
        post_transform=0,
        **{name: _attribute(name, values) for name, values in joined.items()},
    )


def _attributes(tree: Tree, target: int, first_split: int, first_leaf: int) -> dict[str, NDArray[Any]]:
    """Return the node's attributes for one tree, given the numbers of splits and leaves before it."""
    # A tree of one leaf occurs: boosting adds one where no split helps.
    if tree.left[0] < 0:
        return _attributes(_constant(float(tree.value[0])), target, first_split, first_leaf)
    leaf = tree.left < 0
    inner = np.flatnonzero(~leaf)
    # The operator numbers splits and leaves apart, over all trees together.
    place = np.where(leaf, first_leaf + np.cumsum(leaf) - 1, first_split + np.cumsum(~leaf) - 1)
    left, right = tree.left[inner], tree.right[inner]
    asks = np.full(len(inner), -1) if tree.members_row is None else tree.members_row[inner]
    # Each set ends with NaN.
    sets = [np.append(np.flatnonzero(tree.members[row]).astype(np.float64), np.nan) for row in asks[asks >= 0]]
    return {
        "tree_roots": np.array([first_split]),
        "nodes_featureids": tree.feature[inner],
        "nodes_splits": tree.threshold[inner],
        # scikit-learn sends a value that equals the threshold to the left, in forests and in boosting.
        "nodes_modes": np.where(asks >= 0, _BRANCH_MEMBER, _BRANCH_LEQ).astype(np.uint8),
        "membership_values": np.concatenate([np.empty(0), *sets]),
        "nodes_missing_value_tracks_true": tree.missing_left[inner].astype(np.int64),
        "nodes_truenodeids": place[left],
        "nodes_trueleafs": leaf[left].astype(np.int64),
        "nodes_falsenodeids": place[right],
        "nodes_falseleafs": leaf[right].astype(np.int64),
        "leaf_targetids": np.full(int(leaf.sum()), target),
        "leaf_weights": tree.value[leaf],
    }


def _constant(value: float) -> Tree:
    """Return a tree that adds the same on either side of a split: the node cannot hold a tree without one."""
    return Tree(_LEAF.left, _LEAF.right, _LEAF.feature, _LEAF.threshold, _LEAF.missing_left, np.full(3, value))


def _attribute(name: str, values: NDArray[Any]) -> Any:
    # Tensors keep their type; a list of floats would become float32.
    if name in {"nodes_splits", "nodes_modes", "leaf_weights", "membership_values"}:
        return numpy_helper.from_array(values, name)
    return values.tolist()
