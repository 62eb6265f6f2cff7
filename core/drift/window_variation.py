"""How much the windows of a process differ from one another, beyond what independent rows do.

Windows of a seasonal process differ more than samples of independent rows: the variance of a window's shares is that
of a multinomial times ``1 + rows * rho``. ``rho`` is estimated for each column by the method of moments, from the
distances of blocks of time to all of them together (Rao and Scott 1984, On chi-squared tests for multiway contingency
tables with cell proportions estimated from survey data, Annals of Statistics 12, for counts in clusters), in the
metric of the test that uses it.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.drift.extra_variance import ExtraVariance
from headrace.core.drift.input_counts import ColumnCounts, InputCounts
from headrace.core.drift.two_samples import NO_EXTRA, Counts, measure_bins, measure_categories, measure_ordered

HOUR, DAY, WEEK = 3600, 86_400, 604_800
SPANS = (HOUR, DAY, WEEK)
_LEAST_EXPECTED = 1.0


@dataclass(frozen=True)
class ColumnVariation:
    """Sums over blocks of a column's distances to all blocks, less what independent rows would give.

    Attributes:
        name: Name of the column.
        distribution: Of the distribution of its values.
        missing: Of the share of missing values.
        bin: Of the share of that bin of a number which varies most; 0 for a category.
    """

    name: str
    distribution: float
    missing: float
    bin: float = 0.0


@dataclass(frozen=True)
class WindowVariation:
    """How much blocks of time differ; the sums of two sets of blocks add up.

    Attributes:
        seconds: Length of a block, in seconds.
        blocks: Number of blocks.
        rows: Rows in them.
        columns: The sums of each column.
        features: Sums of the features of the joint test, in their order; empty if there is none.
        prediction: Sum of the distribution of the predictions; absent if they are not known.
        centres: Mean within a block of the features of the joint test; empty if there is none.
    """

    seconds: int
    blocks: int
    rows: int
    columns: tuple[ColumnVariation, ...]
    features: tuple[float, ...] = ()
    prediction: float | None = None
    centres: tuple[float, ...] = ()

    def __add__(self, other: Self) -> "WindowVariation":
        """Return the sums over the blocks of both, with the centres of the first."""
        pairs = zip(self.columns, other.columns, strict=True)
        return WindowVariation(
            self.seconds,
            self.blocks + other.blocks,
            self.rows + other.rows,
            tuple(
                ColumnVariation(
                    one.name, one.distribution + two.distribution, one.missing + two.missing, one.bin + two.bin
                )
                for one, two in pairs
            ),
            tuple(one + two for one, two in zip(self.features, other.features, strict=False)),
            None if self.prediction is None or other.prediction is None else self.prediction + other.prediction,
            self.centres,
        )

    @functools.cached_property
    def by_column(self) -> Mapping[str, ColumnVariation]:
        """The sums by the name of their column."""
        return {column.name: column for column in self.columns}

    def extra_variance(self, total: float) -> ExtraVariance:
        """Return the extra variance that follows from one of the sums."""
        return ExtraVariance(total / self.rows, self.blocks, self.rows / self.blocks) if self.rows else NO_EXTRA


def measure_variation(
    blocks: Sequence[InputCounts],
    *,
    seconds: int,
    features: Sequence[float] = (),
    predictions: Sequence[ColumnCounts] = (),
    centres: Sequence[float] = (),
) -> WindowVariation | None:
    """Measure how much blocks of time differ.

    Args:
        blocks: Counts of each block's rows, in equal bins; blocks without rows are left out.
        seconds: Length of a block, in seconds.
        features: Sums of the features of the joint test over the same blocks.
        predictions: Counts of each block's predictions, in equal bins.
        centres: Mean within a block of the features of the joint test.

    Returns:
        The sums; None if fewer than two blocks have rows.
    """
    filled = [block for block in blocks if block.rows]
    if len(filled) < 2:
        return None
    columns = zip(*(block.columns for block in filled), strict=True)
    return WindowVariation(
        seconds,
        len(filled),
        sum(block.rows for block in filled),
        tuple(_measure_column(column) for column in columns),
        tuple(features),
        _excess_of_numbers(np.array([counts.counts for counts in predictions])) if predictions else None,
        tuple(centres),
    )


def choose_variation(variations: Sequence[WindowVariation], seconds: float) -> WindowVariation | None:
    """Choose the blocks whose length is nearest to that of a window, in ratio; None if there are none."""
    return min(variations, key=lambda one: abs(np.log(one.seconds / max(seconds, 1.0))), default=None)


def _measure_column(blocks: Sequence[ColumnCounts]) -> ColumnVariation:
    counts = np.array([block.counts for block in blocks])
    missing = np.array([[block.missing, block.rows - block.missing] for block in blocks])
    name, shares = blocks[0].bins.name, _excess_of_categories(missing)
    if blocks[0].bins.categories:
        listed = counts[:, :-1]
        # The whole varies at least as much as any of its categories, which is known better than a sum over all.
        return ColumnVariation(name, max(_excess_of_categories(listed), _excess_of_bins(listed)), shares)
    return ColumnVariation(name, _excess_of_numbers(counts), shares, _excess_of_bins(counts))


def _excess_of_bins(counts: Counts) -> float:
    """Return the largest excess of a single bin over blocks (b, k); 0 if all rows are in one bin."""
    filled, total, _ = _effective_rows(counts)
    return float(measure_bins(filled).max()) if np.count_nonzero(total) > 1 else 0.0


def _excess_of_numbers(counts: Counts) -> float:
    """Return the excess of blocks (b, k) in ordered bins; 0 if all rows are in one bin."""
    counts, total, rows = _effective_rows(counts)
    if np.count_nonzero(total) < 2:
        return 0.0
    return float((rows * measure_ordered(total, counts, total) - 1.0).sum())


def _excess_of_categories(counts: Counts) -> float:
    """Return the excess of blocks (b, k) by category; 0 if all rows are of one category."""
    counts, total, rows = _effective_rows(counts)
    if np.count_nonzero(total) < 2:
        return 0.0
    distances, degrees = measure_categories(total, counts, total, threshold=_LEAST_EXPECTED * len(counts))
    return float((rows * distances - degrees).sum())


def _effective_rows(counts: Counts) -> tuple[Counts, Counts, NDArray[np.float64]]:
    """Return the blocks (b, k) that are parts of a larger whole, the whole (k,), and their effective rows (b,)."""
    total = counts.sum(axis=0)
    sizes = counts.sum(axis=1)
    kept = (sizes > 0) & (sizes < total.sum())
    return counts[kept], total, 1 / (1 / sizes[kept] - 1 / total.sum())
