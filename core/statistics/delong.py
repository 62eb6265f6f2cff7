"""Whether two areas under ROC curves on the same rows are equal."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from headrace.core.splits.clusters import RowClusters
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows


def delong(first: EvaluatedRows, second: EvaluatedRows, *, clusters: RowClusters | None = None) -> float:
    """Two-sided p-value that two areas under ROC curves are equal.

    Source: DeLong, DeLong and Clarke-Pearson 1988, in the fast form of Sun and Xu 2014; of clusters, Obuchowski 1997,
    Nonparametric Analysis of Clustered ROC Curve Data, Biometrics 53, with Student's distribution.

    Args:
        first: Binary predictions of the first model for n rows, some positive, some negative.
        second: Those of the second for the same rows.
        clusters: Which rows were drawn together; None for each by itself.
    """
    positive = np.asarray(first.actual) == first.positive
    parts = [_placements(positive, outcome) for outcome in (first, second)]
    difference = parts[0][0].mean() - parts[1][0].mean()
    of_positives, of_negatives = (parts[0][i] - parts[1][i] for i in (0, 1))
    if len(of_positives) < 2 or len(of_negatives) < 2:
        return 1.0
    clustered = clusters is not None and clusters.by != "row"
    if clusters is not None and clustered:
        away = of_positives - difference, of_negatives - difference
        variance = _clustered_variance(away, (clusters.codes[positive], clusters.codes[~positive]), clusters.count)
    else:
        variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    if variance <= 0:
        return 1.0 if difference == 0 or clustered else 0.0
    score = abs(difference) / math.sqrt(variance)
    if clusters is not None and clustered:
        return float(2 * stdtr(clusters.count - 1, -score))
    return math.erfc(score / math.sqrt(2))


def _clustered_variance(
    away: tuple[Floats, Floats], codes: tuple[NDArray[np.int64], NDArray[np.int64]], count: int
) -> float:
    """Variance of the difference from the sums over each cluster of what its rows are away from it."""
    sums = [np.bincount(code, weights=part, minlength=count) for part, code in zip(away, codes, strict=True)]
    rows, holding = [len(part) for part in away], [len(np.unique(code)) for code in codes]
    if min(holding) < 2:
        return 0.0
    own = sum(
        float(np.square(total).sum()) * held / (held - 1) / number**2
        for total, held, number in zip(sums, holding, rows, strict=True)
    )
    shared = float((sums[0] * sums[1]).sum()) * count / (count - 1) / (rows[0] * rows[1])
    return own + 2 * shared


def _placements(positive: NDArray[np.bool_], outcome: EvaluatedRows) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative the share of positives above it."""
    if outcome.probabilities is None:
        raise TypeError("areas under ROC curves are of probabilities")
    scores = outcome.probabilities[:, outcome.positive]
    ours, theirs = scores[positive], scores[~positive]
    return _below(ours, np.sort(theirs)), 1.0 - _below(theirs, np.sort(ours))


def _below(scores: Floats, others: Floats) -> Floats:
    """Share of the sorted others that lie below each score, ties counted half."""
    lower, upper = np.searchsorted(others, scores, side="left"), np.searchsorted(others, scores, side="right")
    return np.asarray((lower + upper) / 2 / len(others))
