"""Casts of raw columns to the contract's dtypes; what cannot be cast becomes missing and is reported by a mask.

Polars only, at the edge where tables are read: narwhals has no lenient cast (ADR 0002).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from headrace.core.contracts.contract import Column
from headrace.core.contracts.picture_columns import cast_pictures
from headrace.core.contracts.vocabulary import FALSE, TRUE
from headrace.core.values import missing_values as missing_marks
from headrace.core.values.number_notation import notation_of
from headrace.core.values.number_texts import to_plain_numbers
from headrace.core.values.timestamps import ISO_FORMATS, parse_time, with_years

DTYPES: dict[str, pl.DataType] = {
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "string": pl.String(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us"),
    "picture": pl.String(),
}
# Above this, a float no longer distinguishes neighbouring whole numbers.
_LARGEST_WHOLE = 2.0**53


@dataclass(frozen=True)
class TypedTable:
    """A typed table and the places where its casts failed.

    Attributes:
        frame: The requested columns, in order, of the contract's dtypes.
        failed: A boolean mask (n,) by column, true where a value is present and cannot be cast; columns without
            failures are absent.
    """

    frame: pl.DataFrame
    failed: dict[str, pl.Series]


def cast_columns(frame: pl.DataFrame, columns: Sequence[Column], *, missing_values: Sequence[str]) -> TypedTable:
    """Cast raw columns to the contract's dtypes.

    Args:
        frame: Raw table of n rows that holds the columns, of any dtypes.
        columns: The p columns to cast.
        missing_values: Texts that mean a missing value, where a text cannot be cast or is not one of the categories.

    Returns:
        The typed table (n, p), and boolean masks (n,) of the casts that failed, by column.
    """
    typed = _without_numbers(_cast_block(frame, columns, missing_values=missing_values), frame, columns, missing_values)
    open_columns = [column for column in columns if column.unseen == "accept"]
    if not open_columns:
        return typed
    cleared = typed.frame.with_columns(
        pl.when(~pl.col(column.name).is_in(sorted(set(missing_values).difference(column.categories or ()))))
        .then(pl.col(column.name))
        .alias(column.name)
        for column in open_columns
    )
    return TypedTable(cleared, typed.failed)


def _without_numbers(
    typed: TypedTable, raw: pl.DataFrame, columns: Sequence[Column], missing_values: Sequence[str]
) -> TypedTable:
    """Clear numbers and times whose text the user declared as a missing mark, such as -999 or 9999-12-31."""
    # Only a mark that ends in a digit can survive a cast to a number or a time.
    marks = [mark for mark in missing_values if mark[-1:].isdigit()]
    if not marks:
        return typed
    numbers, frame = missing_marks.as_numbers(marks), typed.frame
    expressions = []
    for column in columns:
        value = pl.col(column.name)
        if column.dtype in {"integer", "number"} and numbers:
            whole = [int(mark) for mark in numbers if mark.is_integer()] if column.dtype == "integer" else numbers
            expressions.append(pl.when(~value.is_in(list(whole))).then(value).alias(column.name))
        elif column.dtype != "string" and raw.schema[column.name] == pl.String:
            mask = raw.get_column(column.name).is_in(marks).fill_null(value=False)
            expressions += [pl.when(~pl.lit(mask)).then(value).alias(column.name)] if mask.any() else []
        elif column.dtype == "timestamp":
            times = pl.Series(marks).str.to_datetime("%Y-%m-%d", strict=False, time_unit="us").drop_nulls()
            expressions += (
                [pl.when(~value.is_in(times.to_list())).then(value).alias(column.name)] if times.len() else []
            )
    return TypedTable(frame.with_columns(expressions), typed.failed)


def _cast_block(frame: pl.DataFrame, columns: Sequence[Column], *, missing_values: Sequence[str]) -> TypedTable:
    schema = frame.schema
    # A table whose dtypes are right already is returned as it is: no copy, no scan for failures.
    nan = _with_nan(frame, [column.name for column in columns])
    pictures = any(column.dtype == "picture" for column in columns)
    if not nan and not pictures and list(schema.items()) == [(column.name, DTYPES[column.dtype]) for column in columns]:
        return TypedTable(frame=frame, failed={})
    result = frame.select(
        cast(pl.col(column.name), schema[column.name], with_format(column, frame), nan=column.name in nan, bound=False)
        for column in columns
    )
    failed = {}
    for column in columns:
        raw = frame.get_column(column.name)
        if raw.dtype == DTYPES[column.dtype] and column.dtype != "picture":
            continue
        new = result.get_column(column.name)
        if column.dtype == "timestamp":
            # The cast leaves years unbounded, because checking a finished column is faster than an expression.
            new = with_years(unbounded := new)
            result = result if new is unbounded else result.with_columns(new)
        if raw.dtype == pl.String and _may_retry(column) and new.null_count() > raw.null_count():
            new = _SECOND[column.dtype](raw, new)
            result = result.with_columns(new)
        if column.dtype == "picture" and new.null_count():
            failed[column.name] = new.is_null()  # no network answers a picture that is missing
        elif new.null_count() > _null_count(raw):
            mask = _failures(raw, new, missing_values)
            if mask.any():
                failed[column.name] = mask
    return TypedTable(frame=result, failed=failed)


def with_format(column: Column, frame: pl.DataFrame) -> Column:
    """Return the column with the ISO 8601 form in which the frame's first text is written, unless it names a format."""
    if column.dtype != "timestamp" or column.format or frame.schema[column.name] != pl.String:
        return column
    raw = frame.get_column(column.name)
    place = raw.is_not_null().arg_max()
    first = raw.slice(place or 0, 1).drop_nulls()
    for form in ISO_FORMATS:
        if first.len() and pl.select(parse_time(pl.lit(first), form)).to_series().null_count() == 0:
            return replace(column, format=form)
    return column


