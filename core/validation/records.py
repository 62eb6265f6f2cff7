"""Converts raw records, as a client sends them, to a raw table and back; the same in packaging and in serving."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import RequestError, quote
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.vocabulary import REFUSING
from headrace.core.pictures.picture_codec import encode_pixels, to_pixels
from headrace.core.validation.request import Violation, validate_rows
from headrace.core.values.whitespace import trim_texts

_EXACT = 2**53
_INT64 = range(-(2**63), 2**63)
_SINGLE: dict[type, type[pl.DataType]] = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}


def table(rows: Sequence[Any], contract: Contract) -> pl.DataFrame:
    """Return the raw table of some records.

    Args:
        rows: n records of one kind: objects by column name, or arrays in the order of ``contract.inputs``. A value is a
            text, a number, a boolean, or None if missing, as in CSV or JSON.
        contract: The contract.

    Returns:
        Raw table of n rows, with the columns of the records.

    Raises:
        RequestError: If there are no rows, their shapes differ, or a value is of another kind or not finite.
    """
    if not rows:
        raise RequestError("a request must hold at least one row; got none.", "shape")
    if all(isinstance(row, Mapping) for row in rows):
        return _of_objects(rows)
    names = [column.name for column in contract.inputs]
    for position, row in enumerate(rows):
        if not isinstance(row, list | tuple):
            raise RequestError(
                f"row {position} must be an object by column name or an array of {len(names)} values, like all other "
                f"rows; got {_kind(row)} instead.",
                "shape",
            )
        if len(row) != len(names):
            raise RequestError(
                f"row {position} must hold {len(names)} values, in the order {quote(names, 300)}; "
                f"got {len(row)} instead.",
                "shape",
            )
    return pl.DataFrame([series(name, [row[position] for row in rows]) for position, name in enumerate(names)])


def _of_objects(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for position, row in enumerate(rows):
        if len(row) != len(names):
            absent = next(name for name in names if name not in row)
            raise RequestError(f"all rows must hold the same columns; row {position} lacks {quote(absent)}.", "columns")
    if not names:
        raise RequestError("row 0 must hold the contract's columns; got an empty object instead.", "columns")
    return pl.DataFrame([series(name, [row[name] for row in rows]) for name in names])


def series(name: str, values: Sequence[Any]) -> pl.Series:
    """Return one raw column (n,) of n values; values of several kinds become text, each as it would be alone.

    Raises:
        RequestError: If a value is not a text, number or boolean, or not finite.
    """
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds <= set(_SINGLE):
        position = next(i for i, value in enumerate(values) if type(value) not in _SINGLE and value is not None)
        raise _refusal(name, position, "a text, a number, true, false or null", _kind(values[position]))
    if float in kinds:
        position = next((i for i, v in enumerate(values) if isinstance(v, float) and not math.isfinite(v)), -1)
        if position >= 0:
            raise _refusal(name, position, "finite", str(values[position]))
    # type(), not isinstance: True is an int too.
    if int in kinds and any(type(value) is int and value not in _INT64 for value in values):
        return pl.Series(
            name, [_text(value) for value in values], dtype=pl.String
        )  # as tables store ids of that length
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if len(kinds) == 1:
        return pl.Series(name, values, dtype=_SINGLE[kinds.pop()])
    # Up to 2^53 an integer is exact as a float.
    if kinds == {int, float} and all(abs(value) <= _EXACT for value in values if type(value) is int):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def of_columns(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> pl.DataFrame:
    """Return the raw table of whole columns.

    Args:
        columns: Values (n,) by name, as in ``table``; NaN in an array of floats is a missing value.

    Returns:
        Raw table of n rows.

    Raises:
        RequestError: If there are no rows, the lengths of the columns differ, or a value is of another kind.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    rows = next(iter(lengths.values()), 0)
    if not rows:
        raise RequestError("a request must hold at least one row; got none.", "shape")
    uneven = next((name for name, length in lengths.items() if length != rows), "")
    if uneven:
        first = next(iter(lengths))
        raise RequestError(
            f"all columns must hold the same number of values; {quote(uneven)} holds {lengths[uneven]} where "
            f"{quote(first)} holds {rows}.",
            "shape",
        )
    return pl.DataFrame([_of_array(name, values) for name, values in columns.items()])


def _of_array(name: str, values: Sequence[Any] | NDArray[Any]) -> pl.Series:
    if not isinstance(values, np.ndarray):
        return series(name, values)
    if values.ndim == 4:
        return _of_pictures(name, values)
    if values.dtype.kind == "f":
        infinite = np.isinf(values)
        if infinite.any():
            raise _refusal(name, int(infinite.argmax()), "finite", str(values[infinite.argmax()]))
        return pl.Series(name, values.astype(np.float64)).fill_nan(None)
    return series(name, values.tolist())


def _of_pictures(name: str, values: NDArray[Any]) -> pl.Series:
    """Return tensors of pixels (n, height, width, channels) as texts, as a table has pictures."""
    pixels = to_pixels(values)
    if pixels is None or values.shape[3] not in {1, 3, 4}:
        raise _refusal(name, 0, "pixels from 0 to 255 (not 0 to 1), in 1, 3 or 4 channels", "others")
    return pl.Series(name, [encode_pixels(picture) for picture in pixels], dtype=pl.String)


def validate_records(raw: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the typed table (n rows) of a valid request; see ``validate_with_warnings``."""
    return validate_with_warnings(raw, contract)[0]


def validate_with_warnings(raw: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, list[Violation]]:
    """Return the typed table of a valid request, and what the contract warns of.

    Args:
        raw: Raw table of n rows.
        contract: The contract.

    Returns:
        Typed table of n rows with ``contract.inputs``, and the violations of rules whose severity is ``warn``.

    Raises:
        RequestError: If a rule is broken that quarantines a row of the training table; the sentence names row, column,
            what was expected and what was found.
    """
    validation = validate_rows(trim_texts(raw), contract, serving=True)
    refused = [item for item in validation.violations if item.severity in REFUSING or _is_unknown(item)]
    if refused:
        more = f"; {len(refused) - 1} more values or columns are refused" if len(refused) > 1 else ""
        raise RequestError(f"{str(refused[0]).removesuffix('.')}{more}.", refused[0].rule)
    return validation.frame, [item for item in validation.violations if item.severity == "warn"]


def _is_unknown(violation: Violation) -> bool:
    """Check for an unknown column: harmless in a training table, but probably a misspelling in a request."""
    return violation.rule == "unknown_columns" and violation.severity != "off"


def records(typed: pl.DataFrame, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Return rows of a typed table as records for JSON: times as ISO 8601 text, missing values as None."""
    names = [column.name for column in columns]
    return [
        {name: _plain(value) for name, value in zip(names, row, strict=True)} for row in typed.select(names).iter_rows()
    ]


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, datetime | date) else value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (value.is_integer() and abs(value) <= _EXACT):
        return str(int(value))
    # A column of numbers alone is written by Polars, so a number among texts must be too.
    return str(pl.Series([value]).cast(pl.String)[0])


_NOUNS: dict[type, str] = {
    dict: "an object",
    list: "an array",
    type(None): "null",
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
}


def _kind(value: Any) -> str:
    """Return the kind of a value; never the value itself, which may be personal."""
    return _NOUNS.get(type(value), f"a value of type {type(value).__name__}")


def _refusal(name: str, row: int, expected: str, got: str) -> RequestError:
    return RequestError(f"row {row}, column {quote(name)} must be {expected}; got {got} instead.", "kind")
