"""Preprocessing of the matrix for an estimator; fitted on the training rows only, inside the model."""

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from headrace.core.features.matrix_layout import MatrixColumn

# From this many one-hot columns on, which are mostly zeros, a sparse matrix is smaller and faster.
_MANY_CATEGORIES = 200


def scale(columns: Sequence[MatrixColumn], *, dense: bool = False) -> ColumnTransformer:
    """Impute numbers by the median and standardise them, encode categories one-hot; for models of distances.

    A missing category gets a column of its own if the training rows have one; a category that they lack is all zeros.

    Args:
        columns: Columns of the matrix.
        dense: Whether the estimator cannot take a sparse matrix.

    Returns:
        An unfitted transformer of the matrix.
    """
    width = sum(len(column.categories or ()) for column in columns)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=not dense and width > _MANY_CATEGORIES)
    numbers = Pipeline([("impute", _median()), ("scale", StandardScaler())])
    return _transformer(columns, numbers=numbers, categories=one_hot)


def impute(columns: Sequence[MatrixColumn]) -> ColumnTransformer:
    """Impute numbers by the median, encode categories as whole numbers; for trees that take no missing values.

    A category that the training rows lack becomes -1, a missing one -2.
    """
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=float
    )
    return _transformer(columns, numbers=_median(), categories=ordinal)


def native(columns: Sequence[MatrixColumn]) -> ColumnTransformer:
    """Keep numbers, encode categories as whole numbers, NaN for missing and unseen; for trees that learn from NaN."""
    nan = float("nan")
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=nan, encoded_missing_value=nan, dtype=float
    )
    return _transformer(columns, numbers="passthrough", categories=ordinal)


def with_empty_columns(transformer: ColumnTransformer, empty: Sequence[int]) -> None:
    """Replace columns without a value in the training rows by a constant; boosting cannot bin them.

    Args:
        transformer: An unfitted transformer, changed in place.
        empty: Indices of the columns.
    """
    parts = [(name, step, [i for i in columns if i not in empty]) for name, step, columns in transformer.transformers]
    constant = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    nonempty = [part for part in parts if part[2]]
    transformer.set_params(transformers=[*nonempty, ("empty", constant, list(empty))] if empty else nonempty)


def _median() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _transformer(columns: Sequence[MatrixColumn], *, numbers: Any, categories: Any) -> ColumnTransformer:
    numeric = [index for index, column in enumerate(columns) if column.categories is None]
    categorical = [index for index, column in enumerate(columns) if column.categories is not None]
    parts = [("numbers", numbers, numeric), ("categories", categories, categorical)]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0.5)
