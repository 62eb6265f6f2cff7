"""Fitted ``headrace.core.models.preprocessing``, read from a transformer: one part for each column."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from headrace.core.onnx_export.graph import Floats, InexactError

MISSING = -2
"""Code of a missing category; the matrix holds -1 for an unlisted one, and nothing smaller."""


@dataclass(frozen=True)
class NumberColumn:
    """A column of numbers: ``(value - mean) / scale``.

    Attributes:
        column: Index in the matrix.
        fill: Replacement of a missing value; NaN if it stays missing.
        mean: Number to subtract, in the column's unit.
        scale: Number to divide by, in the column's unit.
    """

    column: int
    fill: float = float("nan")
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class CategoryColumn:
    """A column of categories.

    Attributes:
        column: Index in the matrix.
        listed: Number of categories in the contract; the matrix holds -1 to ``listed - 1``, or NaN.
        seen: Values (m,) of the training rows in rising order, NaN last.
        codes: Code (m,) of each of them (ordinal, or a mean of the target); None if each has a column of its own
            (one-hot).
        unknown: Code of any other value (ordinal).
        fill: Value that takes the place of a missing one before the encoder sees it; NaN if it stays missing.
    """

    column: int
    listed: int
    seen: Floats
    codes: Floats | None = None
    unknown: float = 0.0
    fill: float = float("nan")

    @property
    def rows(self) -> int:
        """Number of rows of its table: missing, unlisted, and each listed category."""
        return self.listed - MISSING

    def table(self, values: Floats, other: float = 0.0) -> Floats:
        """Arrange values (m, ...) of the m seen categories by their code in the matrix; ``other`` for all others."""
        by_code = np.full((self.rows, *values.shape[1:]), other)
        # Row 0 is the missing category, row 1 the unlisted one, then each listed one.
        by_code[np.nan_to_num(self.seen, nan=MISSING).astype(np.int64) - MISSING] = values
        if not np.isnan(self.fill):
            by_code[0] = by_code[int(self.fill) - MISSING]
        return by_code

    @property
    def in_place(self) -> bool:
        """Whether each listed category keeps its code, and an unlisted one becomes -1 or NaN (ordinal)."""
        is_present = ~np.isnan(self.seen)
        own = np.arange(self.listed)
        keeps = self.codes is None or np.array_equal(self.codes[is_present], own)
        lists = np.array_equal(self.seen[is_present], own) and keeps
        return lists and bool(np.isnan(self.unknown) or self.unknown == -1)


@dataclass(frozen=True)
class PreprocessingPlan:
    """The fitted preprocessing.

    Attributes:
        width: Number of columns of the matrix.
        parts: The columns, in the order of the estimator's features.
    """

    width: int
    parts: tuple[NumberColumn | CategoryColumn, ...]

    @property
    def numbers(self) -> list[NumberColumn]:
        """The columns of numbers."""
        return [part for part in self.parts if isinstance(part, NumberColumn)]

    @property
    def categories(self) -> list[CategoryColumn]:
        """The columns of categories."""
        return [part for part in self.parts if isinstance(part, CategoryColumn)]


def read(transformer: ColumnTransformer, listed: Sequence[int]) -> PreprocessingPlan:
    """Read a fitted transformer of ``headrace.core.models.preprocessing``.

    Args:
        transformer: The transformer.
        listed: Number of categories in the contract for each of the p columns; 0 for numbers.

    Raises:
        InexactError: If a step is of an unknown type.
    """
    if not isinstance(transformer, ColumnTransformer):
        raise InexactError(f"a {type(transformer).__name__} over all columns has no exact form in ONNX.")
    parts: list[NumberColumn | CategoryColumn] = []
    for name, step, columns in transformer.transformers_:
        if name == "remainder":
            continue
        steps = [inner for _, inner in step.steps] if isinstance(step, Pipeline) else [step]
        places = [int(column) for column in columns]
        if isinstance(step, TargetEncoder):
            parts += _read_target_means(step, places, listed)
        elif any(isinstance(step, OneHotEncoder | OrdinalEncoder) for step in steps[:2]):
            parts += _categories(steps, places, listed)
        else:
            parts += _numbers(steps, places)
    return PreprocessingPlan(len(listed), tuple(parts))


def _categories(steps: Sequence[Any], columns: Sequence[int], listed: Sequence[int]) -> list[CategoryColumn]:
    *before, encoder = steps
    fills: Floats = np.full(len(columns), np.nan)
    if before and _fills_gaps(before[0]):
        fills = before.pop(0).statistics_.astype(np.float64)
    # A dropped category has no column, and would look like an unlisted one; rare ones share a column.
    drops = getattr(encoder, "drop_idx_", None) is not None or getattr(encoder, "_infrequent_enabled", False)
    if before or drops or not isinstance(encoder, OneHotEncoder | OrdinalEncoder):
        raise InexactError("categories must go through one encoder that keeps them all to have an exact form in ONNX.")
    if not all(listed[column] for column in columns):
        raise InexactError("an encoder of a column of numbers has no exact form in ONNX.")
    category_columns = []
    for column, values, fill in zip(columns, encoder.categories_, fills.tolist(), strict=True):
        seen = values.astype(np.float64)
        codes, unknown = None, 0.0
        if isinstance(encoder, OrdinalEncoder):
            unknown = float(encoder.unknown_value)
            codes = np.where(np.isnan(seen), float(encoder.encoded_missing_value), np.arange(len(seen)))
        category_columns.append(CategoryColumn(column, listed[column], seen, codes, unknown, fill))
    return category_columns


def _read_target_means(encoder: Any, columns: Sequence[int], listed: Sequence[int]) -> list[CategoryColumn]:
    """Return columns whose codes are what the fitted encoder gives for each value that the matrix can hold."""
    if encoder.target_type_ == "multiclass" or not all(listed[column] for column in columns):
        raise InexactError("means of several classes, or of a column of numbers, have no exact form in ONNX.")
    category_columns = []
    for place, column in enumerate(columns):
        seen = np.array([-1.0, *range(listed[column]), np.nan])
        rows = np.full((len(seen), len(columns)), np.nan)
        rows[:, place] = seen
        codes = np.asarray(encoder.transform(rows), dtype=np.float64)[:, place]
        category_columns.append(CategoryColumn(column, listed[column], seen, codes))
    return category_columns


def _fills_gaps(step: Any) -> bool:
    """Return whether a step puts one value into the gaps of each column, and does nothing else.

    Other imputers look for a number, drop a column that was empty when they were fitted, or add columns.
    """
    if not isinstance(step, SimpleImputer) or step.add_indicator:
        return False
    marker = step.missing_values
    return isinstance(marker, float) and np.isnan(marker) and not np.isnan(step.statistics_.astype(np.float64)).any()


def _numbers(steps: Sequence[Any], columns: Sequence[int]) -> list[NumberColumn]:
    fill: Floats = np.full(len(columns), np.nan)
    mean, scale = np.zeros(len(columns)), np.ones(len(columns))
    for place, step in enumerate(steps):
        # The order matters: values are filled, then scaled, with the mean of the filled ones.
        if _fills_gaps(step) and place == 0:
            fill = step.statistics_.astype(np.float64)
        elif isinstance(step, StandardScaler) and place == len(steps) - 1:
            mean, scale = step.mean_, step.scale_
        # Anything unknown is refused rather than skipped: the model is then served by scikit-learn.
        elif step != "passthrough" and not (isinstance(step, FunctionTransformer) and step.func is None):
            raise InexactError(f"a {type(step).__name__} at this place has no exact form in ONNX.")
    learned = zip(columns, fill.tolist(), mean.tolist(), scale.tolist(), strict=True)
    return [NumberColumn(*values) for values in learned]
