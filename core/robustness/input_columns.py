"""The inputs of a model as what can happen to them: numbers with a range and bounds, categories with alternatives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Column, Contract
from headrace.core.robustness.robustness_document import ColumnRange

Floats = NDArray[np.float64]

_LOW, _HIGH = 0.01, 0.99


@dataclass(frozen=True)
class NumberColumns:
    """Columns of numbers (q), with what limits a change of each.

    Attributes:
        columns: The contract's columns.
        widths: Range (q,) of each column, above 0, in its unit.
        low: Least value (q,) that the contract allows; minus infinity without one.
        high: Largest value (q,).
        whole: Whether each (q,) holds whole numbers only.
    """

    columns: tuple[Column, ...]
    widths: Floats
    low: Floats
    high: Floats
    whole: NDArray[np.bool_]

    @classmethod
    def of(cls, columns: Sequence[Column], ranges: Mapping[str, ColumnRange]) -> "NumberColumns":
        """Return those of the columns that have a range."""
        ranged = tuple(column for column in columns if column.name in ranges)
        return cls(
            columns=ranged,
            widths=np.array([ranges[column.name].high - ranges[column.name].low for column in ranged]),
            low=np.array([-np.inf if column.minimum is None else column.minimum for column in ranged]),
            high=np.array([np.inf if column.maximum is None else column.maximum for column in ranged]),
            whole=np.array([column.dtype == "integer" for column in ranged], dtype=bool),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    def read(self, frame: pl.DataFrame) -> Floats:
        """Return the columns' values (n, q) in a typed table; NaN where one is missing."""
        selected = frame.select(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in self.names)
        return selected.to_numpy() if self.columns else np.empty((frame.height, 0))

    def limit(self, values: Floats, near: Floats) -> Floats:
        """Return values (..., q) that the contract allows: inside its bounds, whole where the column is.

        A value that was out of bounds before stays so, but goes no further; whole numbers are rounded towards the old
        ones, so that no change becomes larger.

        Args:
            values: Changed values (..., q).
            near: The values (..., q) before the change, of a shape that broadcasts to theirs.
        """
        bounded = np.clip(values, np.minimum(self.low, near), np.maximum(self.high, near))
        return np.where(self.whole, near + np.trunc(np.round(bounded - near, 9)), bounded)

    def write(self, frame: pl.DataFrame, values: Floats) -> pl.DataFrame:
        """Return a typed table with other values (n, q) in the columns."""
        return frame.with_columns(
            pl.Series(column.name, np.ascontiguousarray(values[:, place]), nan_to_null=True).cast(
                frame.schema[column.name], strict=False
            )
            for place, column in enumerate(self.columns)
        )


def is_number(column: Column) -> bool:
    """Return whether a column holds numbers, and no codes."""
    return column.dtype in {"integer", "number"} and column.categories is None


def select_alternatives(column: Column) -> tuple[str, ...] | None:
    """Return the values that a column of categories can have, as texts; None for another column."""
    if column.dtype == "boolean":
        return ("true", "false")
    return column.categories


def parse_category(column: Column, text: str) -> str | int | bool:
    """Return a category as a typed table holds it."""
    if column.dtype == "boolean":
        return text == "true"
    return int(text) if column.dtype == "integer" else text


def measure_ranges(train: pl.LazyFrame, contract: Contract) -> dict[str, ColumnRange]:
    """Return the range of each input of numbers that varies in the training rows, by its name.

    Args:
        train: Typed training rows.
        contract: Their contract.
    """
    names = [column.name for column in contract.inputs if is_number(column)]
    if not names:
        return {}
    quantiles = train.select(
        pl.col(name).cast(pl.Float64).fill_nan(None).quantile(share, "linear").alias(f"{place}.{end}")
        for place, name in enumerate(names)
        for end, share in (("low", _LOW), ("high", _HIGH))
    ).collect()
    ranges = {}
    for place, name in enumerate(names):
        low, high = (quantiles.item(0, f"{place}.{end}") for end in ("low", "high"))
        if low is not None and high is not None and np.isfinite(high - low) and high > low:
            ranges[name] = ColumnRange(float(low), float(high))
    return ranges
