"""Decision thresholds by cost, chosen on out-of-fold predictions for training rows, never on the test part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.errors import InputError

MOST_POINTS = 200


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold did to rows that the model had not seen.

    Attributes:
        threshold: Least probability of the positive class at which it is predicted.
        false_positives: Share of all rows that are negative and predicted positive.
        false_negatives: Share of all rows that are positive and predicted negative.
    """

    threshold: float
    false_positives: float
    false_negatives: float

    def as_json(self) -> list[float]:
        """Three numbers, in the order of the attributes."""
        return [self.threshold, self.false_positives, self.false_negatives]

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """The point of three numbers.

        Raises:
            ValueError: If there are not three.
        """
        threshold, false_positives, false_negatives = (float(number) for number in value)
        return cls(threshold, false_positives, false_negatives)


@dataclass(frozen=True)
class Costs:
    """What a wrong label costs; only the ratio matters.

    Attributes:
        false_positive: Cost of a negative row that is predicted positive, above 0.
        false_negative: Cost of a positive row that is predicted negative, above 0.
    """

    false_positive: float = 1.0
    false_negative: float = 1.0

    def __post_init__(self) -> None:
        """Refuse costs that are not positive and finite.

        Raises:
            InputError: If one is not.
        """
        for name in ("false_positive", "false_negative"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise InputError(f"the cost of a {name.replace('_', ' ')} must be above 0; got {value} instead.")

    @property
    def ideal(self) -> float:
        """The best threshold for probabilities that are exactly right.

        Source: Elkan 2001, The foundations of cost-sensitive learning, equation 2.
        """
        return self.false_positive / (self.false_positive + self.false_negative)


def operating_points(positives: NDArray[np.bool_], scores: NDArray[np.float64]) -> tuple[OperatingPoint, ...]:
    """Errors by threshold, from predictions for rows that the model was not fitted on.

    Args:
        positives: Which of the n rows are positive.
        scores: Their n predicted probabilities of the positive class.

    Returns:
        At most ``MOST_POINTS`` points by rising threshold, spread evenly over the rows.
    """
    n = len(scores)
    ordered = np.sort(scores)
    # Thresholds lie midway between neighbours, so that the last bit of a probability does not decide a row.
    middles = np.unique((ordered[:-1] + ordered[1:]) / 2) if n > 1 else ordered
    places = np.unique(np.linspace(0, len(middles) - 1, min(len(middles), MOST_POINTS)).round().astype(int))
    negative, positive = np.sort(scores[~positives]), np.sort(scores[positives])
    return tuple(
        OperatingPoint(
            threshold=float(threshold),
            false_positives=float(len(negative) - np.searchsorted(negative, threshold)) / n,
            false_negatives=float(np.searchsorted(positive, threshold)) / n,
        )
        for threshold in middles[places]
    )


def of_predictions(
    target: NDArray[Any], predictions: NDArray[np.float64], *, positive: int
) -> tuple[OperatingPoint, ...]:
    """Operating points of out-of-fold probabilities (n, 2); rows that no fold held out (NaN) are left out."""
    known = ~np.isnan(predictions).any(axis=1)
    return operating_points(target[known] == positive, predictions[known, positive])


def cost(point: OperatingPoint, costs: Costs) -> float:
    """Mean cost of a row at that point."""
    return costs.false_positive * point.false_positives + costs.false_negative * point.false_negatives


def choose(points: Sequence[OperatingPoint], costs: Costs) -> OperatingPoint:
    """The cheapest point; among equals the one nearest to the ideal threshold.

    Args:
        points: At least one.
        costs: What errors cost.
    """
    return min(points, key=lambda point: (round(cost(point, costs), 12), abs(point.threshold - costs.ideal)))
