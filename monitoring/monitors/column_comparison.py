"""The distribution of a column in training and in a window, in few groups for people."""

from itertools import pairwise

import numpy as np

from headrace.core.drift.input_counts import ColumnCounts
from headrace.reports.base.number_format import number
from headrace.reports.monitoring.history import ColumnComparison

_MOST_GROUPS = 8


def compare_column(reference: ColumnCounts, window: ColumnCounts, sentence: str) -> ColumnComparison:
    """Return the shares of a column's values then and now, in at most eight groups and one for missing values.

    Args:
        reference: Counts of the training part.
        window: Counts of the window, in the same bins.
        sentence: What changed, in words.
    """
    labels, ends = _groups(reference)
    shares = [
        [*(float(part.sum()) for part in np.split(counts.counts, ends[:-1])), float(counts.missing)]
        for counts in (reference, window)
    ]
    totals = [max(counts.rows, 1) for counts in (reference, window)]
    kept = [index for index in range(len(labels)) if shares[0][index] or shares[1][index]]
    return ColumnComparison(
        reference.bins.name,
        tuple(labels[index] for index in kept),
        tuple(shares[0][index] / totals[0] for index in kept),
        tuple(shares[1][index] / totals[1] for index in kept),
        sentence,
    )


def _groups(reference: ColumnCounts) -> tuple[list[str], list[int]]:
    """Return the label of each group, that of missing values last, and the index after the last bin of each other."""
    count = len(reference.counts)
    if reference.bins.categories:
        ends = [*range(1, min(count, _MOST_GROUPS)), count]
        names = [*reference.bins.categories, "(not listed)"]
        labels = [names[end - 1] for end in ends[:-1]]
        labels.append(names[-1] if count <= _MOST_GROUPS else "(others)")
        return [*labels, "(missing)"], ends
    edges = reference.bins.edges
    cumulated = np.cumsum(reference.counts) / max(int(reference.counts.sum()), 1)
    wanted = np.searchsorted(cumulated, np.arange(1, _MOST_GROUPS - 1) / (_MOST_GROUPS - 2)) + 1
    # The first and the last bin hold what training never saw, below and above its range.
    inner = sorted({int(end) for end in wanted if 1 < end < count - 1})
    ends = [1, *inner, count - 1, count] if count > 2 else list(range(1, count + 1))
    limits = [edges[end - 1] for end in ends[:-1]]
    labels = [f"up to {number(limits[0])}"] if limits else ["all"]
    labels += [f"{number(low)} to {number(high)}" for low, high in pairwise(limits)]
    labels += [f"above {number(limits[-1])}"] if limits else []
    return [*labels, "(missing)"], ends
