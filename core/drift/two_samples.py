"""Tests of whether two samples have one distribution, from their counts in common bins.

Counts in common bins merge by addition and have no error of their own, ties and missing values included, so that a
week is the sum of its days and a test needs no rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc
from scipy.stats import hypergeom

from headrace.core.drift.extra_variance import ExtraVariance, tail_with_variation

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
FEWEST_EXPECTED = 5.0


@dataclass(frozen=True)
class SampleComparison:
    """A comparison of two samples.

    Attributes:
        p_value: Probability of a difference this large between samples of one distribution.
        effect: Size of the difference, 0 to 1, whatever the number of rows. For ordered bins, the largest difference
            of the distribution functions (the Kolmogorov-Smirnov distance), or of the share of one bin; for categories
            and shares, the share of rows that would have to change (the total variation distance).
    """

    p_value: float
    effect: float


NO_EXTRA = ExtraVariance()
ALIKE = SampleComparison(p_value=1.0, effect=0.0)


def compare_ordered(reference: Counts, counts: Counts, *, extra: ExtraVariance = NO_EXTRA) -> SampleComparison:
    """Compare two samples of a number by the test of Anderson and Darling, from counts in ordered bins.

    Args:
        reference: Counts (k,) of the first sample in ascending bins.
        counts: Counts (k,) of the second sample in the same bins.
        extra: How much more windows differ than samples of independent rows.

    Returns:
        The comparison; samples without rows are alike.
    """
    first, second = float(reference.sum()), float(counts.sum())
    if not first or not second or np.count_nonzero(reference + counts) < 2:
        return ALIKE
    pooled = reference + counts
    rows = first * second / (first + second)
    statistic = rows * float(measure_ordered(reference, counts, pooled))
    return SampleComparison(
        p_value=tail_with_variation(_weights(pooled), statistic, rows=rows, extra=extra),
        effect=float(np.abs(np.cumsum(reference / first - counts / second)).max()),
    )


def compare_bins(reference: Counts, counts: Counts, *, extra: ExtraVariance = NO_EXTRA) -> SampleComparison:
    """Compare the shares of single bins of two samples: a value that is stuck, or that is no longer there.

    Each bin is tested by the binomial test that Przyborowski and Wilenski (1940) give for two Poisson counts, on the
    safe side for common bins; the smallest probability counts once for each bin that is occupied (Bonferroni).

    Args:
        reference: Counts (k,) of the first sample by bin.
        counts: Counts (k,) of the second sample in the same bins.
        extra: How much more the share of a bin varies between windows than that of independent rows.

    Returns:
        The comparison, whose effect is the change of the share of the most surprising bin.
    """
    first, second = float(reference.sum()), float(counts.sum())
    pooled = reference + counts
    occupied = pooled > 0
    if not first or not second or occupied.sum() < 2:
        return ALIKE
    share = second / (first + second)
    fewer, more = bdtr(counts, pooled, share), bdtrc(counts - 1, pooled, share)
    tails = np.where(occupied, np.minimum(1.0, 2 * np.minimum(fewer, np.where(counts > 0, more, 1.0))), np.inf)
    place = int(np.argmin(tails))
    p_value, effect = float(tails[place]), abs(float(reference[place] / first - counts[place] / second))
    if extra.windows:
        rows, likely = first * second / (first + second), float(pooled[place] / (first + second))
        statistic = rows * effect**2 / (likely * (1 - likely))
        p_value = max(p_value, tail_with_variation(np.ones(1), statistic, rows=rows, extra=extra))
    return SampleComparison(min(1.0, p_value * int(occupied.sum())), effect)


def measure_bins(counts: Counts) -> Floats:
    """Return by how much the share of each bin varies between blocks (b, k) beyond independent rows.

    Returns:
        Sums (k,) over blocks of the squared differences to all of them, in units of their variance, less one each.
    """
    total, sizes = counts.sum(axis=0), counts.sum(axis=1, keepdims=True)
    shares = total / total.sum()
    variance = shares * (1 - shares) * (1 / sizes - 1 / total.sum())
    squares = (counts / sizes - shares) ** 2
    excess: Floats = (np.divide(squares, variance, out=np.ones_like(squares), where=variance > 0) - 1).sum(axis=0)
    return excess


def measure_ordered(reference: Counts, counts: Counts, pooled: Counts) -> Floats:
    """Measure the distance of Anderson and Darling of samples in ordered bins to a reference, per effective row.

    The two-sample statistic for data with ties (Scholz and Stephens 1987, K-sample Anderson-Darling tests, equation 7)
    over bins instead of values; times the effective number of rows it is 1 on average without drift. Its distribution
    is then that of a weighted sum of chi-square variables whose weights follow from the pooled shares of the bins.
    SciPy's ``anderson_ksamp`` has the weights of a continuous distribution: with ties it calls equal samples different
    twice as often as promised, and nothing below 0.001.

    Args:
        reference: Counts (k,) of the reference in ascending bins.
        counts: Counts (k,) of a sample, or (b, k) of several, in the same bins.
        pooled: Counts (k,) that say how likely each bin is, in at least two of them.

    Returns:
        The distance, (b,) for several samples.
    """
    occupied, _, weight = _bin_weights(pooled)
    difference = reference[occupied] / reference.sum()
    difference = difference - counts[..., occupied] / counts.sum(axis=-1, keepdims=True)
    middles = np.cumsum(difference, axis=-1) - difference / 2
    distances: Floats = (weight * middles**2).sum(axis=-1)
    return distances


def _bin_weights(pooled: Counts) -> tuple[NDArray[np.bool_], Floats, Floats]:
    """Return which bins (n,) are occupied, the shares (k,) of those, and the weight (k,) of each in the statistic."""
    occupied = pooled > 0
    shares = pooled[occupied] / float(pooled.sum())
    below = np.cumsum(shares) - shares / 2
    # A row is below, in or above the bin and counts 1, 1/2 or 0: this is the variance of its count.
    return occupied, shares, shares / (below * (1 - below) - shares / 4)


def _weights(pooled: Counts) -> Floats:
    """Return the weights of the limit (k,): eigenvalues of the covariance of the weighted distribution function."""
    _, shares, weight = _bin_weights(pooled)
    cumulate = np.tri(len(shares)) - np.eye(len(shares)) / 2
    covariance = np.diag(shares) - np.outer(shares, shares)
    scaled = np.sqrt(weight)[:, None] * cumulate
    return np.clip(np.linalg.eigvalsh(scaled @ covariance @ scaled.T), 0.0, None)


def compare_categories(reference: Counts, counts: Counts, *, extra: ExtraVariance = NO_EXTRA) -> SampleComparison:
    """Compare two samples of a category by the chi-square test of homogeneity.

    Categories that are expected fewer than five times in the smaller sample are counted as one, the rarest first.

    Args:
        reference: Counts (k,) of the first sample by category.
        counts: Counts (k,) of the second sample by the same categories.
        extra: How much more windows differ than samples of independent rows.

    Returns:
        The comparison; samples without rows are alike.
    """
    first, second = float(reference.sum()), float(counts.sum())
    if not first or not second:
        return ALIKE
    effect = float(np.abs(reference / first - counts / second).sum() / 2)
    threshold = FEWEST_EXPECTED * (first + second) / min(first, second)
    distance, degrees = measure_categories(reference, counts, reference + counts, threshold=threshold)
    if not degrees:
        return SampleComparison(1.0, effect)
    rows = first * second / (first + second)
    statistic = rows * float(distance)
    return SampleComparison(tail_with_variation(np.ones(degrees), statistic, rows=rows, extra=extra), effect)


def measure_categories(reference: Counts, counts: Counts, pooled: Counts, *, threshold: float) -> tuple[Floats, int]:
    """Measure the chi-square distance of samples of a category to a reference, per effective row.

    Args:
        reference: Counts (k,) of the reference by category.
        counts: Counts (k,) of a sample, or (b, k) of several, by the same categories.
        pooled: Counts (k,) that say how likely each category is.
        threshold: Pooled rows below which a category is counted with others, the rarest first.

    Returns:
        The distance, (b,) for several samples, and the number of its degrees of freedom: times the effective number of
        rows, the distance is that number on average without drift. It is 0 if only one category is left.
    """
    order = np.argsort(pooled, kind="stable")
    groups = _pool_rare(pooled[order].astype(np.float64), threshold)
    size = int(groups.max(initial=0)) + 1
    members = np.zeros((len(order), size))
    members[order, groups] = 1.0
    shares = pooled @ members / pooled.sum()
    difference = reference @ members / reference.sum() - counts @ members / counts.sum(axis=-1, keepdims=True)
    kept = shares > 0
    distances: Floats = (difference[..., kept] ** 2 / shares[kept]).sum(axis=-1)
    return distances, int(kept.sum()) - 1


def _pool_rare(ascending: NDArray[np.float64], threshold: float) -> NDArray[np.int64]:
    """Return the group of each category (k,), rarest first; the first group holds at least ``threshold`` rows."""
    reached = int(np.searchsorted(np.cumsum(ascending), threshold))
    rare = max(int((ascending < threshold).sum()), min(reached + 1, len(ascending)) if ascending[0] < threshold else 0)
    return np.concatenate([np.zeros(rare, np.int64), np.arange(len(ascending) - rare) + (1 if rare else 0)])


def compare_shares(
    reference: int, reference_rows: int, count: int, rows: int, *, extra: ExtraVariance = NO_EXTRA
) -> SampleComparison:
    """Compare the shares of rows with a property, such as a missing value, by Fisher's exact test.

    Args:
        reference: Rows with the property in the first sample.
        reference_rows: All rows of the first sample.
        count: Rows with the property in the second sample.
        rows: All rows of the second sample.
        extra: How much more windows differ than samples of independent rows; if they do, the probability is at least
            that of the chi-square test with this variance.

    Returns:
        The comparison, whose probability is twice the smaller tail; samples without rows are alike.
    """
    if not reference_rows or not rows or not reference + count:
        return ALIKE
    distribution = hypergeom(reference_rows + rows, reference + count, rows)
    p_value = min(1.0, 2 * min(float(distribution.sf(count - 1)), float(distribution.cdf(count))))
    effect = abs(reference / reference_rows - count / rows)
    share = (reference + count) / (reference_rows + rows)
    if extra.windows and share < 1:
        effective = reference_rows * rows / (reference_rows + rows)
        statistic = effective * effect**2 / (share * (1 - share))
        p_value = max(p_value, tail_with_variation(np.ones(1), statistic, rows=effective, extra=extra))
    return SampleComparison(p_value, effect)
