"""A part of many rows that shows the spread of all, and the effect of sampling in clusters on a variance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, losses

# Whole clusters are left out if at least this many remain; otherwise rows of each cluster are left out.
_MANY_CLUSTERS = 200


def select_part(
    outcomes: Sequence[EvaluatedRows], units: RowClusters, *, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], tuple[float, float]]:
    """Choose the rows to resample, and the factor by which their spread shrinks.

    With few large clusters, rows are left out of each of them. The variance that the rows of a cluster share does not
    shrink then; the losses of all rows show how large it is.

    Args:
        outcomes: Predictions of one or two models for the same n rows.
        units: The sampling units of all rows.
        most: Number of rows of the part, if there are more.
        rng: Draws the part.

    Returns:
        Indices (m,) of the rows, and factors for the spread of the first model's metrics and of the difference.
    """
    rows = len(units.codes)
    if rows <= most:
        return np.arange(rows), (1.0, 1.0)
    count = units.count * most // rows
    if units.by != "row" and count >= _MANY_CLUSTERS:
        chosen = np.zeros(units.count, dtype=bool)
        chosen[rng.choice(units.count, count, replace=False)] = True
        shrink = float(np.sqrt(count / units.count))
        return np.flatnonzero(chosen[units.codes]), (shrink, shrink)
    selected = np.sort(rng.choice(rows, most, replace=False))
    row_losses = [loss(outcome) for outcome in outcomes]
    single, pair = (
        _scale_to_all_rows(values, units, selected)
        for values in (row_losses[0], row_losses[0] - row_losses[-1] if row_losses[1:] else row_losses[0])
    )
    return selected, (single, pair)


def _scale_to_all_rows(values: Floats, units: RowClusters, selected: NDArray[np.int64]) -> float:
    """Return the factor from the spread of a mean over some rows of each cluster to that over all of them."""
    ratio = design_effect(values, units) / design_effect(values[selected], units.take(selected))
    return float(np.sqrt(min(1.0, len(selected) / len(values) * ratio)))


def loss(outcome: EvaluatedRows) -> Floats:
    """Return the loss (n,) that stands for all metrics: the Brier loss or squared error of each row."""
    return losses(outcome)[:, 1]


def design_effect(values: Floats, clusters: RowClusters) -> float:
    """Estimate the factor by which sampling in clusters raises the variance of a mean (Kish 1965, section 5.4).

    Args:
        values: Values (n,) to average.
        clusters: The sampling units.

    Returns:
        From 1, for independent rows, to the mean size of the cluster that a row is in; the latter too if the values
        do not vary.
    """
    if clusters.by == "row":
        return 1.0
    sizes = np.bincount(clusters.codes)
    most = float(np.square(sizes, dtype=np.float64).sum() / len(values))
    centred = values - values.mean()
    within_rows = float(np.square(centred).sum())
    if within_rows <= 0:
        return most
    within_clusters = float(np.square(np.bincount(clusters.codes, weights=centred)).sum())
    return min(max(1.0, within_clusters / within_rows), most)
