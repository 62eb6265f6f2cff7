"""A booster of trees, read from the document that XGBoost stores.

Source: https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html and ``doc/model.schema``.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.core.base.errors import InputError, quote
from headrace.core.onnx_export.tree_ensemble import MOST_NODES, Tree

# What turns the sum over the trees into the prediction, and the margin of a probability or value, by objective.
_OBJECTIVES = {
    "binary:logistic": "sigmoid",
    "multi:softprob": "softmax",
    "multi:softmax": "softmax",
    "reg:squarederror": "identity",
    "reg:absoluteerror": "identity",
    "reg:pseudohubererror": "identity",
    "count:poisson": "exp",
    "reg:gamma": "exp",
    "reg:tweedie": "exp",
}
_MARGINS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda base: math.log(base / (1 - base)),
    "exp": math.log,
    "softmax": float,
    "identity": float,
}
_VERSIONS = ((1, 7), (3, 99))


@dataclass(frozen=True)
class Booster:
    """Trees and what becomes of their sum.

    Attributes:
        trees: The trees, with the place of the output that each adds to.
        margins: What is added to the sum, by output.
        link: ``sigmoid``, ``softmax``, ``exp`` or ``identity``.
        width: Number of features.
        names: Names of the features; empty if it has none.
        version: Version of XGBoost that stored it.
    """

    trees: tuple[tuple[Tree, int], ...]
    margins: tuple[float, ...]
    link: str
    width: int
    names: tuple[str, ...]
    version: str


def read_booster(document: Any, source: str, *, best_only: bool) -> Booster:
    """Read a booster from plain values.

    Args:
        document: What XGBoost stored, as a reader of JSON or UBJSON gives it.
        source: Name of the file in messages.
        best_only: Whether the rounds after the best one are left out, as XGBoost's classes for scikit-learn do after an
            early stop.

    Raises:
        InputError: If it is of another form or version, or what it does has no form here.
    """
    try:
        version = tuple(int(part) for part in document["version"])
        _check_version(version, source)
        return _booster(document["learner"], source, ".".join(map(str, version)), best_only=best_only)
    except InputError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise InputError(
            f"{source} must be a model as XGBoost stores it; reading it failed with {type(error).__name__}: "
            f"{quote(str(error))}."
        ) from error


def _check_version(version: tuple[int, ...], source: str) -> None:
    if not _VERSIONS[0] <= version[:2] <= _VERSIONS[1]:
        raise InputError(
            f"{source} must be of XGBoost 1.7 to 3; it is of {'.'.join(map(str, version))}: load it with an XGBoost of "
            "these versions and save it again."
        )


def _booster(learner: Mapping[str, Any], source: str, version: str, *, best_only: bool) -> Booster:
    link = _link(str(learner["objective"]["name"]), source)
    gradient = learner["gradient_booster"]
    weights: Sequence[float] = ()
    if gradient["name"] == "dart":
        weights, gradient = [float(one) for one in gradient["weight_drop"]], gradient["gbtree"]
    elif gradient["name"] != "gbtree":
        raise InputError(f"{source} must be a model of trees (gbtree, dart); its booster is {quote(gradient['name'])}.")
    parameters = learner["learner_model_param"]
    if int(parameters.get("num_target", 1)) > 1:
        raise InputError(f"{source} must predict one target to be imported; it predicts {parameters['num_target']}.")
    width, outputs = int(parameters["num_feature"]), max(1, int(parameters["num_class"]))
    model = gradient["model"]
    groups = [int(group) for group in model["tree_info"]]
    count = _rounds(learner, model, source) if best_only else len(groups)
    if sum(len(tree["left_children"]) for tree in model["trees"]) > MOST_NODES:
        raise InputError(f"{source} must have at most {MOST_NODES:,} nodes to be imported; it has more.")
    trees = tuple(
        (_tree(tree, width, source, weights[place] if weights else 1.0), group)
        for place, (tree, group) in enumerate(zip(model["trees"][:count], groups[:count], strict=True))
    )
    if not trees or any(not 0 <= group < outputs for _, group in trees):
        raise InputError(f"{source} must have trees for each of its {outputs} outputs; it has not.")
    names = tuple(str(name) for name in learner.get("feature_names", ()))
    return Booster(trees, _margins(parameters["base_score"], link, outputs), link, width, names, version)


def _link(objective: str, source: str) -> str:
    if objective not in _OBJECTIVES:
        raise InputError(
            f"{source} must have one of the objectives {', '.join(_OBJECTIVES)} to be imported; it has "
            f"{quote(objective)}."
        )
    return _OBJECTIVES[objective]


def _rounds(learner: Mapping[str, Any], model: Mapping[str, Any], source: str) -> int:
    """Return the number of trees up to the best round of an early stop."""
    trees = len(model["tree_info"])
    best = learner.get("attributes", {}).get("best_iteration")
    if best is None:
        return trees
    rounds = [int(place) for place in model.get("iteration_indptr", ())]
    if not rounds:
        raise InputError(
            f"{source} was stopped early by an XGBoost before 2.0: load and save it again with a newer one."
        )
    return rounds[min(int(best) + 1, len(rounds) - 1)]


def _margins(stored: Any, link: str, outputs: int) -> tuple[float, ...]:
    """Return what is added to each output: XGBoost stores the base as a prediction, in float32."""
    values = json.loads(stored) if isinstance(stored, str) else stored
    bases = [float(np.float32(one)) for one in (values if isinstance(values, list) else [values])]
    margins = [_MARGINS[link](base) for base in bases]
    return tuple(margins if len(margins) == outputs else margins[:1] * outputs)


def _tree(tree: Mapping[str, Any], width: int, source: str, weight: float) -> Tree:
    left, right = (np.asarray(tree[key], dtype=np.int64) for key in ("left_children", "right_children"))
    feature = np.asarray(tree["split_indices"], dtype=np.int64)
    conditions = np.asarray(tree["split_conditions"], dtype=np.float32)
    default_left = np.asarray(tree["default_left"]).astype(bool)
    if np.asarray(tree.get("split_type", [])).any() or len(tree.get("categories", ())):
        raise InputError(
            f"{source} must split by numbers to be imported; it splits by sets of categories (enable_categorical): "
            "encode them before, and fit it again."
        )
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise InputError(f"{source} must have trees of one output each to be imported; it has vectors in its leaves.")
    inner, own = left >= 0, np.arange(len(left))
    size = len(left)
    if not size or not all(len(one) == size for one in (right, feature, conditions, default_left)):
        raise InputError(f"{source} must have trees whose lists are equally long; it has others.")
    fits = all(((child[inner] > own[inner]) & (child[inner] < size)).all() for child in (left, right))
    if not fits or not ((feature[inner] >= 0) & (feature[inner] < width)).all() or not np.isfinite(conditions).all():
        raise InputError(f"{source} must have trees that point at their own nodes and features only; it has another.")
    return Tree(
        left=np.where(inner, left, -1),
        right=np.where(inner, right, -1),
        feature=np.where(inner, feature, 0),
        threshold=np.where(inner, last_left(conditions), 0.0),
        missing_left=default_left & inner,
        value=np.where(inner, 0.0, conditions.astype(np.float64) * weight),
    )


def last_left(conditions: Any) -> Any:
    """Return the largest float64 numbers (n,) that XGBoost sends to the left of thresholds (n,) of float32.

    XGBoost rounds a number to float32 and sends it left if that is below the threshold. What is rounded to the float32
    before the threshold lies below the middle of the two; the middle itself is rounded to the even one of them.
    """
    upper = np.asarray(conditions, dtype=np.float32)
    lower = np.nextafter(upper, np.float32(-np.inf))
    middle = (upper.astype(np.float64) + lower.astype(np.float64)) / 2
    goes_left = middle.astype(np.float32) == lower
    return np.where(goes_left, middle, np.nextafter(middle, -np.inf))
