"""What happens to the matrix before an estimator sees it; fitted on the training rows only, inside the model."""

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from headrace.core.features.matrix_layout import MatrixColumn

# From so many one-hot columns on, mostly zeros, a sparse matrix is the smaller and the faster one.
_MANY_CATEGORIES = 200


def scale(columns: Sequence[MatrixColumn], *, dense: bool = False) -> ColumnTransformer:
    """Numbers imputed by the median and standardised, categories one-hot; for models that measure distances.

    A missing category is one of its own if the training rows hold one; a category that they do not hold is all zeros.

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
    """Numbers imputed by the median, categories as whole numbers; for trees that take no missing values.

    A category that the training rows do not hold is -1, a missing one -2.
    """
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, dtype=float
    )
    return _transformer(columns, numbers=_median(), categories=ordinal)


def native(columns: Sequence[MatrixColumn]) -> ColumnTransformer:
    """Numbers as they are, categories as whole numbers, NaN for missing and unseen; for trees that learn from NaN."""
    nan = float("nan")
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=nan, encoded_missing_value=nan, dtype=float
    )
    return _transformer(columns, numbers="passthrough", categories=ordinal)


def with_empty_columns(transformer: ColumnTransformer, empty: Sequence[int]) -> None:
    """Give columns that hold no value in the training rows a constant instead; boosting cannot bin nothing.

    Args:
        transformer: An unfitted transformer, changed in place.
        empty: Indices of the columns.
    """
    parts = [(name, step, [i for i in columns if i not in empty]) for name, step, columns in transformer.transformers]
    constant = SimpleImputer(strategy="constant", fill_value=0.0, keep_empty_features=True)
    kept = [part for part in parts if part[2]]
    transformer.set_params(transformers=[*kept, ("empty", constant, list(empty))] if empty else kept)


def _median() -> SimpleImputer:
    return SimpleImputer(strategy="median", keep_empty_features=True)


def _transformer(columns: Sequence[MatrixColumn], *, numbers: Any, categories: Any) -> ColumnTransformer:
    numeric = [index for index, column in enumerate(columns) if column.categories is None]
    categorical = [index for index, column in enumerate(columns) if column.categories is not None]
    parts = [("numbers", numbers, numeric), ("categories", categories, categorical)]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0.5)
