"""Tests of whether two samples have one distribution, from their counts in common bins.

Counts in common bins merge by addition and have no error of their own, ties and missing values included, so that a
week is the sum of its days and a test needs no rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from headrace.core.drift.weighted_chi_square import tail_probability

Counts = NDArray[np.int64]
FEWEST_EXPECTED = 5.0


@dataclass(frozen=True)
class SampleComparison:
    """A comparison of two samples.

    Attributes:
        p_value: Probability of a difference this large between samples of one distribution.
        effect: Size of the difference, 0 to 1, whatever the number of rows. For ordered bins, the largest difference
            of the distribution functions (the Kolmogorov-Smirnov distance); for categories and shares, the share of
            rows that would have to change (the total variation distance).
    """

    p_value: float
    effect: float


ALIKE = SampleComparison(p_value=1.0, effect=0.0)


def compare_ordered(reference: Counts, counts: Counts, *, design_effect: float = 1.0) -> SampleComparison:
    """Compare two samples of a number by the test of Anderson and Darling, from counts in ordered bins.

    The two-sample statistic for data with ties (Scholz and Stephens 1987, K-sample Anderson-Darling tests, equation 7)
    over bins instead of values. Its distribution under equality is that of a weighted sum of chi-square variables
    whose weights follow from the pooled shares of the bins. SciPy's ``anderson_ksamp`` has the weights of a continuous
    distribution: with ties it calls equal samples different twice as often as promised, and nothing below 0.001.

    Args:
        reference: Counts (k,) of the first sample in ascending bins.
        counts: Counts (k,) of the second sample in the same bins.
        design_effect: Factor by which the counts vary more than those of independent rows.

    Returns:
        The comparison; samples without rows are alike.
    """
    first, second = float(reference.sum()), float(counts.sum())
    pooled = (reference + counts).astype(np.float64)
    occupied = pooled > 0
    if not first or not second or occupied.sum() < 2:
        return ALIKE
    shares = pooled[occupied] / (first + second)
    difference = reference[occupied] / first - counts[occupied] / second
    below = np.cumsum(shares) - shares / 2
    # A row is below, in or above the bin and counts 1, 1/2 or 0: this is the variance of its count.
    weight = shares / (below * (1 - below) - shares / 4)
    steps = np.cumsum(difference)
    statistic = first * second / (first + second) * float((weight * (steps - difference / 2) ** 2).sum())
    return SampleComparison(
        p_value=tail_probability(_weights(shares, weight), statistic / design_effect),
        effect=float(np.abs(steps).max()),
    )


def _weights(shares: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights of the limit (k,): eigenvalues of the covariance of the weighted distribution function."""
    cumulate = np.tri(len(shares)) - np.eye(len(shares)) / 2
    covariance = np.diag(shares) - np.outer(shares, shares)
    scaled = np.sqrt(weight)[:, None] * cumulate
    return np.clip(np.linalg.eigvalsh(scaled @ covariance @ scaled.T), 0.0, None)


def compare_categories(reference: Counts, counts: Counts, *, design_effect: float = 1.0) -> SampleComparison:
    """Compare two samples of a category by the chi-square test of homogeneity.

    Categories that are expected fewer than five times in the smaller sample are counted as one, the rarest first.

    Args:
        reference: Counts (k,) of the first sample by category.
        counts: Counts (k,) of the second sample by the same categories.
        design_effect: Factor by which the counts vary more than those of independent rows.

    Returns:
        The comparison; samples without rows are alike.
    """
    first, second = float(reference.sum()), float(counts.sum())
    if not first or not second:
        return ALIKE
    effect = float(np.abs(reference / first - counts / second).sum() / 2)
    order = np.argsort(reference + counts, kind="stable")
    pooled = (reference + counts)[order].astype(np.float64)
    threshold = FEWEST_EXPECTED * (first + second) / min(first, second)
    groups = _pool_rare(pooled, threshold)
    if groups.max(initial=0) < 1:
        return SampleComparison(1.0, effect)
    size = groups.max() + 1
    first_counts = np.bincount(groups, reference[order], size)
    second_counts = np.bincount(groups, counts[order], size)
    shares = (first_counts + second_counts) / (first + second)
    difference = first_counts / first - second_counts / second
    statistic = first * second / (first + second) * float((difference**2 / shares).sum())
    return SampleComparison(tail_probability(np.ones(size - 1), statistic / design_effect), effect)


def _pool_rare(ascending: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Return the group of each category (k,), rarest first; the first group holds at least ``threshold`` rows."""
    reached = int(np.searchsorted(np.cumsum(ascending), threshold))
    rare = max(int((ascending < threshold).sum()), min(reached + 1, len(ascending)) if ascending[0] < threshold else 0)
    return np.concatenate([np.zeros(rare, np.int64), np.arange(len(ascending) - rare) + (1 if rare else 0)])


def compare_shares(reference: int, reference_rows: int, count: int, rows: int) -> SampleComparison:
    """Compare the shares of rows with a property, such as a missing value, by Fisher's exact test.

    Args:
        reference: Rows with the property in the first sample.
        reference_rows: All rows of the first sample.
        count: Rows with the property in the second sample.
        rows: All rows of the second sample.

    Returns:
        The comparison, whose probability is twice the smaller tail; samples without rows are alike.
    """
    if not reference_rows or not rows or not reference + count:
        return ALIKE
    distribution = hypergeom(reference_rows + rows, reference + count, rows)
    tail = min(float(distribution.sf(count - 1)), float(distribution.cdf(count)))
    return SampleComparison(min(1.0, 2 * tail), abs(reference / reference_rows - count / rows))
