"""Training by XGBoost: the trees of its JSON model.

XGBoost rounds rows and thresholds to float32 and adds leaves in float32. Here rows are rounded likewise, so that each
row reaches the leaf that XGBoost chose for it, and leaves are added in float64.

Source: https://xgboost.readthedocs.io/en/release_3.2.0/tutorials/saving_model.html and ``categorical.html``.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from headrace.core.models.boosting.tree_nodes import Floats, GrownTree, GrownTrees, WatchedRows, Whole, read_losses


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
    """Train by XGBoost on a matrix (n, p) and a target (n,), and keep the trees; see ``train``."""
    import xgboost  # noqa: PLC0415 - an extra

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
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = [_read_tree(tree) for tree in learner["gradient_booster"]["model"]["trees"]]
    width = classes if classes > 2 else 1
    return GrownTrees(
        rounds=[trees[start : start + width] for start in range(0, len(trees), width)],
        baseline=_read_baseline(learner, width),
        single_precision=True,
        library_version=str(xgboost.__version__),
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
    """Train by XGBoost, on one thread, as the folds of a search do.

    Args:
        matrix: Prepared rows (n, p); NaN where a value is missing.
        target: Numbers of classes from 0 on, or values (n,).
        classes: Number of classes; 0 for a regression.
        categories: Columns of categories.
        parameters: XGBoost's own, and ``n_estimators``, the number of rounds.
        seed: Seed of whatever is drawn, 0 to 2**31 - 1.
        weights: Weights (n,) of the rows; None for equal ones.
        watched: Rows whose loss says when to stop; None for all rounds.

    Returns:
        The library's booster.
    """
    import xgboost  # noqa: PLC0415 - an extra

    objective = parameters.get("objective", "reg:squarederror")
    settings = {
        **parameters,
        "objective": "multi:softprob" if classes > 2 else "binary:logistic" if classes else objective,
        "tree_method": "hist",
        "nthread": 1,
        "seed": seed,
        "verbosity": 0,
    }
    if classes > 2:
        settings["num_class"] = classes
    rounds = settings.pop("n_estimators")
    kinds = ["c" if column in set(categories) else "q" for column in range(matrix.shape[1])]
    rows = xgboost.DMatrix(
        matrix, label=target, weight=weights, feature_types=kinds, enable_categorical=True, nthread=1
    )
    if watched is None:
        return xgboost.train(settings, rows, num_boost_round=rounds)
    others = xgboost.DMatrix(
        watched.matrix, label=watched.target, feature_types=kinds, enable_categorical=True, nthread=1
    )
    check = watched.check

    class CheckEachRound(xgboost.callback.TrainingCallback):
        """Calls the check of the watched rows."""

        def after_iteration(self, *_: Any) -> bool:
            """Go on unless the check raises."""
            check()
            return False

    return xgboost.train(
        settings,
        rows,
        num_boost_round=rounds,
        callbacks=[CheckEachRound()],
        evals=[(others, "watched")],
        early_stopping_rounds=watched.patience,
        evals_result=watched.losses,
        verbose_eval=False,
    )


def _read_baseline(learner: Mapping[str, Any], width: int) -> Floats:
    score = np.atleast_1d(np.array(json.loads(learner["learner_model_param"]["base_score"]), dtype=np.float32))
    values = score.astype(np.float64)
    if learner["objective"]["name"] == "binary:logistic":
        values = np.array([math.log(value) - math.log1p(-value) for value in values])
    elif learner["objective"]["name"] == "count:poisson":
        values = np.log(values)
    return np.broadcast_to(values, (width,)).copy()


def _read_tree(tree: Mapping[str, Any]) -> GrownTree:
    left, right = (np.array(tree[name], dtype=np.int64) for name in ("left_children", "right_children"))
    missing_left = np.array(tree["default_left"], dtype=np.int64) > 0
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    parts = zip(tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True)
    members = {node: list(tree["categories"][start : start + size]) for node, start, size in parts}
    # The listed categories go to the right there, and all others to the left; here a set names what goes to the left.
    asks = list(members)
    left[asks], right[asks], missing_left[asks] = right[asks], left[asks], ~missing_left[asks]
    return GrownTree(
        left=left,
        right=right,
        feature=np.array(tree["split_indices"], dtype=np.int64),
        # Below the threshold is at most the number before it, of those that float32 has.
        threshold=np.nextafter(numbers, np.float32(-np.inf)).astype(np.float64),
        missing_left=missing_left,
        value=np.where(left < 0, numbers.astype(np.float64), 0.0),
        count=np.array(tree["sum_hessian"], dtype=np.float64).round().astype(np.int64),
        members=members,
    )
