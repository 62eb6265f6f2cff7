"""Which rows of a table were drawn together, so that what is said of chance counts draws and not rows.

Rows of one person, one site or one hour resemble each other: a hundred of them tell less than a hundred unrelated rows,
and an interval that counts each of them is too short (Kish 1965, Survey Sampling, section 5.4).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract

ClusterKind = Literal["row", "key", "group", "inputs", "time"]

# Batches of a series: beyond about 30 little is gained, and long ones keep what depends on each other together
# (Schmeiser 1982, Batch Size Effects in the Analysis of Simulation Output, Operations Research 30).
MOST_BLOCKS = 25

# What is drawn, one and many.
_NOUNS: dict[ClusterKind, tuple[str, str]] = {
    "row": ("row", "rows"),
    "key": ("key", "keys"),
    "group": ("group", "groups"),
    "inputs": ("set of inputs", "sets of inputs"),
    "time": ("block of consecutive rows", "blocks of consecutive rows"),
}


@dataclass(frozen=True)
class RowClusters:
    """Rows that were drawn together.

    Attributes:
        by: What they share: a ``key``, a ``group``, all ``inputs``, a stretch of ``time``; or ``row``, if each was
            drawn by itself.
        codes: Number (n,) of each row's cluster, from 0 on, none left out.
        count: How many there are.
    """

    by: ClusterKind
    codes: NDArray[np.int64]
    count: int

    @property
    def plural(self) -> str:
        """What they are called, such as ``groups``."""
        return _NOUNS[self.by][1]

    @property
    def drawn(self) -> str:
        """How many of what, such as ``37 groups``."""
        return f"{self.count:,} {_NOUNS[self.by][self.count != 1]}"

    @property
    def sentence(self) -> str:
        """By what intervals are, such as ``95 % intervals by group: 37 groups``."""
        return f"95 % intervals by {self.by}: {self.drawn}"

    def as_json(self) -> dict[str, Any]:
        """``by``, ``clusters`` (how many) and ``sentence``."""
        return {"by": self.by, "clusters": self.count, "sentence": self.sentence}

    def take(self, rows: NDArray[np.int64]) -> "RowClusters":
        """The clusters of some rows only."""
        return _of(self.by, self.codes[rows])


def by_row(rows: int) -> RowClusters:
    """Each of ``rows`` rows by itself."""
    return RowClusters("row", np.arange(rows, dtype=np.int64), rows)


def find(rows: pl.DataFrame, contract: Contract) -> RowClusters:
    """The rows that were drawn together.

    By group, if the contract has one; by equal inputs, if it asks for that; by key, if it has keys and some repeat; by
    time, if it names a time column: rows in the order of time are cut into blocks, equal times never parted; else, and
    where no two rows share what it would be by, by row. A row without a group or a key is a cluster of its own. Rows
    without a time are the earliest.

    Blocks have as many rows as the cube root of n, the length that serves a block bootstrap of a variance best (Hall,
    Horowitz and Jing 1995, Biometrika 82), or more, so that there are at most ``MOST_BLOCKS``.

    Args:
        rows: Typed table (n rows); a column that is not in it is not asked for.
        contract: Its contract.
    """
    group = [column.name for column in contract.columns if column.role == "group" and column.name in rows.columns]
    keys = [name for name in contract.keys if name in rows.columns]
    found = by_row(rows.height)
    if group:
        found = _equal(rows, group, by="group")
    elif contract.group == "inputs":
        found = _equal(rows, [column.name for column in contract.inputs], by="inputs", nulls_apart=False)
    elif keys and len(keys) == len(contract.keys):
        found = _equal(rows, keys, by="key")
    if found.count == rows.height and contract.time_column in rows.columns:
        found = _blocks(rows.get_column(contract.time_column))
    return found if found.count < rows.height else by_row(rows.height)


def _equal(rows: pl.DataFrame, names: list[str], *, by: ClusterKind, nulls_apart: bool = True) -> RowClusters:
    """Rows with equal values; those without one are apart, or equal in that."""
    values = rows.select(names)
    whole = ~values.select(pl.any_horizontal(pl.all().is_null()) & nulls_apart).to_series()
    known = values.unique().with_row_index("_code")
    codes = values.join(known, on=names, how="left", nulls_equal=True, maintain_order="left").get_column("_code")
    apart = pl.int_range(known.height, known.height + rows.height, eager=True)
    return _of(by, codes.cast(pl.Int64).zip_with(whole, apart).to_numpy())


def _blocks(times: pl.Series) -> RowClusters:
    """Stretches of rows in the order of time."""
    rows = len(times)
    count = max(1, min(MOST_BLOCKS, round(rows ** (2 / 3))))
    earlier = (times.rank("min").cast(pl.Int64) - 1 + times.null_count()).fill_null(0).to_numpy()
    return _of("time", earlier * count // max(1, rows))


def _of(by: ClusterKind, codes: NDArray[np.int64]) -> RowClusters:
    """Clusters numbered without gaps, in the order in which they first come up."""
    known, first, places = np.unique(codes, return_index=True, return_inverse=True)
    order = np.empty(len(known), dtype=np.int64)
    order[np.argsort(first)] = np.arange(len(known))
    return RowClusters(by, order[places], len(known))
