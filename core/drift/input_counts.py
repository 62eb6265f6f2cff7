"""Counts of a model's inputs in fixed bins: what is kept of a set of rows, and merges with that of others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError, quote
from headrace.core.drift.two_samples import Counts
from headrace.core.features.bins import ColumnBins

Floats = NDArray[np.float64]
Positions = NDArray[np.int64]


def find_bins(values: Floats, bins: ColumnBins) -> Positions:
    """Return the bin (n,) of each value (n,), and one more than the last bin for a missing value.

    Args:
        values: Column (n,) of the model matrix; NaN is a missing value, -1 a category that is not listed.
        bins: The bins of the column.
    """
    missing = np.isnan(values)
    if bins.categories:
        positions = np.where(missing, bins.count, values).astype(np.int64)
        positions[positions < 0] = len(bins.categories)
    else:
        positions = np.searchsorted(np.array(bins.edges), values)
        positions[missing] = bins.count
    return positions


@dataclass(frozen=True, eq=False)
class ColumnCounts:
    """Counts of one column's values.

    Attributes:
        bins: The bins.
        counts: Rows (k,) in each bin; the last bin of a category holds values that the contract does not list.
        missing: Rows without a value.
    """

    bins: ColumnBins
    counts: Counts
    missing: int

    @property
    def rows(self) -> int:
        """Number of rows, with and without a value."""
        return int(self.counts.sum()) + self.missing

    def record(self) -> "ColumnRecord":
        """Return the counts as a part of a document."""
        edges, categories = list(self.bins.edges) or None, list(self.bins.categories) or None
        counts = tuple(self.counts.tolist())
        return ColumnRecord(
            self.bins.name,
            counts,
            self.missing,
            edges=None if edges is None else tuple(edges),
            categories=None if categories is None else tuple(categories),
        )

    @classmethod
    def of(cls, values: Floats, bins: ColumnBins) -> Self:
        """Count values (n,) in bins; NaN is a missing value, -1 a category that is not listed."""
        return cls.of_positions(find_bins(values, bins), bins)

    @classmethod
    def of_positions(cls, positions: Positions, bins: ColumnBins) -> Self:
        """Count the bins (n,) that ``find_bins`` returned."""
        counts = np.bincount(positions, minlength=bins.count + 1).astype(np.int64)
        return cls(bins, counts[:-1], int(counts[-1]))

    @classmethod
    def of_record(cls, record: "ColumnRecord") -> Self:
        """Return the counts of a document's part.

        Raises:
            InputError: If their number is not that of the bins, or one is negative.
        """
        bins = ColumnBins(record.name, edges=record.edges or (), categories=record.categories or ())
        counts = np.array(record.counts, dtype=np.int64)
        if counts.shape != (bins.count,) or counts.min(initial=0) < 0 or record.missing < 0:
            raise InputError(
                f"the profile's column {quote(bins.name)} must have {bins.count} counts, one for each bin, none of "
                f"them negative; it has {quote(record.counts)}: package the model again."
            )
        return cls(bins, counts, record.missing)


@dataclass(frozen=True, eq=False)
class InputCounts:
    """Counts of all inputs of a model, over one set of rows.

    Attributes:
        columns: The counts of each column.
        rows: Number of rows.
    """

    columns: tuple[ColumnCounts, ...]
    rows: int

    @classmethod
    def of(cls, matrix: NDArray[np.float64], bins: Sequence[ColumnBins]) -> Self:
        """Count the rows of a model matrix.

        Args:
            matrix: Model matrix (n, p); NaN is a missing value, -1 a category that is not listed.
            bins: The bins of its columns (p).
        """
        pairs = zip(bins, matrix.T, strict=True)
        return cls(tuple(ColumnCounts.of(values, column) for column, values in pairs), len(matrix))

    @classmethod
    def of_totals(cls, totals: Sequence[Counts], bins: Sequence[ColumnBins]) -> Self:
        """Return the counts whose totals (k + 1,) by bin are given for each column, missing values last."""
        pairs = zip(bins, totals, strict=True)
        rows = int(totals[0].sum()) if totals else 0
        return cls(tuple(ColumnCounts(column, counts[:-1], int(counts[-1])) for column, counts in pairs), rows)

    def __add__(self, other: Self) -> "InputCounts":
        """Return the counts of both sets of rows.

        Raises:
            InputError: If they are counted in different bins.
        """
        for first, second in zip(self.columns, other.columns, strict=False):
            if first.bins != second.bins:
                raise InputError(
                    f"counts are added in equal bins only; those of {quote(first.bins.name)} differ: count both sets "
                    "of rows with one model's profile."
                )
        if len(self.columns) != len(other.columns):
            raise InputError(
                f"counts are added of the same columns only; got {len(self.columns)} and {len(other.columns)}: count "
                "both sets of rows with one model's profile."
            )
        columns = tuple(
            ColumnCounts(first.bins, first.counts + second.counts, first.missing + second.missing)
            for first, second in zip(self.columns, other.columns, strict=True)
        )
        return InputCounts(columns, self.rows + other.rows)

    def record(self) -> "InputRecord":
        """Return the counts as a part of a document."""
        return InputRecord(self.rows, tuple(column.record() for column in self.columns))

    @classmethod
    def of_record(cls, record: "InputRecord") -> Self:
        """Return the counts of a document's part.

        Raises:
            InputError: If the counts of a column do not fit its bins, or its rows are not those of the whole.
        """
        counts = cls(tuple(map(ColumnCounts.of_record, record.columns)), record.rows)
        different = next((column for column in counts.columns if column.rows != record.rows), None)
        if different:
            raise InputError(
                f"the profile's column {quote(different.bins.name)} must count {record.rows} rows; it counts "
                f"{different.rows}: package the model again."
            )
        return counts


@dataclass(frozen=True)
class ColumnRecord:
    """Counts of one column's values, in a document.

    Attributes:
        name: Name of the column.
        counts: Rows in each bin; one more bin than edges, or than categories, for the values that are not listed.
        missing: Rows without a value.
        edges: Ascending upper edges of a number's bins, each inclusive; absent for categories.
        categories: The contract's categories; absent for a number.
    """

    name: str
    counts: tuple[int, ...]
    missing: int
    edges: tuple[float, ...] | None = None
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True)
class InputRecord:
    """Counts of all inputs over one set of rows, in a document.

    Attributes:
        rows: Number of rows.
        columns: The counts of each column.
    """

    rows: int
    columns: tuple[ColumnRecord, ...]
