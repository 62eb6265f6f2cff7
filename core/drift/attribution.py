"""Which inputs' drift explains the change of the predictions.

No row of the reference is stored. The window's rows are weighted so that an input's shares by bin become those of the
reference (importance weights, Shimodaira 2000, Improving predictive inference under covariate shift, Journal of
Statistical Planning and Inference 90), and it is seen how far the predictions return. With several inputs the weights
are multiplied and the returns averaged over all orders (Shapley values). What is left is unexplained: a change of
dependence, of an input that is not looked at, or of a bin that the window lacks.

The predictions' place is their mean rank in the reference: 1/2 if they are distributed alike, whatever their unit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError
from headrace.core.drift.input_counts import ColumnCounts, Positions

Floats = NDArray[np.float64]

MOST_COLUMNS = 8
_LARGEST_WEIGHT = 50.0


@dataclass(frozen=True)
class DriftAttribution:
    """Which inputs' drift explains the change of the predictions.

    Attributes:
        change: Change of the predictions' mean rank since the reference, -1/2 to 1/2.
        parts: The part of it that each input's drift explains, by name; in the same unit.
        unexplained: What is left of it.
        effective_rows: Rows that the weighted window is worth (Kish 1965); far fewer than its rows, and the parts are
            rough.
    """

    change: float
    parts: Mapping[str, float]
    unexplained: float
    effective_rows: float

    def share(self, column: str) -> float:
        """Return the share of the change that an input explains; it may be negative, or above 1."""
        return self.parts[column] / self.change if self.change else 0.0


def attribute_change(
    reference: Sequence[ColumnCounts], positions: Sequence[Positions], *, outputs: ColumnCounts, predictions: Positions
) -> DriftAttribution:
    """Attribute the change of the predictions to inputs that drifted.

    Args:
        reference: Counts of the training part, of each input to look at; at most eight.
        positions: Bin (n,) of each of the window's rows in each of these inputs, as ``find_bins`` returns it.
        outputs: Counts of the predictions for the reference.
        predictions: Bin (n,) of each row's prediction, as ``find_bins`` returns it.

    Raises:
        InputError: If there are no rows, or more than eight inputs.
    """
    if len(reference) > MOST_COLUMNS or not len(predictions):
        raise InputError(
            f"a change of predictions is attributed to at most {MOST_COLUMNS} inputs and on at least one row; got "
            f"{len(reference)} inputs and {len(predictions)} rows: name the inputs that drifted most."
        )
    ranks = _ranks(outputs)[predictions]
    weights = [_weigh(column, places) for column, places in zip(reference, positions, strict=True)]
    places = range(len(weights))
    means: dict[tuple[int, ...], float] = {}
    worth = float(len(ranks))
    for size in range(len(weights) + 1):
        for chosen in combinations(places, size):
            product = np.prod([weights[place] for place in chosen], axis=0) if chosen else np.ones(len(ranks))
            means[chosen] = float(product @ ranks / product.sum())
            worth = float(product.sum() ** 2 / (product @ product))
    parts = {column.bins.name: _shapley(place, len(weights), means) for place, column in enumerate(reference)}
    change = means[()] - 0.5
    return DriftAttribution(change, parts, change - sum(parts.values()), worth)


def _shapley(place: int, size: int, means: Mapping[tuple[int, ...], float]) -> float:
    """Return by how much weighting one input takes the mean rank back, averaged over the orders of all inputs."""
    others = [other for other in range(size) if other != place]
    total = 0.0
    for count in range(size):
        weight = math.factorial(count) * math.factorial(size - count - 1) / math.factorial(size)
        for chosen in combinations(others, count):
            total += weight * (means[chosen] - means[tuple(sorted((*chosen, place)))])
    return total


def _weigh(reference: ColumnCounts, positions: Positions) -> Floats:
    """Return the weight (n,) of each row: how much commoner its bin is in the reference, at most 50."""
    before = np.append(reference.counts, reference.missing) / max(reference.rows, 1)
    now = np.bincount(positions, minlength=len(before)) / len(positions)
    ratio = np.divide(before, now, out=np.zeros_like(before), where=now > 0)
    return np.minimum(ratio, _LARGEST_WEIGHT)[positions] + 1e-12


def _ranks(outputs: ColumnCounts) -> Floats:
    """Return the middle rank (k + 1,) of each bin in the reference; 1/2 for a missing prediction."""
    shares = outputs.counts / max(int(outputs.counts.sum()), 1)
    return np.append(np.cumsum(shares) - shares / 2, 0.5)
