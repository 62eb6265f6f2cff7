"""Raw records, as a client sends them, to a raw table and back; pure, and the same in packaging and in serving."""

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
from headrace.core.validation.request import Violation, check_rows
from headrace.core.values.whitespace import trim_texts

_EXACT = 2**53
_INT64 = range(-(2**63), 2**63)
_SINGLE: dict[type, type[pl.DataType]] = {str: pl.String, int: pl.Int64, float: pl.Float64, bool: pl.Boolean}


def table(rows: Sequence[Any], contract: Contract) -> pl.DataFrame:
    """The raw table of some records.

    Args:
        rows: Either objects by column name, or arrays in the order of ``contract.inputs``; n of one kind. A value is a
            text, a number, a boolean, or None where it is missing: what a CSV or JSON holds.
        contract: The contract.

    Returns:
        Raw table (n rows), with the columns that the records name.

    Raises:
        RequestError: If there are no rows, they are of other shapes, or a value is of another kind or not finite.
    """
    if not rows:
        raise RequestError("a request must hold at least one row; got none.", "shape")
    if all(isinstance(row, Mapping) for row in rows):
        return _of_objects(rows)
    names = [column.name for column in contract.inputs]
    for place, row in enumerate(rows):
        if not isinstance(row, list | tuple):
            raise RequestError(
                f"row {place} must be an object by column name or an array of {len(names)} values, like all other "
                f"rows; got {_kind(row)} instead.",
                "shape",
            )
        if len(row) != len(names):
            raise RequestError(
                f"row {place} must hold {len(names)} values, in the order {quote(names, 300)}; got {len(row)} instead.",
                "shape",
            )
    return pl.DataFrame([series(name, [row[place] for row in rows]) for place, name in enumerate(names)])


def _of_objects(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    for place, row in enumerate(rows):
        if len(row) != len(names):
            absent = next(name for name in names if name not in row)
            raise RequestError(f"all rows must hold the same columns; row {place} lacks {quote(absent)}.", "columns")
    if not names:
        raise RequestError("row 0 must hold the contract's columns; got an empty object instead.", "columns")
    return pl.DataFrame([series(name, [row[name] for row in rows]) for name in names])


def series(name: str, values: Sequence[Any]) -> pl.Series:
    """One raw column; values of several kinds become text, each as it would alone.

    Raises:
        RequestError: If a value is no text, number or boolean, or not finite.
    """
    kinds = {type(value) for value in values} - {type(None)}
    if not kinds <= set(_SINGLE):
        place = next(i for i, value in enumerate(values) if type(value) not in _SINGLE and value is not None)
        raise _refusal(name, place, "a text, a number, true, false or null", _kind(values[place]))
    if float in kinds:
        place = next((i for i, v in enumerate(values) if isinstance(v, float) and not math.isfinite(v)), -1)
        if place >= 0:
            raise _refusal(name, place, "finite", str(values[place]))
    if int in kinds and any(type(value) is int and value not in _INT64 for value in values):
        return pl.Series(name, [_text(value) for value in values], dtype=pl.String)  # as a table's ids that are so long
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if len(kinds) == 1:
        return pl.Series(name, values, dtype=_SINGLE[kinds.pop()])
    if kinds == {int, float} and all(abs(value) <= _EXACT for value in values if type(value) is int):
        return pl.Series(name, [None if value is None else float(value) for value in values], dtype=pl.Float64)
    return pl.Series(name, [_text(value) for value in values], dtype=pl.String)


def of_columns(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> pl.DataFrame:
    """The raw table of whole columns.

    Args:
        columns: Values (n,) by name, as in ``table``; in an array of floats NaN is a missing value.

    Returns:
        Raw table (n rows).

    Raises:
        RequestError: If there are no rows, the columns are of several lengths, or a value is of another kind.
    """
    lengths = {name: len(values) for name, values in columns.items()}
    rows = next(iter(lengths.values()), 0)
    if not rows:
        raise RequestError("a request must hold at least one row; got none.", "shape")
    uneven = next((name for name, length in lengths.items() if length != rows), "")
    if uneven:
        first = next(iter(lengths))
        raise RequestError(
            f"all columns must hold as many values; {quote(uneven)} holds {lengths[uneven]} where {quote(first)} holds "
            f"{rows}.",
            "shape",
        )
    return pl.DataFrame([_of_array(name, values) for name, values in columns.items()])


def _of_array(name: str, values: Sequence[Any] | NDArray[Any]) -> pl.Series:
    if not isinstance(values, np.ndarray):
        return series(name, values)
    if values.dtype.kind == "f":
        infinite = np.isinf(values)
        if infinite.any():
            raise _refusal(name, int(infinite.argmax()), "finite", str(values[infinite.argmax()]))
        return pl.Series(name, values.astype(np.float64)).fill_nan(None)
    return series(name, values.tolist())


def validate_records(raw: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """The typed table of a request that keeps the contract; see ``judged``."""
    return validate_with_warnings(raw, contract)[0]


def validate_with_warnings(raw: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, list[Violation]]:
    """The typed table of a request that may pass, and what the contract warns of.

    Args:
        raw: Raw table of n rows.
        contract: The contract.

    Returns:
        Typed table of n rows with ``contract.inputs``, and the violations of rules whose severity is ``warn``.

    Raises:
        RequestError: If a rule is broken for which a row of the training table would have been set aside; the sentence
            names row, column, what was expected and what was found.
    """
    checked = check_rows(trim_texts(raw), contract, serving=True)
    refused = [item for item in checked.violations if item.severity in REFUSING or _is_unknown(item)]
    if refused:
        more = f"; {len(refused) - 1} more values or columns are refused" if len(refused) > 1 else ""
        raise RequestError(f"{str(refused[0]).removesuffix('.')}{more}.", refused[0].rule)
    return checked.frame, [item for item in checked.violations if item.severity == "warn"]


def _is_unknown(found: Violation) -> bool:
    """A column that nobody knows costs a training table nothing, but in a request it is a misspelt one."""
    return found.rule == "unknown_columns" and found.severity != "off"


def records(typed: pl.DataFrame, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """Rows of a typed table as records that JSON can hold: times as ISO 8601 text, missing values as None."""
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
    # Polars, not Python, writes a number that stands alone.
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
    """What a value is; never the value itself, which may be personal."""
    return _NOUNS.get(type(value), f"a value of type {type(value).__name__}")


def _refusal(name: str, row: int, expected: str, got: str) -> RequestError:
    return RequestError(f"row {row}, column {quote(name)} must be {expected}; got {got} instead.", "kind")
