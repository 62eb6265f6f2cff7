"""Probe rows: those on which a converted model could differ from its original."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.features.matrix_layout import LARGEST, MatrixColumn
from headrace.core.features.model_matrix import Matrix
from headrace.core.models.fitted_model import Model
from headrace.core.models.networks.network_estimator import NetworkEstimator
from headrace.core.onnx_export.export import read_plan
from headrace.core.onnx_export.tree_ensemble import Tree
from headrace.core.onnx_export.trees import list_trees

_MOST_ROWS = 2_000
_NETWORK_ROWS = 256
_MOST_COLUMNS = 1_000
_MOST_CATEGORIES = 50
_MOST_TREES = 250
_MOST_SPLITS = 1_000
_T = TypeVar("_T")
# Cells in one block of rows.
_BLOCK = 1 << 22
# The last one is 0 in float32.
_SMALL = (0.0, -1.0, 1.0, 1e-300)


def blocks(model: Model, matrix: Matrix) -> Iterator[Matrix]:
    """Iterate over real rows, and rows derived from them, a few at a time.

    Derived rows have one column missing, or all; each category, including unlisted ones; the largest, the lowest and
    the smallest numbers that the contract allows; and numbers at the splits of trees, or one step beside them in
    float64 or float32, in rows that reach those splits.

    Args:
        model: The model.
        matrix: Model matrix (n, p) of real rows; the first 2000 are used.

    Yields:
        Matrices (m, p).
    """
    real = matrix[:_MOST_ROWS] if len(matrix) else np.full((1, matrix.shape[1]), np.nan)
    if isinstance(model.pipeline[-1], NetworkEstimator):
        # The original is the same graph: other rows could not show a difference.
        yield from _split_rows(real[:_NETWORK_ROWS])
        return
    yield from _split_rows(real)
    columns = matrix_layout.columns(model.contract)
    markers = _markers(model.pipeline.named_steps["prepare"])
    yield np.where([_may_be_missing(column, model.contract) for column in columns], np.nan, real[:1])
    changes = [
        (row % len(real), column, value)
        for row, column in enumerate(_evenly(range(len(columns)), _MOST_COLUMNS))
        for value in _values(columns[column], model.contract) + (markers if columns[column].categories is None else [])
    ]
    # The matrix holds nothing beyond `LARGEST`, so an engine never sees it.
    changes += [
        (row, column, value)
        for row, column, split in _splits(model, real)
        for value in _beside(split)
        if abs(value) <= LARGEST
    ]
    size = max(1, _BLOCK // real.shape[1])
    for start in range(0, len(changes), size):
        rows, places, values = zip(*changes[start : start + size], strict=True)
        derived = real[list(rows)]
        derived[range(len(derived)), list(places)] = values
        yield derived


def _split_rows(rows: Matrix) -> Iterator[Matrix]:
    size = max(1, _BLOCK // rows.shape[1])
    for start in range(0, len(rows), size):
        yield np.ascontiguousarray(rows[start : start + size])


def _values(column: MatrixColumn, contract: Contract) -> list[float]:
    """Return the values to try in a column."""
    if column.categories is not None:
        return [np.nan, -1.0, *map(float, _evenly(range(len(column.categories)), _MOST_CATEGORIES))]
    low, high = -LARGEST, LARGEST
    if column.name in contract.names and contract.refuses("range"):
        bounds = contract.column(column.name)
        low = low if bounds.minimum is None else bounds.minimum
        high = high if bounds.maximum is None else bounds.maximum
    missing = [np.nan] if _may_be_missing(column, contract) else []
    return [*missing, low, high, *(value for value in _SMALL if low <= value <= high)]


def _markers(prepare: object) -> list[float]:
    """Return the numbers that imputers of the preprocessing take for missing values."""
    steps = [step for _, step, *_ in getattr(prepare, "transformers_", getattr(prepare, "steps", ()))]
    marker = getattr(prepare, "missing_values", None)
    own = [float(marker)] if isinstance(marker, int | float) and not np.isnan(marker) else []
    return own + [marker for step in steps for marker in _markers(step)]


def _may_be_missing(column: MatrixColumn, contract: Contract) -> bool:
    """Return whether a row without the value reaches the model."""
    is_needed = contract.refuses("missing") and column.name in contract.names
    return not is_needed or contract.column(column.name).missing > 0 or column.categories is not None


def _splits(model: Model, real: Matrix) -> list[tuple[int, int, float]]:
    """Return row, column and threshold of splits by a number: a row that reaches the split, and the number's column."""
    trees = _evenly(list_trees(model.pipeline.named_steps["estimator"]), _MOST_TREES)
    if not trees:
        return []
    columns = [part.column for part in read_plan(model).parts]
    numbers = {place for place, column in enumerate(matrix_layout.columns(model.contract)) if column.categories is None}
    # Splits refer to prepared columns: numbers are unscaled there, so a threshold is in the column's own unit.
    prepared = np.asarray(model.pipeline.named_steps["prepare"].transform(real), dtype=np.float64)
    splits = [
        (int(row), columns[feature], float(split))
        for tree in trees
        for row, feature, split in _inner(tree, prepared)
        if columns[feature] in numbers
    ]
    return _evenly(splits, _MOST_SPLITS)


def _inner(tree: Tree, prepared: Matrix) -> list[tuple[int, int, float]]:
    reached = tree.find_reaching_rows(prepared)
    nodes = np.flatnonzero((reached >= 0) & (tree.left >= 0))
    return list(zip(reached[nodes].tolist(), tree.feature[nodes].tolist(), tree.threshold[nodes].tolist(), strict=True))


def _beside(value: float) -> list[float]:
    """Return a threshold and its neighbours, in float64 and in float32, which forests round a row to."""
    with np.errstate(over="ignore"):
        single = np.float32(value)
    wide = [float(np.nextafter(value, way)) for way in (-np.inf, np.inf)]
    narrow = [float(np.nextafter(single, np.float32(way))) for way in (-np.inf, np.inf)]
    return [value, *wide, float(single), *narrow]


def _evenly(items: Sequence[_T], most: int) -> list[_T]:
    """Return all items, or at most this many, spread evenly."""
    if len(items) <= most:
        return list(items)
    return [items[place] for place in np.linspace(0, len(items) - 1, most).round().astype(int).tolist()]
