"""Test rows much nearer to a training row than the table is dense: rows of one thing that no column names.

Around a row, the distances to its neighbours tell the table's local dimension (Levina and Bickel 2004, Maximum
likelihood estimation of intrinsic dimension). If rows are drawn one by one, the nearest of k neighbours at distance
d_1 has (d_1 / d_k) ** dimension < u / k in a share u of the rows, whatever the table. Where several rows are measured
of each patient, device or place, the nearest one is much nearer than that, in most rows.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.tables import parquet_table

SUSPICIOUS = 0.4
BY_CHANCE = 0.01
_TEST_ROWS = 200
_TRAIN_ROWS = 10_000
_FEWEST_TRAIN_ROWS = 80
_NEIGHBOURS = 50
_FEWEST_VALUES_OF_A_NUMBER = 10
_REMEDY = (
    "If several rows are of one person, device or place, name the column that tells which one as the contract's "
    "group; if the table has none, the model is probably worse on new ones than it looks."
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class NearInputs:
    """How many test rows nearly repeat a training row.

    Attributes:
        share: Share of the test rows that were looked at; ``BY_CHANCE`` would be expected.
        rows: How many were looked at.
        clusters: Whether there are so many that the table probably has clusters of rows which no column names.
        sentence: The same for people; empty unless ``clusters``.
        remedy: What to do about them; empty as well.
    """

    share: float
    rows: int
    clusters: bool = False
    sentence: str = ""
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """The attributes by name."""
        return asdict(self)


def find(train_table: Path, test: pl.DataFrame, contract: Contract) -> NearInputs:
    """Compare at most 200 test rows with at most 10,000 training rows, both taken at even distances.

    Where a larger training part is thinned out, clusters of a few rows may go unseen.

    Args:
        train_table: Folder of the training part.
        test: Typed test rows, at least one.
        contract: The table's contract.
    """
    names = [column.name for column in contract.inputs]
    source = parquet_table.scan(train_table).select(names)
    rows = int(source.select(pl.len()).collect().item())
    if rows < _FEWEST_TRAIN_ROWS or contract.group:
        return NearInputs(0.0, 0)
    train = source.gather_every(math.ceil(rows / _TRAIN_ROWS)).collect()
    some = test.select(names).gather_every(math.ceil(test.height / _TEST_ROWS))
    ranks, codes = _ranks_and_codes(pl.concat([train, some]))
    known = slice(0, train.height)
    chances = np.array(
        [
            _chance(np.abs(ranks[known] - ranks[row]).sum(axis=1) + (codes[known] != codes[row]).sum(axis=1) / 2)
            for row in range(train.height, len(ranks))
        ]
    )
    share = float((chances < BY_CHANCE).mean())
    if share < SUSPICIOUS:
        return NearInputs(share, some.height)
    sentence = (
        f"{share:.0%} of {some.height} test rows that were looked at nearly repeat a training row, where chance would "
        f"give about {BY_CHANCE:.0%}: rows seem to come in clusters, on both sides of the split, that no column names."
    )
    return NearInputs(share, some.height, clusters=True, sentence=sentence, remedy=_REMEDY)


def _ranks_and_codes(table: pl.DataFrame) -> tuple[Floats, Floats]:
    """The columns of n rows that are numbers, as ranks from 0 to 1 (n, d), and the others, as codes (n, e)."""
    ranks, codes = [], []
    for column in table.get_columns():
        continuous = column.dtype.is_numeric() or column.dtype.is_temporal()
        if continuous and column.n_unique() > _FEWEST_VALUES_OF_A_NUMBER:
            ranks.append(column.rank().fill_null(0).to_numpy() / table.height)
        else:
            codes.append(column.rank("dense").fill_null(0).to_numpy())
    return _columns(ranks, table.height), _columns(codes, table.height)


def _columns(arrays: Sequence[NDArray[Any]], rows: int) -> Floats:
    """Arrays (n,) side by side (n, d), of which there may be none."""
    return np.column_stack([np.empty((rows, 0)), *arrays]).astype(np.float32)


def _chance(distances: Floats) -> float:
    """How rarely a row whose training rows (n,) are so far away has a neighbour as near as the nearest, about.

    Equal rows are left out, for ``equal_inputs`` tells of them; 1 where too few others or no dimension is left.
    """
    near = min(_NEIGHBOURS, len(distances) // 8)
    apart = distances[distances > 1e-6]
    if len(apart) < 2 * near:
        return 1.0
    ordered = np.sort(np.partition(apart, 2 * near - 1)[: 2 * near])
    inner, outer = ordered[near // 2 - 1], ordered[-1]
    if outer <= inner:
        return 1.0
    dimension = math.log(2 * near / (near // 2)) / math.log(float(outer / inner))
    return min(math.pow(float(ordered[0] / ordered[near - 1]), dimension) * near, 1.0)
