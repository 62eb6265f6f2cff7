"""What the model matrix's columns are, and a model's classes: read from the contract alone."""

from dataclasses import dataclass

from headrace.core.base.errors import DataError, quote
from headrace.core.contracts.contract import Column, Contract, Dtype

LARGEST = 1e30
"""The matrix holds no number farther from zero: trees compare in float32, and whole columns are added up."""


@dataclass(frozen=True)
class MatrixColumn:
    """One column of the matrix.

    Attributes:
        name: Name of the table's column or of the row feature.
        categories: Texts whose indices the matrix holds; None for a column of numbers.
        dtype: Dtype of the typed table's values.
    """

    name: str
    categories: tuple[str, ...] | None = None
    dtype: Dtype = "number"


def columns(contract: Contract) -> tuple[MatrixColumn, ...]:
    """The columns of the matrix: feature columns in the order of the table, then row features.

    Args:
        contract: The table's contract.

    Returns:
        One entry for each column of the matrix, in order.

    Raises:
        DataError: If there is no feature at all.
    """
    direct = [_column(c) for c in contract.columns if c.role == "feature"]
    made = [MatrixColumn(name=feature.name) for feature in contract.features]
    if not direct and not made:
        raise DataError(
            f"the contract {quote(contract.name)} must hold at least one feature besides the target "
            f"{quote(contract.target.name)}, but holds none; give a column the role 'feature'."
        )
    return (*direct, *made)


def _column(column: Column) -> MatrixColumn:
    listed = column.dtype in {"string", "integer"}
    return MatrixColumn(column.name, column.categories if listed else None, column.dtype)


def classes(contract: Contract) -> tuple[str, ...]:
    """Class labels in the order of the model's probabilities; empty for a regression."""
    return () if contract.task == "regression" else contract.target.categories or ()


def positive(contract: Contract) -> int:
    """Index of the positive class of a binary task: the contract's, or else the second one."""
    names = classes(contract)
    return names.index(contract.positive) if contract.positive in names else len(names) - 1
