"""The members of a fitted ensemble as models of their own, and whether their explanations add up."""

from collections.abc import Sequence
from dataclasses import replace

from headrace.core.models.ensembles.members import ENSEMBLE, from_parameters
from headrace.core.models.fitted_model import Model

LINEAR = frozenset({"logistic", "linear"})
EXPLAINED = LINEAR | {"random_forest", "hist_gradient_boosting", "isolation_forest", "robust_covariance"}
"""Families with exact contributions."""


def split_ensemble(model: Model) -> list[tuple[float, Model]]:
    """Return the members of an ensemble, each with its weight.

    Args:
        model: A fitted model of the family ``ensemble``.
    """
    estimator = model.pipeline.named_steps["estimator"]
    described = from_parameters(model.parameters)
    return [
        (float(weight), replace(model, pipeline=pipeline, family=one.family, parameters=dict(one.parameters)))
        for weight, pipeline, one in zip(estimator.weights, estimator.members_, described, strict=True)
    ]


def why_unexplained(members: Sequence[tuple[float, Model]]) -> str:
    """Return why the contributions of an ensemble's members do not add up to its score; empty if they do.

    An ensemble's score is a mean of values or of probabilities. Values of a regression add up for each explained
    family, probabilities for forests alone: the others explain log-odds, whose mean is not that of the probabilities.

    Args:
        members: What ``split_ensemble`` returned.
    """
    names = sorted({member.family for _, member in members})
    is_regression = not members[0][1].classes
    # A count is the exponential of a sum in all but forests.
    adds_up = is_regression and members[0][1].contract.objective != "count"
    explained = EXPLAINED if adds_up else {"random_forest"}
    if set(names) <= set(explained):
        return ""
    return (
        f"an {ENSEMBLE} of {', '.join(names)} has no exact contributions: it averages "
        f"{'values' if is_regression else 'probabilities'}, which {' and '.join(sorted(explained))} alone explain."
    )
