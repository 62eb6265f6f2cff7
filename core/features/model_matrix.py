"""The model matrix: the numbers that a fitted pipeline sees, the same in training and in serving."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.contracts.contract import Contract, Dtype
from headrace.core.contracts.picture_columns import picture_size
from headrace.core.features.matrix_layout import LARGEST, MatrixColumn, classes, columns, table_column
from headrace.core.pictures.picture_codec import PictureSize, read_pixels

Matrix = NDArray[np.float64]
Target = NDArray[np.int64] | NDArray[np.float64]

# Squares of errors must not overflow float64.
_LARGEST_TARGET = 1e100


def encode(frame: pl.DataFrame, contract: Contract) -> Matrix:
    """Return the model matrix of a typed table.

    Numbers (integers, booleans as 0 and 1, row features) are unchanged, with NaN for a missing value, but clipped to
    1e30 on either side of zero. A column with categories becomes the index of its value in the contract's list, NaN if
    missing, -1 if not listed.

    Args:
        frame: Typed table of n rows that holds the feature columns and the row features.
        contract: The table's contract.

    Returns:
        Matrix (n, p) of float64 in C order, p = ``len(columns(contract))``.

    Raises:
        InputError: If a column is absent.
        DataError: If a number is infinite.
    """
    matrix_columns = columns(contract)
    names = dict.fromkeys(map(table_column, matrix_columns))
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise InputError(
            f"the table must hold each feature of the contract {quote(contract.name)}; {quote(absent)} are absent; "
            "add them, or give them the role 'ignore'."
        )
    numbers = encode_blocks(frame, matrix_columns)
    matrix = np.require(numbers, dtype=np.float64, requirements=["C", "W"])
    if not matrix.size or -LARGEST <= matrix.min() <= matrix.max() <= LARGEST:  # false if there is a NaN
        return matrix
    if np.isinf(matrix).any():
        infinite = [
            column.name for column, values in zip(matrix_columns, matrix.T, strict=True) if np.isinf(values).any()
        ]
        raise DataError(f"numbers must be finite; columns {quote(infinite)} hold infinities; mark them as missing.")
    return np.clip(matrix, -LARGEST, LARGEST, out=matrix)


def encode_blocks(frame: pl.DataFrame, matrix_columns: Sequence[MatrixColumn]) -> Matrix:
    """Return the matrix (n, p) neither checked nor clipped: pictures as their pixels, 0 to 255, all others as numbers.

    Args:
        frame: Typed table of n rows that holds the columns.
        matrix_columns: The columns (p).
    """
    if all(column.part_of is None for column in matrix_columns):
        return encode_columns(frame, matrix_columns).to_numpy()
    blocks = []
    for source, group in groupby(matrix_columns, lambda column: column.part_of):
        if source is None:
            blocks.append(encode_columns(frame, list(group)).to_numpy())
        else:
            places = [column.place for column in group]
            blocks.append(_encode_pictures(frame.get_column(source.name), picture_size(source))[:, places])
    return np.hstack(blocks)


def _encode_pictures(texts: pl.Series, size: PictureSize) -> Matrix:
    """Return pictures as rows (n, values) of their pixels; a missing one is NaN."""
    matrix = np.full((len(texts), size.values), np.nan)
    for place, text in enumerate(texts):
        if text is not None:
            matrix[place] = read_pixels(text, size).ravel()
    return matrix


def encode_columns(frame: pl.DataFrame, matrix_columns: Sequence[MatrixColumn]) -> pl.DataFrame:
    """Return the matrix as columns of Float64 (n, p), neither checked nor clipped; a null is equivalent to NaN.

    Args:
        frame: Typed table of n rows that holds the columns.
        matrix_columns: The columns (p).
    """
    if any(column.part_of is not None for column in matrix_columns):
        return pl.DataFrame(encode_blocks(frame, matrix_columns), schema=[column.name for column in matrix_columns])
    plain = [(column.name, pl.Float64()) for column in matrix_columns if column.categories is None]
    if list(frame.schema.items()) == plain and len(plain) == len(matrix_columns):
        return frame
    return frame.select(_expression(column) for column in matrix_columns)


def _expression(column: MatrixColumn) -> pl.Expr:
    value = pl.col(column.name)
    if column.categories is None:
        return value.cast(pl.Float64).fill_null(float("nan"))
    values = _values(column.categories, column.dtype)
    indices = pl.Series(range(len(values)), dtype=pl.Float64)
    codes = value.cast(values.dtype).replace_strict(values, indices, default=-1.0, return_dtype=pl.Float64)
    return pl.when(value.is_null()).then(float("nan")).otherwise(codes).alias(column.name)


def _values(categories: tuple[str, ...], dtype: Dtype) -> pl.Series:
    """Return categories as the typed table holds them; booleans are compared as texts ``true`` and ``false``."""
    if dtype == "integer":
        return pl.Series([int(text) for text in categories], dtype=pl.Int64)
    if dtype == "number":
        return pl.Series([float(text) for text in categories], dtype=pl.Float64)
    texts = [text.lower() for text in categories] if dtype == "boolean" else list(categories)
    return pl.Series(texts, dtype=pl.String)


def encode_target(frame: pl.DataFrame, contract: Contract) -> Target:
    """Return the target as class indices, or as float64 for a regression or an anomaly task.

    Args:
        frame: Typed table of n rows that holds the target.
        contract: The table's contract; for a classification it lists the target's categories.

    Returns:
        Vector (n,): int64 indices into ``classes(contract)``, or float64. The labels of an anomaly task are 1 for an
        anomaly, 0 for a row that is known to be usual, and NaN for a row without a label, as all are without a target.

    Raises:
        InputError: If the table has no target column.
        DataError: If a target is missing, not finite, too large, or not one of the contract's classes.
    """
    if contract.task == "anomaly":
        return _encode_labels(frame, contract)
    name = contract.target.name
    if name not in frame.columns:
        raise InputError(f"the table must hold the target {quote(name)}, but holds {quote(frame.columns)}.")
    target = frame.get_column(name)
    if contract.task == "regression":
        values = target.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        if not np.isfinite(values).all():
            raise DataError(
                f"each row must have a finite target; {int((~np.isfinite(values)).sum())} values of "
                f"{quote(name)} are missing or infinite; remove those rows."
            )
        if len(values) and np.abs(values).max() > _LARGEST_TARGET:
            raise DataError(f"the target {quote(name)} must be within 1e100 of zero; give it in a larger unit.")
        return np.ascontiguousarray(values, dtype=np.float64)
    indices = frame.select(_expression(MatrixColumn(name, classes(contract), contract.target.dtype))).to_numpy()[:, 0]
    is_known = indices >= 0
    if not is_known.all():
        unknown = target.filter(pl.Series(~is_known)).unique().sort().head(3).to_list()
        raise DataError(
            f"the target {quote(name)} must be one of {quote(list(classes(contract)))}; got {quote(unknown)} "
            f"in {int((~is_known).sum())} rows; add the classes to the contract or remove the rows."
        )
    return np.ascontiguousarray(indices, dtype=np.int64)


def _encode_labels(frame: pl.DataFrame, contract: Contract) -> Target:
    """Return the labels (n,) of an anomaly task; see ``encode_target``."""
    column = contract.label_column
    if column is None or column.name not in frame.columns:
        return np.full(frame.height, np.nan)
    names = column.categories or ()
    indices = frame.select(_expression(MatrixColumn(column.name, names, column.dtype))).to_numpy()[:, 0]
    if (indices < 0).any():
        unknown = frame.get_column(column.name).filter(pl.Series(indices < 0)).unique().sort().head(3).to_list()
        raise DataError(
            f"the labels in {quote(column.name)} must be missing or one of {quote(list(names))}; got {quote(unknown)} "
            f"in {int((indices < 0).sum())} rows; mark them as missing, or add them to the contract."
        )
    anomalous = names.index(contract.positive) if contract.positive in names else len(names) - 1
    return np.where(np.isnan(indices), np.nan, np.asarray(indices == anomalous, dtype=np.float64))
