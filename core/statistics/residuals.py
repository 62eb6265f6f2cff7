"""Errors of a regression, as few numbers as a report needs."""

import numpy as np

from headrace.core.statistics.measures import PredictedRow, Residuals
from headrace.core.statistics.metrics import Floats

MOST_POINTS = 500
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe(actual: Floats, predicted: Floats) -> Residuals:
    """Compute quantiles of the errors, and select some rows to draw.

    Args:
        actual: Actual values (n,), n > 0, in the target's unit.
        predicted: Predicted values (n,), in the same unit.

    Returns:
        The errors, with at most ``MOST_POINTS`` points spread evenly over the sorted predictions.
    """
    errors = actual - predicted
    order = np.argsort(predicted, kind="stable")
    places = np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).round().astype(int)
    return Residuals(
        quantiles={f"{share:g}": float(np.quantile(errors, share)) for share in _SHARES},
        mean=float(errors.mean()),
        points=tuple(PredictedRow(float(actual[row]), float(predicted[row])) for row in order[places]),
    )
