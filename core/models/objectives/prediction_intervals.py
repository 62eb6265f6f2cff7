"""Prediction intervals of a regression that promise their coverage: conformal, by ranges of the prediction.

The errors of out-of-fold predictions, each made by a model that had not seen its row, give the interval around the
prediction of the model itself: its ends are the order statistics of those errors that split conformal prediction takes
(Vovk, Gammerman and Shafer 2005, Algorithmic Learning in a Random World; Lei et al. 2018, Distribution-Free Predictive
Inference for Regression). Each end leaves out half of what may be missed. Where there are enough rows, each range of
predictions has its own errors, so that the interval is wide where errors are large (Mondrian conformal regressors,
Boström and Johansson 2020). It depends on the prediction alone: every server can give it, and no engine changes.

The promise is for rows drawn like the training rows, and for all of them together. With one model refitted on all rows
it is not proved for every algorithm (Barber et al. 2021, Predictive inference with the jackknife+, which would serve
the models of all folds), and is therefore tested in simulation; it breaks where there are about as many columns as
rows, and is weaker where training rows belong together in groups or change with time.
"""

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import DataError

Floats = NDArray[np.float64]

_MOST_RANGES = 10
# Rows of a range, and errors beyond an end of its interval: with fewer, its coverage varies much from fit to fit.
_FEWEST_ROWS = 200
_FEWEST_BEYOND = 10


@dataclass(frozen=True)
class PredictionIntervals:
    """What to add to a prediction for the ends of its interval, by ranges of the prediction.

    Attributes:
        coverage: Promised share of actual values within their interval.
        edges: Predictions (r - 1,) at which the next of r ranges begins, rising.
        low: Differences (r,) of the lower end from the prediction, in the target's unit.
        high: Differences (r,) of the upper end from the prediction, in the target's unit.
        rows: Number of out-of-fold errors that they come from.
        least: Least possible actual value, below which no interval reaches; None if there is none.
    """

    coverage: float
    edges: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    rows: int
    least: float | None = None

    def __post_init__(self) -> None:
        """Raise if the parts do not belong together.

        Raises:
            ValueError: If they do not.
        """
        numbers = [self.coverage, *self.edges, *self.low, *self.high, 0.0 if self.least is None else self.least]
        if not (len(self.low) == len(self.high) == len(self.edges) + 1 and all(map(math.isfinite, numbers))):
            raise ValueError("prediction intervals must hold finite ends for each range of predictions.")
        if sorted(self.edges) != list(self.edges) or any(a > b for a, b in zip(self.low, self.high, strict=True)):
            raise ValueError("the ends of prediction intervals must be in order.")

    def bounds(self, values: Floats) -> tuple[Floats, Floats]:
        """Return the lower and upper ends, each (n,), for predictions (n,)."""
        place = np.searchsorted(self.edges, values, side="right")
        lower, upper = values + np.asarray(self.low)[place], values + np.asarray(self.high)[place]
        if self.least is None:
            return lower, upper
        return np.maximum(lower, self.least), np.maximum(upper, self.least)

    def bounds_of_one(self, value: float) -> tuple[float, float]:
        """Return the ends for one prediction, without the cost of an array."""
        place = bisect_right(self.edges, value)
        lower, upper = value + self.low[place], value + self.high[place]
        return (lower, upper) if self.least is None else (max(lower, self.least), max(upper, self.least))

    def as_json(self) -> dict[str, Any]:
        """Return the content for ``model.json``."""
        return {
            "coverage": self.coverage,
            "edges": list(self.edges),
            "low": list(self.low),
            "high": list(self.high),
            "rows": self.rows,
            "least": self.least,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: If it is something else.
        """
        ends = {name: tuple(float(one) for one in value[name]) for name in ("edges", "low", "high")}
        least = value["least"]
        return cls(
            float(value["coverage"]), **ends, rows=int(value["rows"]), least=None if least is None else float(least)
        )


def calibrate(
    actual: Floats, predictions: Floats, *, coverage: float, least: float | None = None
) -> PredictionIntervals:
    """Calibrate intervals on out-of-fold predictions.

    Args:
        actual: Actual values (n,).
        predictions: Out-of-fold predictions (n,); NaN for rows that no fold held out.
        coverage: Promised share, above 0 and below 1.
        least: Least possible actual value; None if there is none.

    Raises:
        DataError: If there are too few rows for that promise.
    """
    known = np.isfinite(predictions)
    values, errors = predictions[known], (actual - predictions)[known]
    tail = (1 - coverage) / 2
    fewest = math.ceil(round(1 / tail - 1, 6))
    if len(errors) < fewest:
        raise DataError(
            f"intervals that hold {coverage:g} of the values must have at least {fewest} out-of-fold predictions; got "
            f"{len(errors)}; lower intervals in the contract, or bring more rows."
        )
    ranges = min(_MOST_RANGES, int(len(errors) // max(_FEWEST_ROWS, _FEWEST_BEYOND / tail)))
    shares = np.linspace(0, 1, max(ranges, 1) + 1)[1:-1]
    edges = np.unique(np.quantile(values, shares)) if len(shares) else np.empty(0)
    place = np.searchsorted(edges, values, side="right")
    if len(np.unique(place)) < len(edges) + 1 or np.bincount(place).min() < fewest:
        edges, place = np.empty(0), np.zeros(len(values), dtype=np.int64)
    ends = [_ends(np.sort(errors[place == one]), tail) for one in range(len(edges) + 1)]
    return PredictionIntervals(
        coverage=coverage,
        edges=tuple(edges.tolist()),
        low=tuple(low for low, _ in ends),
        high=tuple(high for _, high in ends),
        rows=len(errors),
        least=least,
    )


def _ends(errors: Floats, tail: float) -> tuple[float, float]:
    """Return the order statistics of sorted errors (n,) that a further error is beyond with probability ``tail``."""
    # Of n + 1 equally probable places, at most tail * (n + 1) are beyond either end.
    beyond = max(math.floor(round(tail * (len(errors) + 1), 9)), 1)
    return float(errors[beyond - 1]), float(errors[len(errors) - beyond])