def _with_nan(frame: pl.DataFrame, names: Sequence[str]) -> set[str]:
    """Return the columns whose sum is NaN; clearing NaN copies a column, and few blocks have any."""
    floats = [name for name in names if frame.schema[name].is_float()]
    sums = frame.select(pl.col(floats).sum()).row(0) if floats else ()
    return {name for name, total in zip(floats, sums, strict=True) if math.isnan(total)}


def cast(value: pl.Expr, raw: pl.DataType, column: Column, *, nan: bool = True, bound: bool = True) -> pl.Expr:
    """Return the lenient cast of one column as an expression; what cannot be cast becomes missing.

    Args:
        value: The raw column.
        raw: Its dtype.
        column: The contract's column; of several timestamp formats the first one is used.
        nan: Whether it may hold NaN, which becomes missing.
        bound: Whether years outside the calendar become missing; see ``timestamps.parse_time``.

    Returns:
        The typed column.
    """
    dtype = DTYPES[column.dtype]
    if column.dtype == "picture":
        return cast_pictures(value, raw, column)
    if raw == dtype:
        return value.fill_nan(None) if nan and column.dtype == "number" else value
    if raw == pl.Null:
        return value.cast(dtype)
    if isinstance(raw, pl.Categorical | pl.Enum):
        value, raw = value.cast(pl.String), pl.String()
    if column.dtype == "timestamp" and (raw == pl.String or (column.format and raw.is_integer())):
        lenient = parse_time(
            value.cast(pl.String), column.format or ISO_FORMATS[0], bound=bound
        )  # 20240105 may be a number
    elif raw == pl.String and column.format:
        plain = to_plain_numbers(value, notation_of(column.format))
        lenient = whole(plain) if column.dtype == "integer" else _number(plain, raw)
    else:
        lenient = _CASTS[column.dtype](value, raw)
    return lenient.alias(column.name)


def whole(text: pl.Expr) -> pl.Expr:
    """Return integers from texts that may be written as other whole numbers are: 40.0, as pandas does, or 4e1."""
    exact = text.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
    return pl.coalesce(exact, _integer(text.cast(pl.Float64, strict=False), pl.Float64()))


