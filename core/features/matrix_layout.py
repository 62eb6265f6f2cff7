"""The columns of the model matrix and the classes of a model, from the contract alone."""

from dataclasses import dataclass

import numpy as np

from headrace.core.base.errors import DataError, quote
from headrace.core.contracts.contract import Column, Contract, Dtype

_COUNTED_PIXELS = 16
LARGEST = 1e30
"""Largest magnitude in the matrix: trees compare in float32, and sums over whole columns must not overflow."""


@dataclass(frozen=True)
class MatrixColumn:
    """One column of the matrix.

    Attributes:
        name: Name of the table's column or of the row feature.
        categories: Texts that the matrix holds as indices; None for a column of numbers.
        dtype: Dtype of the typed table's values.
        part_of: The table's column, if it fills several columns of the matrix, as a picture does; else None.
        place: Its place among those columns.
    """

    name: str
    categories: tuple[str, ...] | None = None
    dtype: Dtype = "number"
    part_of: Column | None = None
    place: int = 0


def columns(contract: Contract) -> tuple[MatrixColumn, ...]:
    """Return the columns of the matrix: feature columns in the order of the table, then row features.

    Args:
        contract: The table's contract.

    Returns:
        One entry for each column of the matrix, in order.

    Raises:
        DataError: If the contract has no feature.
    """
    direct = [part for c in contract.columns if c.role == "feature" for part in _columns(c)]
    row_features = [MatrixColumn(name=feature.name) for feature in contract.features]
    if not direct and not row_features:
        raise DataError(
            f"the contract {quote(contract.name)} must hold at least one feature{_besides(contract)}, but holds none; "
            "give a column the role 'feature'."
        )
    return (*direct, *row_features)


def _besides(contract: Contract) -> str:
    return f" besides the target {quote(contract.label_column.name)}" if contract.label_column else ""


def _columns(column: Column) -> list[MatrixColumn]:
    """Return the columns of the matrix that a column fills; of a picture one for each of its values, row by row."""
    if column.dtype != "picture":
        return [_column(column)]
    places = enumerate(np.ndindex(column.height, column.width, column.channels))
    return [MatrixColumn(f"{column.name}[{y},{x},{c}]", part_of=column, place=place) for place, (y, x, c) in places]


def _column(column: Column) -> MatrixColumn:
    has_codes = column.dtype in {"string", "integer"}
    return MatrixColumn(column.name, column.categories if has_codes else None, column.dtype)


def origins(contract: Contract) -> tuple[int, ...]:
    """Return where each column of the matrix comes from: the place of an input, or ``~place`` of a row feature.

    Args:
        contract: The table's contract.

    Returns:
        One number for each of ``columns(contract)``.
    """
    places = {column.name: place for place, column in enumerate(contract.inputs)}
    places |= {feature.name: ~place for place, feature in enumerate(contract.features)}
    return tuple(places[table_column(column)] for column in columns(contract))


def table_column(column: MatrixColumn) -> str:
    """Return the name of the table's column, or of the row feature, that a column of the matrix comes from."""
    return column.part_of.name if column.part_of is not None else column.name


def counted_columns(contract: Contract) -> tuple[int, ...]:
    """Return the places of the columns whose values monitors count: all, but of each picture at most 16 pixels.

    Args:
        contract: The table's contract.
    """
    return tuple(place for place, column in enumerate(columns(contract)) if _is_counted(column))


def _is_counted(column: MatrixColumn) -> bool:
    if column.part_of is None:
        return True
    values = column.part_of.height * column.part_of.width * column.part_of.channels
    # The middles of 16 equal stretches, evenly over the picture.
    step = max(1, values // _COUNTED_PIXELS)
    return column.place % step == step // 2 and column.place < _COUNTED_PIXELS * step


def classes(contract: Contract) -> tuple[str, ...]:
    """Return the class labels in the order of the model's probabilities; empty if it answers a number."""
    return () if contract.answers_number else contract.target.categories or ()


def positive(contract: Contract) -> int:
    """Return the index of the positive class of a binary task: the contract's, or else the second one."""
    names = classes(contract)
    return names.index(contract.positive) if contract.positive in names else len(names) - 1
