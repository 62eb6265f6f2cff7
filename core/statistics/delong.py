"""DeLong's test: whether two areas under ROC curves on the same rows are equal."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows


def delong(first: EvaluatedRows, second: EvaluatedRows, *, clusters: RowClusters | None = None) -> float:
    """Compute the two-sided p-value that two areas under ROC curves are equal.

    Source: DeLong, DeLong and Clarke-Pearson 1988, in the fast form of Sun and Xu 2014; for clusters, Obuchowski 1997,
    Nonparametric Analysis of Clustered ROC Curve Data, Biometrics 53, with Student's distribution.

    Args:
        first: Binary predictions of the first model for n rows, some positive, some negative.
        second: Predictions of the second model for the same rows in the same order.
        clusters: Clusters of rows that were sampled together; None for independent rows.
    """
    positive = np.asarray(first.actual) == first.positive
    parts = [_placements(positive, outcome) for outcome in (first, second)]
    difference = parts[0][0].mean() - parts[1][0].mean()
    of_positives, of_negatives = (parts[0][i] - parts[1][i] for i in (0, 1))
    if len(of_positives) < 2 or len(of_negatives) < 2:
        return 1.0
    clustered = clusters is not None and clusters.by != "row"
    if clusters is not None and clustered:
        centred = of_positives - difference, of_negatives - difference
        variance = _clustered_variance(centred, (clusters.codes[positive], clusters.codes[~positive]), clusters.count)
    else:
        variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    # Each row shows the same difference: certain for independent rows, no evidence where clusters are too few.
    if variance <= 0:
        return 1.0 if difference == 0 or clustered else 0.0
    score = abs(difference) / math.sqrt(variance)
    if clusters is not None and clustered:
        return float(2 * stdtr(clusters.count - 1, -score))
    return math.erfc(score / math.sqrt(2))


def _clustered_variance(
    centred: tuple[Floats, Floats], codes: tuple[NDArray[np.int64], NDArray[np.int64]], count: int
) -> float:
    """Estimate the variance of the difference from the sums of centred placements over each cluster."""
    sums = [np.bincount(code, weights=part, minlength=count) for part, code in zip(centred, codes, strict=True)]
    rows, cluster_counts = [len(part) for part in centred], [len(np.unique(code)) for code in codes]
    if min(cluster_counts) < 2:
        return 0.0
    separate = sum(
        float(np.square(total).sum()) * clusters / (clusters - 1) / number**2
        for total, clusters, number in zip(sums, cluster_counts, rows, strict=True)
    )
    shared = float((sums[0] * sums[1]).sum()) * count / (count - 1) / (rows[0] * rows[1])
    return separate + 2 * shared


def _placements(positive: NDArray[np.bool_], outcome: EvaluatedRows) -> tuple[Floats, Floats]:
    """Return for each positive the share of negatives below it, for each negative the share of positives above it."""
    if outcome.probabilities is None:
        raise TypeError("areas under ROC curves are of probabilities")
    scores = outcome.probabilities[:, outcome.positive]
    ours, theirs = scores[positive], scores[~positive]
    return _below(ours, np.sort(theirs)), 1.0 - _below(theirs, np.sort(ours))


def _below(scores: Floats, others: Floats) -> Floats:
    """Return the share of the sorted others that are below each score, ties counted half."""
    lower, upper = np.searchsorted(others, scores, side="left"), np.searchsorted(others, scores, side="right")
    return np.asarray((lower + upper) / 2 / len(others))
