"""Trees of boosting libraries as scikit-learn's ``TreePredictor``: arrays that predict without the library."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

from headrace.core.base.errors import InternalError

MOST_CATEGORIES = 255
"""Categories of a column that trees can divide into two sets; a set is 256 bits."""

_WORDS = 8

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]


@dataclass(frozen=True)
class GrownTree:
    """A binary tree of m nodes as a library grew it; node 0 is the root.

    Attributes:
        left: Left child (m,); below 0 in a leaf.
        right: Right child (m,).
        feature: Column (m,) that is compared.
        threshold: A row goes left if its number is at most this (m,).
        missing_left: Whether a row without a value goes left (m,).
        value: What a leaf adds (m,).
        count: Training rows (m,) that reached the node, or their weight, rounded.
        members: Categories that go left, by node; a node that is not listed compares numbers.
    """

    left: Whole
    right: Whole
    feature: Whole
    threshold: Floats
    missing_left: NDArray[np.bool_]
    value: Floats
    count: Whole
    members: dict[int, list[int]]


@dataclass(frozen=True)
class GrownTrees:
    """A boosted ensemble.

    Attributes:
        rounds: The trees of each round: one, or one for each class.
        baseline: What is added to the sums (k,).
        single_precision: Whether rows are rounded to float32 before they are compared.
        library_version: Version of the library that grew them.
        losses: Loss on the watched rows after each round; empty if none were watched.
    """

    rounds: Sequence[Sequence[GrownTree]]
    baseline: Floats
    single_precision: bool
    library_version: str
    losses: tuple[float, ...] = ()


@dataclass(frozen=True)
class WatchedRows:
    """Rows whose loss says when an ensemble is complete.

    Attributes:
        matrix: Prepared rows (m, p).
        target: Their target (m,): numbers of classes, or values.
        patience: Rounds without a lower loss after which no more are grown.
        check: Called after each round; raises if no more are wanted.
        losses: Gets their losses after each round, by name of the rows and of the loss.
    """

    matrix: Floats
    target: NDArray[Any]
    patience: int
    check: Callable[[], None]
    losses: dict[str, dict[str, list[float]]] = field(default_factory=dict)


def read_losses(watched: WatchedRows | None) -> tuple[float, ...]:
    """Return the losses of watched rows after each round; empty if none were watched."""
    found = watched.losses if watched else {}
    return tuple(value for metrics in found.values() for values in metrics.values() for value in values)


def build_predictor(tree: GrownTree) -> TreePredictor:
    """Build the predictor of a tree, its nodes in breadth-first order, so that children follow their parents.

    Raises:
        InternalError: If a category does not fit into 256 bits.
    """
    order = _order_breadth_first(tree)
    place = np.zeros(len(tree.left), dtype=np.int64)
    place[order] = np.arange(len(order))
    nodes = np.zeros(len(order), dtype=PREDICTOR_RECORD_DTYPE)
    leaf = tree.left[order] < 0
    nodes["is_leaf"] = leaf
    nodes["value"] = tree.value[order]
    nodes["count"] = tree.count[order]
    for name, children in (("left", tree.left), ("right", tree.right)):
        nodes[name] = np.where(leaf, 0, place[np.maximum(children[order], 0)])
    nodes["feature_idx"] = np.where(leaf, 0, tree.feature[order])
    nodes["num_threshold"] = np.where(leaf, 0.0, tree.threshold[order])
    nodes["missing_go_to_left"] = ~leaf & tree.missing_left[order]
    sets = np.zeros((len(tree.members), _WORDS), dtype=np.uint32)
    for row, (node, categories) in enumerate(sorted(tree.members.items(), key=lambda item: place[item[0]])):
        if not all(0 <= category <= MOST_CATEGORIES for category in categories):
            raise InternalError(f"a category must be from 0 to {MOST_CATEGORIES}; a tree names {categories}.")
        nodes["is_categorical"][place[node]] = 1
        nodes["bitset_idx"][place[node]] = row
        for category in categories:
            sets[row, category // 32] |= np.uint32(1 << category % 32)
    return TreePredictor(nodes, np.zeros((0, _WORDS), dtype=np.uint32), sets)


def _order_breadth_first(tree: GrownTree) -> Whole:
    order = level = np.zeros(1, dtype=np.int64)
    while len(level):
        inner = level[tree.left[level] >= 0]
        level = np.stack([tree.left[inner], tree.right[inner]], axis=1).reshape(-1)
        order = np.concatenate([order, level])
    return order
