"""Training by LightGBM: the trees of its text model, to the last digit.

Source: https://github.com/microsoft/LightGBM/blob/v4.7.0/src/io/tree.cpp (``Tree::Tree``, ``Tree::NumericalDecision``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from headrace.core.models.boosting.tree_nodes import Floats, GrownTree, GrownTrees, WatchedRows, Whole, read_losses

_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_IS_NAN = 2
# Numbers up to this size are 0 for LightGBM, which has thresholds at both ends of them.
_ZERO = float(np.float32(1e-35))


def grow_trees(
    matrix: Floats,
    target: Whole | Floats,
    *,
    classes: int,
    categories: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
    weights: Floats | None = None,
    watched: WatchedRows | None = None,
) -> GrownTrees:
    """Train by LightGBM on a matrix (n, p) and a target (n,), and keep the trees; see ``train``."""
    import lightgbm  # noqa: PLC0415 - an extra

    booster = train(
        matrix,
        target,
        classes=classes,
        categories=categories,
        parameters=parameters,
        seed=seed,
        weights=weights,
        watched=watched,
    )
    trees = _read_trees(booster.model_to_string(num_iteration=-1))
    width = booster.num_model_per_iteration()
    return GrownTrees(
        rounds=[trees[start : start + width] for start in range(0, len(trees), width)],
        baseline=np.zeros(width),  # LightGBM adds it to the leaves of its first trees
        single_precision=False,
        library_version=str(lightgbm.__version__),
        losses=read_losses(watched),
    )


def train(
    matrix: Floats,
    target: Whole | Floats,
    *,
    classes: int,
    categories: Sequence[int],
    parameters: Mapping[str, Any],
    seed: int,
    weights: Floats | None = None,
    watched: WatchedRows | None = None,
) -> Any:
    """Train by LightGBM, on one thread: more of them wait for one another in a loop, on busy cores for minutes.

    Args:
        matrix: Prepared rows (n, p); NaN where a value is missing.
        target: Numbers of classes from 0 on, or values (n,).
        classes: Number of classes; 0 for a regression.
        categories: Columns of categories.
        parameters: LightGBM's own, and ``n_estimators``, the number of rounds.
        seed: Seed of whatever is drawn, 0 to 2**31 - 1.
        weights: Weights (n,) of the rows; None for equal ones.
        watched: Rows whose loss says when to stop; None for all rounds.

    Returns:
        The library's booster.
    """
    import lightgbm  # noqa: PLC0415 - an extra

    objective = parameters.get("objective", "regression")
    settings = {
        **parameters,
        "objective": "multiclass" if classes > 2 else "binary" if classes else objective,
        "num_threads": 1,
        "seed": seed,
        # Else the way of counting is chosen by a race.
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if classes > 2:
        settings["num_class"] = classes
    rounds = settings.pop("n_estimators")
    rows = lightgbm.Dataset(matrix, target, weight=weights, categorical_feature=list(categories), params=settings)
    if watched is None:
        return lightgbm.train(settings, rows, num_boost_round=rounds)
    others = rows.create_valid(watched.matrix, watched.target)
    check = watched.check
    callbacks: list[Callable[..., Any]] = [lightgbm.early_stopping(watched.patience, verbose=False)]
    callbacks.append(lambda _: check())
    callbacks.append(lightgbm.record_evaluation(watched.losses))
    return lightgbm.train(settings, rows, num_boost_round=rounds, valid_sets=[others], callbacks=callbacks)


def _read_trees(text: str) -> list[GrownTree]:
    """Read the trees of a text model."""
    blocks = text.partition("end of trees")[0].split("\nTree=")[1:]
    return [_read_tree(dict(line.split("=", 1) for line in block.splitlines()[1:] if "=" in line)) for block in blocks]


def _read_tree(fields: Mapping[str, str]) -> GrownTree:
    def read(name: str, kind: type[np.generic]) -> Any:
        return np.array(fields.get(name, "").split(), dtype=kind)

    value, counts = read("leaf_value", np.float64), read("leaf_count", np.int64)
    splits = int(fields["num_leaves"]) - 1
    nodes = splits + len(value)
    if len(counts) != len(value):  # a tree of one leaf counts nothing
        counts = np.zeros(len(value), dtype=np.int64)
    # Splits first, then leaves, which LightGBM numbers -1, -2 and so on.
    children = [np.full(nodes, -1), np.full(nodes, -1)]
    for side, name in zip(children, ("left_child", "right_child"), strict=True):
        child = read(name, np.int64)[:splits]
        side[:splits] = np.where(child < 0, splits - child - 1, child)
    kinds, threshold = read("decision_type", np.int64)[:splits], read("threshold", np.float64)[:splits]
    threshold = np.where(threshold == -_ZERO, np.nextafter(-_ZERO, -np.inf), threshold)
    categorical = kinds & _CATEGORICAL > 0
    # Where the training rows had no missing value, one that comes later is taken for 0.
    learned = kinds >> 2 & 3 == _MISSING_IS_NAN
    missing_left = np.where(learned, kinds & _DEFAULT_LEFT > 0, threshold >= 0) & ~categorical
    bounds, words = read("cat_boundaries", np.int64), read("cat_threshold", np.int64)
    members = {
        int(node): _read_set(words[bounds[int(threshold[node])] : bounds[int(threshold[node]) + 1]])
        for node in np.flatnonzero(categorical)
    }
    return GrownTree(
        left=children[0],
        right=children[1],
        feature=_pad(read("split_feature", np.int64)[:splits], nodes),
        threshold=_pad(np.where(categorical, 0.0, threshold), nodes),
        missing_left=_pad(missing_left, nodes),
        value=np.concatenate([np.zeros(splits), value]),
        count=np.concatenate([read("internal_count", np.int64)[:splits], counts]),
        members=members,
    )


def _read_set(words: Whole) -> list[int]:
    return [32 * place + bit for place, word in enumerate(words.tolist()) for bit in range(32) if word >> bit & 1]


def _pad(values: Any, length: int) -> Any:
    return np.concatenate([values, np.zeros(length - len(values), dtype=values.dtype)])
