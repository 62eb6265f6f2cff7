"""Bins in which a model's inputs are counted, chosen from the rows that it was fitted on."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.core.features.bins import ColumnBins
from headrace.core.features.matrix_layout import MatrixColumn

MOST_BINS = 64
_DIGITS = 17


def choose_bins(matrix: NDArray[np.float64], columns: Sequence[MatrixColumn]) -> tuple[ColumnBins, ...]:
    """Choose about equally filled bins for numbers, and one for each category of the others.

    A number's edges lie between values, never on one: a value that many rows share has a bin to itself, and no edge
    discloses the value of a row.

    Args:
        matrix: Model matrix (n, p) of rows of the training part, or of a sample of them.
        columns: The matrix's columns (p).

    Returns:
        The bins of each column, at most about 66 for a number.
    """
    return tuple(
        ColumnBins(column.name, categories=column.categories)
        if column.categories is not None
        else ColumnBins(column.name, edges=choose_edges(values))
        for column, values in zip(columns, matrix.T, strict=True)
    )


def choose_edges(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Choose ascending edges between values (n,), so that about 64 bins hold about equally many of them.

    Two more edges lie beyond the least and the largest value: what training never saw has bins of its own.
    """
    distinct, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    if not len(distinct):
        return ()
    size = counts.sum() / MOST_BINS
    low, high = float(distinct[0]), float(distinct[-1])
    margin = (high - low or abs(high) or 1.0) / MOST_BINS
    edges, filled = [_between(low - margin, low)], 0.0
    for position in range(len(distinct) - 1):
        filled += counts[position]
        # A bin is full, or the next value fills one by itself.
        if filled >= size or counts[position + 1] >= size:
            edges.append(_between(float(distinct[position]), float(distinct[position + 1])))
            filled = 0.0
    # The largest value lies in the bin below this edge.
    return (*edges, _between(high, high + margin))


def _between(low: float, high: float) -> float:
    """Return a number of few digits that is at least ``low`` and below ``high``: its bin holds what is not above it."""
    middle = low + (high - low) / 2
    for digits in range(1, _DIGITS):
        rounded = float(f"{middle:.{digits}g}")
        if low < rounded < high:
            return rounded
    return low
