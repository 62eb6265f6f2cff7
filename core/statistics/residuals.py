"""Errors of a regression, few enough for a report."""

from typing import Any

import numpy as np

from headrace.core.statistics.metrics import Floats

MOST_POINTS = 500
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def describe(actual: Floats, predicted: Floats) -> dict[str, Any]:
    """Quantiles of the errors and some rows to draw.

    Args:
        actual: Numbers (n,), n > 0.
        predicted: What was predicted for them.

    Returns:
        ``quantiles`` {share: error}, ``mean``, and ``points`` [{actual, predicted}], at most ``MOST_POINTS`` rows
        spread evenly over the sorted predictions; an error is actual minus predicted.
    """
    errors = actual - predicted
    order = np.argsort(predicted, kind="stable")
    places = np.linspace(0, len(order) - 1, min(len(order), MOST_POINTS)).round().astype(int)
    return {
        "quantiles": {f"{share:g}": float(np.quantile(errors, share)) for share in _SHARES},
        "mean": float(errors.mean()),
        "points": [{"actual": float(actual[row]), "predicted": float(predicted[row])} for row in order[places]],
    }
