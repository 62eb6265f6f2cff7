"""Slices: parts of the test rows by the values of a column."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import InputError, quote

MOST_VALUES = 20
_QUARTERS = 4


@dataclass(frozen=True)
class Slice:
    """The rows that share a value of a column.

    Attributes:
        column: Name of the column.
        value: The value as text; a range such as ``17 to 28`` for a column of many numbers; ``(missing)``.
        rows: Indices (m,) of the rows.
    """

    column: str
    value: str
    rows: NDArray[np.int64]


def slices(frame: pl.DataFrame, columns: Sequence[str]) -> Iterator[Slice]:
    """Slice a table by the values of each column.

    A column with more than ``MOST_VALUES`` values is cut into quarters of equally many rows if it holds numbers or
    times, else into its most frequent values and ``(other)``.

    Args:
        frame: Typed table (n rows).
        columns: Names of columns.

    Raises:
        InputError: If a column does not exist.
    """
    unknown = [name for name in columns if name not in frame.columns]
    if unknown:
        raise InputError(f"a slice must be a column of the table, {quote(frame.columns, 300)}; got {quote(unknown)}.")
    for name in dict.fromkeys(columns):
        values = frame.get_column(name)
        texts = _quarters(values) if _is_wide(values) else values.cast(pl.String)
        yield from _by_text(name, texts)


def _is_wide(values: pl.Series) -> bool:
    return (values.dtype.is_numeric() or values.dtype.is_temporal()) and values.n_unique() > MOST_VALUES


def _quarters(values: pl.Series) -> pl.Series:
    """Return the range of each value, as text."""
    rank = values.rank("dense").cast(pl.Float64)
    edges = [rank.quantile(q / _QUARTERS, "lower") for q in range(1, _QUARTERS)]
    part = sum(((rank > edge).cast(pl.Int64) for edge in edges), pl.zeros(len(rank), eager=True, dtype=pl.Int64))
    table = pl.DataFrame({"value": values, "part": part}).filter(pl.col("value").is_not_null())
    ends = table.group_by("part").agg(low=pl.col("value").min(), high=pl.col("value").max())
    texts = {row["part"]: f"{_end(row['low'])} to {_end(row['high'])}" for row in ends.iter_rows(named=True)}
    return part.replace_strict(texts, default=None, return_dtype=pl.String)


def _end(value: Any) -> str:
    """Return an end of a range without the last digits of a float, where only rounding errors are."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _by_text(column: str, texts: pl.Series) -> Iterator[Slice]:
    counts = texts.drop_nulls().value_counts(sort=True, name="rows")
    ordered = counts.sort(["rows", texts.name], descending=[True, False]).get_column(texts.name).to_list()
    frequent = ordered[:MOST_VALUES]
    for value in frequent:
        yield Slice(column, value, _where(texts == value))
    if len(ordered) > MOST_VALUES:
        yield Slice(column, "(other)", _where(~texts.is_in(frequent)))
    if texts.null_count():
        yield Slice(column, "(missing)", _where(texts.is_null()))


def _where(chosen: pl.Series) -> NDArray[np.int64]:
    return chosen.fill_null(value=False).arg_true().to_numpy().astype(np.int64)
