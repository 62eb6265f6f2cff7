"""Clusters: rows of a table that were sampled together, so that statistics count draws and not rows.

Rows of one person, one site or one hour resemble each other: a hundred of them carry less information than a hundred
independent rows, and an interval that counts each of them is too short (Kish 1965, Survey Sampling, section 5.4).
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract

ClusterKind = Literal["row", "key", "group", "inputs", "time", "request"]

# Batches of a series: more than about 30 gain little, and long ones keep dependent rows together
# (Schmeiser 1982, Batch Size Effects in the Analysis of Simulation Output, Operations Research 30).
MOST_BLOCKS = 25

# Name of the sampling unit, singular and plural.
_NOUNS: dict[ClusterKind, tuple[str, str]] = {
    "row": ("row", "rows"),
    "key": ("key", "keys"),
    "group": ("group", "groups"),
    "inputs": ("set of inputs", "sets of inputs"),
    "time": ("block of consecutive rows", "blocks of consecutive rows"),
    "request": ("request", "requests"),
}


@dataclass(frozen=True)
class RowClusters:
    """Rows that were sampled together.

    Attributes:
        by: What the rows of a cluster share: a ``key``, a ``group``, all ``inputs``, a stretch of ``time``, a
            ``request`` to a model in use; or ``row``, if rows are independent.
        codes: Number (n,) of each row's cluster, from 0 on without gaps.
        count: Number of clusters.
    """

    by: ClusterKind
    codes: NDArray[np.int64]
    count: int

    @property
    def plural(self) -> str:
        """Name of the clusters, such as ``groups``."""
        return _NOUNS[self.by][1]

    @property
    def label(self) -> str:
        """Number and name of the clusters, such as ``37 groups``."""
        return f"{self.count:,} {_NOUNS[self.by][self.count != 1]}"

    @property
    def sentence(self) -> str:
        """The sampling unit of intervals, such as ``95 % intervals by group: 37 groups``."""
        return f"95 % intervals by {self.by}: {self.label}"

    def take(self, rows: NDArray[np.int64]) -> "RowClusters":
        """Return the clusters of the rows with these indices (m,)."""
        return _of(self.by, self.codes[rows])


def by_row(rows: int) -> RowClusters:
    """Return clusters of one row each."""
    return RowClusters("row", np.arange(rows, dtype=np.int64), rows)


def find(rows: pl.DataFrame, contract: Contract) -> RowClusters:
    """Find the rows that were sampled together.

    They are clustered by group, if the contract has one; by equal inputs, if it says so; by key, if it has keys and
    some repeat; by time, if it names a time column: rows in the order of time are cut into blocks, equal times in one
    block; otherwise, and where all clusters would have one row, by row. A row without a group or a key is a cluster of
    its own. Rows without a time are the earliest.

    A block has as many rows as the cube root of n, the best length for a block bootstrap of a variance (Hall,
    Horowitz and Jing 1995, Biometrika 82), or more, so that there are at most ``MOST_BLOCKS``.

    Args:
        rows: Typed table (n rows); columns of the contract may be absent.
        contract: Its contract.
    """
    group = [column.name for column in contract.columns if column.role == "group" and column.name in rows.columns]
    keys = [name for name in contract.keys if name in rows.columns]
    clusters = by_row(rows.height)
    if group:
        clusters = _equal(rows, group, by="group")
    elif contract.group == "inputs":
        clusters = _equal(rows, [column.name for column in contract.inputs], by="inputs", nulls_apart=False)
    elif keys and len(keys) == len(contract.keys):
        clusters = _equal(rows, keys, by="key")
    if clusters.count == rows.height and contract.time_column in rows.columns:
        clusters = _blocks(rows.get_column(contract.time_column))
    return clusters if clusters.count < rows.height else by_row(rows.height)


def _equal(rows: pl.DataFrame, names: list[str], *, by: ClusterKind, nulls_apart: bool = True) -> RowClusters:
    """Cluster rows with equal values; rows with a missing value are apart, or count as equal."""
    values = rows.select(names)
    complete = ~values.select(pl.any_horizontal(pl.all().is_null()) & nulls_apart).to_series()
    distinct = values.unique().with_row_index("_code")
    codes = values.join(distinct, on=names, how="left", nulls_equal=True, maintain_order="left").get_column("_code")
    apart = pl.int_range(distinct.height, distinct.height + rows.height, eager=True)
    return _of(by, codes.cast(pl.Int64).zip_with(complete, apart).to_numpy())


def _blocks(times: pl.Series) -> RowClusters:
    """Cut rows into blocks in the order of time."""
    rows = len(times)
    count = max(1, min(MOST_BLOCKS, round(rows ** (2 / 3))))
    earlier = (times.rank("min").cast(pl.Int64) - 1 + times.null_count()).fill_null(0).to_numpy()
    return _of("time", earlier * count // max(1, rows))


def _of(by: ClusterKind, codes: NDArray[np.int64]) -> RowClusters:
    """Number clusters without gaps, in the order of their first row."""
    distinct, first, places = np.unique(codes, return_index=True, return_inverse=True)
    order = np.empty(len(distinct), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(distinct))
    return RowClusters(by, order[places], len(distinct))
