"""Curves of a classification as few, finite points, for a report and for the metadata of an artifact."""

import numpy as np
from numpy.typing import NDArray

from headrace.core.statistics.measures import CalibrationBin, PrecisionRecallPoint, RocPoint
from headrace.core.statistics.metrics import Flags, Floats

MOST_POINTS = 200
BINS = 10


def roc(positive: Flags, scores: Floats) -> tuple[RocPoint, ...]:
    """Compute points of the ROC curve from (0, 0) to (1, 1).

    Args:
        positive: Flags (n,) of the positive rows.
        scores: Probabilities (n,) of the positive class.

    Returns:
        At most ``MOST_POINTS`` points, whose thresholds are finite; empty if all rows are of one class.
    """
    thresholds, true, false = _counts(positive, scores)
    if not true[-1] or not false[-1]:
        return ()
    fpr, tpr = np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])
    chosen = _spread(fpr, tpr)
    levels = np.append(max(1.0, float(thresholds[0])), thresholds)
    return tuple(map(RocPoint, fpr[chosen].tolist(), tpr[chosen].tolist(), levels[chosen].tolist()))


def precision_recall(positive: Flags, scores: Floats) -> tuple[PrecisionRecallPoint, ...]:
    """Compute points of the precision-recall curve by rising recall.

    Args:
        positive: Flags (n,) of the positive rows.
        scores: Probabilities (n,) of the positive class.

    Returns:
        At most ``MOST_POINTS`` points; empty if no row is positive.
    """
    thresholds, true, false = _counts(positive, scores)
    if not true[-1]:
        return ()
    recall, precision = true / true[-1], true / (true + false)
    chosen = _spread(recall, precision)
    parts = (recall[chosen].tolist(), precision[chosen].tolist(), thresholds[chosen].tolist())
    return tuple(map(PrecisionRecallPoint, *parts))


def calibration(right: Flags, probabilities: Floats) -> tuple[CalibrationBin, ...]:
    """Compare predicted with observed shares, in bins of equally many rows.

    Args:
        right: Flags (n,) of the rows whose predicted event happened.
        probabilities: Predicted probabilities (n,) of the event.

    Returns:
        At most ``BINS`` bins by rising probability.
    """
    order = np.argsort(probabilities, kind="stable")
    return tuple(
        CalibrationBin(float(probabilities[part].mean()), float(right[part].mean()), float(len(part)))
        for part in np.array_split(order, BINS)
        if len(part)
    )


def _counts(positive: Flags, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return by falling threshold: the threshold, and the numbers of positive and negative rows that reach it."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    # Rows with the same score cross a threshold together: only the last of them is a point of the curve.
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    true, false = np.cumsum(positive[order]), np.cumsum(~positive[order])
    return ordered[last], true[last].astype(np.float64), false[last].astype(np.float64)


def _spread(x: Floats, y: Floats) -> NDArray[np.int64]:
    """Return indices of at most ``MOST_POINTS`` points, evenly along the curve, with both ends."""
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    along = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    places = np.linspace(0.0, along[-1], MOST_POINTS)
    return np.unique(np.append(np.searchsorted(along, places[:-1]), len(x) - 1))