def _integer(value: pl.Expr, raw: pl.DataType) -> pl.Expr:
    if raw == pl.String or raw.is_integer():
        return value.cast(pl.Int64, strict=False)
    if raw.is_float() or raw.is_decimal():
        number = value.cast(pl.Float64)
        whole = (number == number.round()) & (number.abs() <= _LARGEST_WHOLE)
        return pl.when(whole).then(number).cast(pl.Int64, strict=False)
    return pl.repeat(None, pl.len(), dtype=pl.Int64)


def _number(value: pl.Expr, raw: pl.DataType) -> pl.Expr:
    if raw == pl.String or raw.is_numeric():
        return value.cast(pl.Float64, strict=False).fill_nan(None)
    return pl.repeat(None, pl.len(), dtype=pl.Float64)


def _string(value: pl.Expr, raw: pl.DataType) -> pl.Expr:
    if raw.is_float():
        whole = (value == value.round()) & (value.abs() <= _LARGEST_WHOLE)
        return pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(value.cast(pl.String))
    if raw.is_nested() or raw in {pl.Object, pl.Binary}:
        return pl.repeat(None, pl.len(), dtype=pl.String)
    return value.cast(pl.String)


def _boolean(value: pl.Expr, raw: pl.DataType) -> pl.Expr:
    if raw == pl.String:
        return value.str.to_lowercase().replace_strict(
            [*TRUE, *FALSE], [True] * len(TRUE) + [False] * len(FALSE), default=None, return_dtype=pl.Boolean
        )
    if raw.is_numeric():
        return pl.when((value == 0) | (value == 1)).then(value == 1)
    return pl.repeat(None, pl.len(), dtype=pl.Boolean)


def _timestamp(value: pl.Expr, raw: pl.DataType) -> pl.Expr:
    if isinstance(raw, pl.Datetime):
        value = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if raw.time_zone else value
        return value.cast(pl.Datetime("us"))
    if raw == pl.Date:
        return value.cast(pl.Datetime("us"))
    return pl.repeat(None, pl.len(), dtype=pl.Datetime("us"))


_CASTS = {
    "integer": _integer,
    "number": _number,
    "string": _string,
    "boolean": _boolean,
    "timestamp": _timestamp,
}


def _null_count(raw: pl.Series) -> int:
    nulls = raw.null_count()
    return nulls + int(raw.is_nan().sum() or 0) if raw.dtype.is_float() else nulls


def _other_times(raw: pl.Series, new: pl.Series) -> pl.Series:
    """Try the other forms of ISO 8601 on the values that the first format did not fit."""
    rows = (raw.is_not_null() & new.is_null()).arg_true()
    for form in ISO_FORMATS:
        again = pl.select(parse_time(pl.lit(raw.gather(rows)), form)).to_series()
        new = new.scatter(rows.filter(again.is_not_null()), again.drop_nulls())
        rows = rows.filter(again.is_null())
        if rows.is_empty():
            break
    return new.alias(raw.name)


def _other_integers(raw: pl.Series, new: pl.Series) -> pl.Series:
    """Try whole numbers that are written as numbers (40.0), where a column of plain integers did not read them."""
    rows = (raw.is_not_null() & new.is_null()).arg_true()
    again = pl.select(whole(pl.lit(raw.gather(rows)))).to_series()
    return new.scatter(rows.filter(again.is_not_null()), again.drop_nulls()).alias(raw.name)


def _may_retry(column: Column) -> bool:
    return column.dtype == "timestamp" or (column.dtype == "integer" and not column.format)


# Second attempts run on failures only, because the first form fits nearly all values of most columns.
_SECOND = {"timestamp": _other_times, "integer": _other_integers}


def _failures(raw: pl.Series, new: pl.Series, missing_values: Sequence[str]) -> pl.Series:
    present = raw.is_not_null()
    if raw.dtype.is_float():
        present &= raw.is_not_nan()
    if raw.dtype == pl.String:
        present &= ~raw.is_in(list(missing_values)).fill_null(value=False)
    return present & new.is_null()
