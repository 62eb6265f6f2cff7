"""A generalised linear model of H2O as ONNX nodes: its MOJO is a list of coefficients."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from headrace.core.models.h2o.h2o_estimator import MojoEstimator
from headrace.core.mojo import mojo_archive
from headrace.core.onnx_export import estimators
from headrace.core.onnx_export.graph import Floats, InexactError, OnnxGraph
from headrace.core.onnx_export.plan import CategoryColumn, NumberColumn, PreprocessingPlan
from headrace.core.onnx_export.preprocessing import affine

_LINKS = {"binomial": "logit", "multinomial": "multinomial", "gaussian": "identity"}


def add_glm(graph: OnnxGraph, estimator: MojoEstimator, listed: Sequence[int]) -> tuple[PreprocessingPlan, str]:
    """Add a generalised linear model: probabilities (n, k) of its own classes, or values (n, 1).

    A missing number is the mean of the training rows, a missing or unlisted category the most frequent one, as in
    H2O's scorer (``hex.genmodel.algos.glm``).

    Args:
        graph: The graph to extend.
        estimator: The fitted model.
        listed: Number of categories in the contract for each column of the matrix; 0 for numbers.

    Returns:
        The preprocessing, and the name of the result.

    Raises:
        InexactError: If it is a MOJO of another algorithm, or a linear model of another kind than Headrace fits.
    """
    description = estimator.description_
    if description.algorithm != "glm":
        raise InexactError(f"a MOJO of {description.algorithm} is scored by Java, not converted to ONNX.")
    facts = mojo_archive.read_info(estimator.mojo_)
    family = facts.get("family", "")
    classes = [place for place in description.classes if place is not None]
    usual = {"link": _LINKS.get(family), "use_all_factor_levels": "true", "mean_imputation": "true"}
    if any(facts.get(name) != value for name, value in usual.items()) or classes != sorted(classes):
        raise InexactError("a linear model of H2O of this kind has no form in ONNX.")
    beta = np.reshape(_numbers(facts, "beta"), (len(classes) if family == "multinomial" else 1, -1)).T
    plan, weights = _read_columns(estimator, facts, beta[:-1], listed)
    value = affine(graph, plan, weights, beta[-1])
    if family == "multinomial":
        return plan, graph.add("Softmax", value, axis=1)
    return plan, estimators.sigmoids(graph, value) if family == "binomial" else value


def _read_columns(
    estimator: MojoEstimator, facts: dict[str, str], beta: Floats, listed: Sequence[int]
) -> tuple[PreprocessingPlan, Floats]:
    """Return the preprocessing, and the weights (q, k) of its prepared columns; categories come first in the MOJO."""
    modes, means, offsets = (_numbers(facts, name) for name in ("cat_modes", "num_means", "cat_offsets"))
    parts: list[CategoryColumn | NumberColumn] = []
    weights: list[Any] = []
    for place, one in enumerate(estimator.description_.inputs):
        if one.levels is None:
            number = place - len(modes)
            parts.append(NumberColumn(one.column, fill=float(means[number])))
            weights.append(beta[int(offsets[-1]) + number][None])
            continue
        mode = int(modes[place])
        levels = [mode, *(mode if level is None else level for level in one.levels), mode]
        seen = np.array([-1.0, *range(listed[one.column]), np.nan])
        parts.append(CategoryColumn(one.column, listed[one.column], seen))
        weights.append(beta[int(offsets[place]) + np.array(levels)])
    return PreprocessingPlan(len(listed), tuple(parts)), np.concatenate(weights)


def _numbers(facts: dict[str, str], name: str) -> Floats:
    return np.array(json.loads(facts.get(name, "[]")), dtype=np.float64)
