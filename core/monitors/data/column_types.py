"""Types of the stored columns: for each column of a file the one type that holds all its values without loss."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import polars as pl

_EXACT = 2**53  # whole numbers up to here have a float64 of their own (IEEE 754)
_LEAST_INT64, _MOST_INT64 = -(2**63), 2**63 - 1


def build_column(name: str, values: Sequence[Any]) -> pl.Series:
    """Return values (n,) as a column of text, Float64, Int64 or Boolean; text where they are of several kinds.

    Args:
        name: Name of the column.
        values: Values as JSON holds them; None where one is missing. Lists and objects become their JSON text.
    """
    kinds = set(map(type, values)) - {type(None)}
    if kinds <= {str}:
        return pl.Series(name, values, dtype=pl.String())
    if kinds == {float}:
        return pl.Series(name, values, dtype=pl.Float64())
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean())
    present = [value for value in values if value is not None]
    if kinds == {int} and min(present) >= _LEAST_INT64 and max(present) <= _MOST_INT64:
        return pl.Series(name, values, dtype=pl.Int64())
    if kinds == {int, float} and all(abs(value) <= _EXACT for value in present if type(value) is int):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64())
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String())


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    return str(value) if type(value) is int else orjson.dumps(value).decode()


def concat_rows(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of all frames in one, each column in the type that holds the values of all without loss.

    Args:
        frames: At least one frame; a column that one of them lacks is null there.
    """
    if len(frames) == 1:
        return frames[0]
    names = dict.fromkeys(name for frame in frames for name in frame.columns)
    columns = {name: _common_type([frame[name] for frame in frames if name in frame.columns]) for name in names}
    return pl.concat(
        [frame.cast({name: columns[name] for name in frame.columns}, strict=True) for frame in frames], how="diagonal"
    )


def _common_type(columns: Iterable[pl.Series]) -> pl.DataType:
    filled = [column for column in columns if column.null_count() < len(column)]
    kinds = {column.dtype for column in filled}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds == {pl.Int64(), pl.Float64()} and all(
        (column.abs() <= _EXACT).all() for column in filled if column.dtype == pl.Int64()
    ):
        return pl.Float64()
    return pl.String()
