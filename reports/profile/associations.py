"""Associations between columns: cheap measures that need no model."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def group_means(codes: Codes, target: Floats, *, groups: int) -> tuple[Floats, Floats]:
    """Count rows and average the target by group.

    Args:
        codes: Group of each row, 0 to ``groups`` - 1; (n,).
        target: The target's parts, NaN in rows without one; (n, k).
        groups: Number of groups.

    Returns:
        Number of rows with a target by group, (groups,), and means by group and part, (groups, k), NaN without rows.
    """
    present = ~np.isnan(target[:, 0])
    rows = np.bincount(codes[present], minlength=groups).astype(np.float64)
    sums = [np.bincount(codes[present], weights=part[present], minlength=groups) for part in target.T]
    with np.errstate(invalid="ignore", divide="ignore"):
        return rows, np.stack(sums, axis=1) / rows[:, None]


def correlation_ratio(codes: Codes, target: Floats, *, groups: int) -> float:
    """Return how much of the target's spread the groups explain, 0 to 1; -1 if that is undefined.

    The square root of epsilon squared (Kelley 1935, the correlation ratio corrected for the number of groups), summed
    over the target's parts; for classes that is Goodman and Kruskal's tau.

    Args:
        codes: Group of each row; (n,).
        target: The target's parts, NaN in rows without one; (n, k).
        groups: Number of groups.
    """
    rows, means = group_means(codes, target, groups=groups)
    present = target[~np.isnan(target[:, 0])]
    used = int((rows > 0).sum())
    total = float(present.var(axis=0).sum()) * len(present) if len(present) else 0.0
    if total <= 0 or len(present) <= used:
        return -1.0
    between = rows[:, None] * (means - present.mean(axis=0)) ** 2
    explained = float(np.nansum(between)) / total
    corrected = 1 - (1 - explained) * (len(present) - 1) / (len(present) - used)
    return float(np.sqrt(min(1.0, max(0.0, corrected))))


def rank_correlations(values: Floats) -> Floats:
    """Return Spearman's rank correlations of the columns, each pair over the rows where both are present.

    Ranks are taken once per column, so pairs with missing values are an approximation.

    Args:
        values: (n, p), NaN for missing.

    Returns:
        (p, p), NaN where a column is constant or a pair has fewer than three rows.
    """
    present = ~np.isnan(values)
    ranks = np.stack([_ranks(column) for column in values.T], axis=1)
    mask = present.astype(np.float64)
    rows = mask.T @ mask
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (ranks.T @ mask) / rows
        covariance = (ranks.T @ ranks) / rows - mean * mean.T
        variance = (ranks**2).T @ mask / rows - mean**2
        result = covariance / np.sqrt(variance * variance.T)
    result[(rows < 3) | (np.minimum(variance, variance.T) < 1e-12)] = np.nan
    return np.asarray(np.clip(result, -1, 1), dtype=np.float64)


def _ranks(column: Floats) -> Floats:
    """Return mid-ranks of a column (n,), scaled to -1..1, 0 for missing."""
    present = ~np.isnan(column)
    _, inverse, counts = np.unique(column[present], return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    ranks = np.zeros(len(column))
    if present.any():
        ranks[present] = 2 * middle[inverse] / max(1, present.sum() - 1) - 1
    return ranks


def cramers_v(first: Codes, second: Codes) -> float:
    """Return Cramer's V of two categorical columns, corrected for bias (Bergsma 2013); NaN if one is constant.

    Args:
        first: Code of each row, from 0; (n,).
        second: The same for the other column; (n,).
    """
    wide = int(second.max()) + 1
    table = np.bincount(first * wide + second, minlength=(int(first.max()) + 1) * wide).reshape(-1, wide)
    table = table[table.any(axis=1)][:, table.any(axis=0)].astype(np.float64)
    n, (r, c) = table.sum(), table.shape
    if min(r, c) < 2 or n < 2:
        return float("nan")
    expected = table.sum(axis=1, keepdims=True) @ table.sum(axis=0, keepdims=True) / n
    phi = ((table - expected) ** 2 / expected).sum() / n
    phi = max(0.0, phi - (r - 1) * (c - 1) / (n - 1))
    rows, columns = r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)
    return float(np.sqrt(phi / max(1e-12, min(rows, columns) - 1)))
