"""A part of many rows that tells the spread of all, and what drawing in clusters does to a variance."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, losses

# Whole clusters are left out if as many as these stay; else rows are.
_MANY_CLUSTERS = 200


def part(
    outcomes: Sequence[EvaluatedRows], whole: RowClusters, *, most: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], tuple[float, float]]:
    """Rows that are resampled, and by how much their spread is to be shrunk.

    Where there are few large clusters rows are left out of each of them. What the rows of a cluster share does not
    shrink then; how much that is, is seen in the losses of all rows.

    Args:
        outcomes: One or two outcomes for the same n rows.
        whole: What was drawn.
        most: Of how many rows the part is, if there are more.
        rng: Draws the part.

    Returns:
        Indices of the rows, and factors for the spread of the first outcome's metrics and for that of the difference.
    """
    rows = len(whole.codes)
    if rows <= most:
        return np.arange(rows), (1.0, 1.0)
    kept = whole.count * most // rows
    if whole.by != "row" and kept >= _MANY_CLUSTERS:
        chosen = np.zeros(whole.count, dtype=bool)
        chosen[rng.choice(whole.count, kept, replace=False)] = True
        shrink = float(np.sqrt(kept / whole.count))
        return np.flatnonzero(chosen[whole.codes]), (shrink, shrink)
    taken = np.sort(rng.choice(rows, most, replace=False))
    lost = [loss(outcome) for outcome in outcomes]
    single, pair = (
        _scale_to_all_rows(values, whole, taken) for values in (lost[0], lost[0] - lost[-1] if lost[1:] else lost[0])
    )
    return taken, (single, pair)


def _scale_to_all_rows(values: Floats, whole: RowClusters, taken: NDArray[np.int64]) -> float:
    """From the spread of a mean over some rows of each cluster to that over all of them."""
    ratio = design_effect(values, whole) / design_effect(values[taken], whole.take(taken))
    return float(np.sqrt(min(1.0, len(taken) / len(values) * ratio)))


def loss(outcome: EvaluatedRows) -> Floats:
    """What stands for all metrics where one number must: the Brier loss or squared error (n,) of each row."""
    return losses(outcome)[:, 1]


def design_effect(values: Floats, clusters: RowClusters) -> float:
    """How many times larger the variance of a mean is because rows were drawn in clusters (Kish 1965, section 5.4).

    Args:
        values: Values (n,) whose mean it is.
        clusters: What was drawn.

    Returns:
        1, for rows drawn by themselves, up to the mean size of the cluster that a row is in; the latter too if the
        values do not vary.
    """
    if clusters.by == "row":
        return 1.0
    sizes = np.bincount(clusters.codes)
    most = float(np.square(sizes, dtype=np.float64).sum() / len(values))
    away = values - values.mean()
    alone = float(np.square(away).sum())
    if alone <= 0:
        return most
    together = float(np.square(np.bincount(clusters.codes, weights=away)).sum())
    return min(max(1.0, together / alone), most)
