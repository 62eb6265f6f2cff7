"""Counts of a model's inputs in fixed bins: what is kept of a set of rows, and merges with that of others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError, quote
from headrace.core.drift.two_samples import Counts
from headrace.core.features.bins import ColumnBins


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

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        bins = {"categories": list(self.bins.categories)} if self.bins.categories else {"edges": list(self.bins.edges)}
        return {"name": self.bins.name, **bins, "counts": self.counts.tolist(), "missing": self.missing}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` returned.

        Raises:
            InputError: If the document is not that of a column.
        """
        try:
            bins = ColumnBins(
                str(document["name"]),
                edges=tuple(map(float, document.get("edges", ()))),
                categories=tuple(map(str, document.get("categories", ()))),
            )
            counts, missing = np.array(document["counts"], dtype=np.int64), int(document["missing"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                "a profile's column must have a name, edges or categories, counts and a number of missing values; it "
                f"is {quote(document)}."
            ) from error
        if counts.shape != (bins.count,) or counts.min(initial=0) < 0 or missing < 0:
            raise InputError(
                f"the profile's column {quote(bins.name)} must have {bins.count} counts, one for each bin, none of "
                f"them negative; it has {quote(document['counts'])}."
            )
        return cls(bins, counts, missing)


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
        return cls(tuple(_count(column, values) for column, values in pairs), len(matrix))

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

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"rows": self.rows, "columns": [column.as_json() for column in self.columns]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what ``as_json`` returned.

        Raises:
            InputError: If the document is not one of counts.
        """
        if not isinstance(document.get("rows"), int) or not isinstance(document.get("columns"), list):
            raise InputError(f"counts must be an object with rows and columns; got {quote(document)}.")
        return cls(tuple(map(ColumnCounts.from_json, document["columns"])), document["rows"])


def _count(bins: ColumnBins, values: NDArray[np.float64]) -> ColumnCounts:
    present = values[~np.isnan(values)]
    if bins.categories:
        positions = present.astype(np.int64)
        positions[positions < 0] = len(bins.categories)
    else:
        positions = np.searchsorted(np.array(bins.edges), present)
    counts = np.bincount(positions, minlength=bins.count).astype(np.int64)
    return ColumnCounts(bins, counts, len(values) - len(present))
