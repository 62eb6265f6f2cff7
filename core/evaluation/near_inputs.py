"""Test rows much nearer to a training row than the table is dense: several rows of one unit that no column names.

The distances from a row to its neighbours give the table's local dimension (Levina and Bickel 2004, Maximum
likelihood estimation of intrinsic dimension). If rows are drawn one by one, the nearest of k neighbours at distance
d_1 has (d_1 / d_k) ** dimension < u / k in a share u of the rows, whatever the table. Where each patient, device or
place has several rows, the nearest neighbour of most rows is much nearer than that.

This holds for numbers alone: beside a category, or between tied values, rows are near on one scale and far on another.
So categories are left out, and ties are broken at random.
"""

import math
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.evaluation_document import NearInputs
from headrace.core.tables import parquet_table

SUSPICIOUS = 0.4
BY_CHANCE = 0.01
_TEST_ROWS = 200
_TRAIN_ROWS = 10_000
_FEWEST_TRAIN_ROWS = 80
_NEIGHBOURS = 50
_FEWEST_VALUES_OF_A_NUMBER = 10
_REMEDY = (
    "If several rows are of one person, device or place, name the column that identifies it as the contract's "
    "group; if the table has none, the model is probably worse on new ones than it looks."
)

Floats = NDArray[np.float32]


def find(train_table: Path, test: pl.DataFrame, contract: Contract) -> NearInputs:
    """Compare at most 200 test rows with at most 10,000 training rows, both taken at even distances.

    A larger training part is thinned out, so that clusters of a few rows may be missed; those that only categories or
    unchanging numbers show are always missed. A table without numbers is not searched.

    Args:
        train_table: Folder of the training part.
        test: Typed test rows (n), n > 0.
        contract: The table's contract.
    """
    names = [column.name for column in contract.inputs]
    source = parquet_table.scan(train_table).select(names)
    rows = int(source.select(pl.len()).collect().item())
    if rows < _FEWEST_TRAIN_ROWS or contract.group:
        return NearInputs(0.0, 0)
    train = source.gather_every(math.ceil(rows / _TRAIN_ROWS)).collect()
    sample = test.select(names).gather_every(math.ceil(test.height / _TEST_ROWS))
    values, ranks = _values_and_ranks(pl.concat([train, sample]))
    if not ranks.shape[1]:
        return NearInputs(0.0, 0)
    train_part = slice(0, train.height)
    chances = [
        _chance(
            np.abs(ranks[train_part] - ranks[row]).sum(axis=1)[(values[train_part] != values[row]).any(axis=1)],
            train.height,
        )
        for row in range(train.height, len(ranks))
    ]
    share = float((np.array(chances) < BY_CHANCE).mean())
    if share < SUSPICIOUS:
        return NearInputs(share, sample.height)
    sentence = (
        f"{share:.0%} of {sample.height} test rows that were looked at nearly repeat a training row, where chance "
        f"would give about {BY_CHANCE:.0%}: rows seem to come in clusters, on both sides of the split, that no column "
        "names."
    )
    return NearInputs(share, sample.height, clusters=True, sentence=sentence, remedy=_REMEDY)


def _values_and_ranks(table: pl.DataFrame) -> tuple[NDArray[np.float64], Floats]:
    """Return the numbers and times of n rows (n, d), and their ranks from 0 to 1; ties are broken by a fixed seed."""
    values: list[NDArray[np.float64]] = []
    ranks: list[NDArray[np.float64]] = []
    for column in table.get_columns():
        continuous = column.dtype.is_numeric() or column.dtype.is_temporal()
        if continuous and column.n_unique() > _FEWEST_VALUES_OF_A_NUMBER:
            numbers = column.to_physical().cast(pl.Float64).fill_nan(None).fill_null(-math.inf)
            values.append(numbers.to_numpy())
            ranks.append(numbers.rank("random", seed=len(ranks)).to_numpy() / table.height)
    none = np.empty((table.height, 0))
    return np.column_stack([none, *values]), np.column_stack([none, *ranks]).astype(np.float32)


def _chance(distances: Floats, train_rows: int) -> float:
    """Estimate the chance of a neighbour as near as the nearest one, given distances (m,) to training rows.

    Args:
        distances: Distances to the training rows that differ from the row; ``equal_inputs`` reports equal ones.
        train_rows: Number of all training rows.

    Returns:
        The chance; 1 where too few different rows or no dimension remain.
    """
    near = min(_NEIGHBOURS, train_rows // 8)
    if len(distances) < 2 * near:
        return 1.0
    ordered = np.sort(np.partition(distances, 2 * near - 1)[: 2 * near])
    inner, outer = ordered[near // 2 - 1], ordered[-1]
    if outer <= inner:
        return 1.0
    # The number of neighbours grows as distance ** dimension: two distances give the dimension.
    dimension = math.log(2 * near / (near // 2)) / math.log(float(outer / inner))
    return min(math.pow(float(ordered[0] / ordered[near - 1]), dimension) * near, 1.0)
