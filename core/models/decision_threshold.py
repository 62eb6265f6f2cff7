"""Decision thresholds by cost, chosen on out-of-fold predictions for training rows, never on the test part."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError

MOST_POINTS = 200


@dataclass(frozen=True)
class OperatingPoint:
    """Error rates of a threshold on rows that the model had not seen.

    Attributes:
        threshold: Lowest probability of the positive class at which it is predicted.
        false_positives: Share of all rows that are negative and predicted positive.
        false_negatives: Share of all rows that are positive and predicted negative.
    """

    threshold: float
    false_positives: float
    false_negatives: float

    def as_json(self) -> list[float]:
        """Return three numbers, in the order of the attributes."""
        return [self.threshold, self.false_positives, self.false_negatives]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a point from three numbers.

        Raises:
            ValueError: If there are not three.
        """
        threshold, false_positives, false_negatives = (float(number) for number in value)
        return cls(threshold, false_positives, false_negatives)


@dataclass(frozen=True)
class Costs:
    """Costs of wrong labels; only their ratio matters.

    Attributes:
        false_positive: Cost of a negative row that is predicted positive, above 0.
        false_negative: Cost of a positive row that is predicted negative, above 0.
    """

    false_positive: float = 1.0
    false_negative: float = 1.0

    def __post_init__(self) -> None:
        """Raise if a cost is not positive and finite.

        Raises:
            InputError: If a cost is not positive and finite.
        """
        for name in ("false_positive", "false_negative"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise InputError(f"the cost of a {name.replace('_', ' ')} must be above 0; got {value} instead.")

    @property
    def ideal(self) -> float:
        """Best threshold for perfectly calibrated probabilities.

        Source: Elkan 2001, The foundations of cost-sensitive learning, equation 2.
        """
        return self.false_positive / (self.false_positive + self.false_negative)


def operating_points(
    positives: NDArray[np.bool_], scores: NDArray[np.float64], *, weights: NDArray[np.float64] | None = None
) -> tuple[OperatingPoint, ...]:
    """Compute the errors by threshold, from predictions for rows that the model was not fitted on.

    Args:
        positives: Flags (n,) of the positive rows.
        scores: Predicted probabilities (n,) of the positive class.
        weights: Weights (n,) of the rows; None for equal weights.

    Returns:
        At most ``MOST_POINTS`` points by rising threshold, from all rows to none predicted positive, spread evenly over
        the rows of either class: where positive rows are rare, the few high scores decide.
    """
    if not len(scores):
        return ()
    order = np.argsort(scores, kind="stable")
    ordered, positive = scores[order], positives[order]
    row_weights = np.ones(len(order)) if weights is None else weights[order]
    missed = np.concatenate([[0.0], np.cumsum(row_weights * positive)])
    spared = np.concatenate([[0.0], np.cumsum(row_weights * ~positive)])
    levels = _levels(ordered)
    below = np.searchsorted(ordered, levels)
    if len(levels) > MOST_POINTS:
        spread = missed[below] / max(missed[-1], 1e-300) + spared[below] / max(spared[-1], 1e-300)
        chosen = np.unique(np.searchsorted(spread, np.linspace(0, spread[-1], MOST_POINTS)))
        levels, below = levels[chosen], below[chosen]
    total = row_weights.sum()
    return tuple(
        OperatingPoint(float(level), float((spared[-1] - spared[place]) / total), float(missed[place] / total))
        for level, place in zip(levels, below, strict=True)
    )


def _levels(ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return thresholds: two ends, and the middles between neighbours, so that a score's last bit decides no row."""
    ends = [ordered[0] / 2, *((ordered[:-1] + ordered[1:]) / 2), (ordered[-1] + 1) / 2]
    inner = np.unique(ends)
    return inner[(inner > 0) & (inner < 1)] if len(np.unique(ordered)) > 1 else ordered[:1]


def from_predictions(
    target: NDArray[Any],
    predictions: NDArray[np.float64],
    *,
    positive: int,
    shares: tuple[float, float] | None = None,
) -> tuple[OperatingPoint, ...]:
    """Compute operating points of out-of-fold probabilities (n, 2); rows that no fold held out (NaN) are left out.

    Args:
        target: Encoded target (n,).
        predictions: Probabilities (n, 2), or NaN.
        positive: Index of the positive class.
        shares: Shares of the two classes among all rows, where these rows are a sample with other shares:
            probabilities and weights are then corrected (Elkan 2001, theorem 2).
    """
    held_out = ~np.isnan(predictions).any(axis=1)
    actual, probabilities = target[held_out].astype(np.int64), predictions[held_out]
    if shares is None:
        return operating_points(actual == positive, probabilities[:, positive])
    factors = np.array(shares) / np.maximum(np.bincount(actual, minlength=2) / len(actual), 1e-300)
    probabilities = probabilities * factors
    scores = probabilities[:, positive] / probabilities.sum(axis=1)
    return operating_points(actual == positive, scores, weights=factors[actual])


def cost(point: OperatingPoint, costs: Costs) -> float:
    """Compute the mean cost of a row at that point."""
    return costs.false_positive * point.false_positives + costs.false_negative * point.false_negatives


def choose(points: Sequence[OperatingPoint], costs: Costs, *, rows: int = 0) -> OperatingPoint:
    """Choose the cheapest point, unless its lead over the theoretical one may be chance.

    Among equals it is the one nearest to the ideal threshold. If the point nearest to the ideal costs at most one
    standard error of the difference more than the cheapest, it is chosen instead: the cheapest of many thresholds on
    few rows is often cheapest by luck (the one standard error rule of Breiman et al. 1984, section 3.4.3).

    Args:
        points: At least one.
        costs: Costs of errors.
        rows: Number of rows on which the points were measured; 0 to choose the cheapest point in any case.
    """
    best = min(points, key=lambda point: (round(cost(point, costs), 12), abs(point.threshold - costs.ideal)))
    ideal = min(points, key=lambda point: abs(point.threshold - costs.ideal))
    lead = cost(ideal, costs) - cost(best, costs)
    return ideal if rows and lead <= _standard_error(best, ideal, costs, rows) else best


def _standard_error(one: OperatingPoint, other: OperatingPoint, costs: Costs, rows: int) -> float:
    """Estimate the standard error of the difference in mean cost; two thresholds disagree on the rows between them."""
    alarms, misses = abs(one.false_positives - other.false_positives), abs(one.false_negatives - other.false_negatives)
    squares = costs.false_positive**2 * alarms + costs.false_negative**2 * misses
    return math.sqrt(max(squares - (cost(one, costs) - cost(other, costs)) ** 2, 0.0) / rows)
