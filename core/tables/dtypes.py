"""The five types that a raw table may have: integer, number, text, boolean and timestamp.

Every type of a file or a database is converted to ``Int64``, ``Float64``, ``String``, ``Boolean`` or ``Datetime("us")``
without time zone; a column that cannot be converted is an error that names it.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import polars as pl

from headrace.core.base.errors import InputError, quote
from headrace.core.pictures.picture_codec import is_picture
from headrace.core.values.timestamps import limit_years
from headrace.core.values.wide_numbers import is_wide, of_decimals

TIMESTAMP = pl.Datetime("us")


def normalize_dtypes(frame: pl.DataFrame, *, name: str) -> pl.DataFrame:
    """Return the same rows with plain types.

    Args:
        frame: Rows (n) of any types.
        name: Name of the table in messages.

    Raises:
        InputError: If a column holds lists, structs, bytes, durations or times of day, or integers beyond 64 bits.
    """
    frame = with_picture_texts(frame)
    columns = {column: _plain(pl.col(column), dtype, column, name) for column, dtype in frame.schema.items()}
    try:
        return frame.select(**columns)
    except pl.exceptions.PolarsError as error:
        wide = [column for column, dtype in frame.schema.items() if is_wide(dtype)]
        raise InputError(
            f"a value of the column {quote(', '.join(wide))} in {name} does not fit in 64 bits; give it as text."
        ) from error


def with_picture_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the same rows with files of pictures as base64; other bytes stay as they are.

    Args:
        frame: Rows (n); a column of pictures holds bytes, or records whose field ``bytes`` does.
    """
    for name, dtype in frame.schema.items():
        content = frame.get_column(name)
        if isinstance(dtype, pl.Struct) and dict(dtype).get("bytes") == pl.Binary:
            content = content.struct.field("bytes").alias(name)
        if content.dtype == pl.Binary and is_picture(next(iter(content.drop_nulls().head(1)), b"")):
            frame = frame.with_columns(content.bin.encode("base64"))
    return frame


def _plain(column: pl.Expr, dtype: pl.DataType, name: str, table: str) -> pl.Expr:
    if dtype.is_integer():
        return column.cast(pl.Int64)
    if dtype.is_numeric():
        return column.cast(pl.Float64)
    if dtype in (pl.String, pl.Boolean):
        return column
    if dtype in (pl.Categorical, pl.Enum, pl.Null):
        return column.cast(pl.String)
    if isinstance(dtype, (pl.Datetime, pl.Date)):
        column = limit_years(column, dtype)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None).cast(TIMESTAMP)
    if isinstance(dtype, (pl.Datetime, pl.Date)):
        return column.cast(TIMESTAMP)
    raise InputError(
        f"the column {quote(name)} of {table} holds values of type {dtype}; give numbers, texts, booleans or "
        f"timestamps, or drop the column."
    )


def frame_of(columns: Mapping[str, Sequence[object]], *, drop: tuple[str, ...], table: str) -> pl.DataFrame:
    """Return a frame of Python values, each column of the narrowest plain type that holds them all.

    Args:
        columns: Values (n,) by column.
        drop: Columns whose values are replaced by nulls.
        table: Name of the table in messages.

    Raises:
        InputError: If a value is of an unsupported type.
    """
    return pl.DataFrame(
        [
            series(name, [None] * len(values) if name in drop else values, table=table)
            for name, values in columns.items()
        ]
    )


def series(name: str, values: Sequence[object], *, table: str) -> pl.Series:
    """Return a column (n,) of Python values of mixed types, of the narrowest plain type that holds them all.

    Args:
        name: The column's name.
        values: None, bool, int, float, Decimal, str, date, datetime or UUID.
        table: Name of the table in messages.

    Raises:
        InputError: If a value is of another type.
    """
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {Decimal}:
        values = of_decimals(values)
        kinds = {type(value) for value in values} - {type(None)}
    if not kinds:
        return pl.Series(name, values, dtype=pl.Null)
    if kinds == {bool}:
        return pl.Series(name, values, dtype=pl.Boolean)
    if kinds <= {int, bool} and all(v is None or -(2**63) <= v < 2**63 for v in values):  # type: ignore[operator]
        return pl.Series(name, [None if v is None else int(v) for v in values], dtype=pl.Int64)  # type: ignore[call-overload]
    if kinds <= {int, bool, float, Decimal} and kinds & {float, Decimal}:
        return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)  # type: ignore[arg-type]
    if kinds <= {datetime, date}:
        frame = pl.DataFrame({name: [v if isinstance(v, datetime) else _midnight(v) for v in values]})
        return normalize_dtypes(frame, name=table).to_series()
    if kinds <= {str, int, bool, float, Decimal, UUID, datetime, date}:
        return pl.Series(name, [None if v is None else str(v) for v in values], dtype=pl.String)
    other = next(kind for kind in kinds if kind not in {str, int, bool, float, Decimal, UUID, datetime, date})
    raise InputError(
        f"the column {quote(name)} of {table} holds values of type {other.__name__}; give numbers, texts, booleans or "
        f"timestamps, or drop the column."
    )


def _midnight(value: object) -> datetime | None:
    return datetime(value.year, value.month, value.day) if isinstance(value, date) else None  # noqa: DTZ001 - naive


def merge_schemas(first: pl.Schema, second: pl.Schema) -> pl.Schema:
    """Return the narrowest plain types that hold the values of both schemas; all columns, in order of appearance."""
    schema = dict(first)
    for name, dtype in second.items():
        current = schema.get(name, pl.Null())
        if current == pl.Null:
            schema[name] = dtype
        elif dtype not in (current, pl.Null):
            numbers = {pl.Int64, pl.Float64}
            schema[name] = pl.Float64() if {current, dtype} == numbers else pl.String()
    return pl.Schema(schema)


def unify_frames(frames: Iterable[pl.DataFrame], *, name: str) -> Iterator[pl.DataFrame]:
    """Yield frames whose types were inferred one by one, converted to one schema.

    All frames are written to disk first, because the last one may widen a type; memory stays that of one frame.

    Args:
        frames: Frames of plain types, or all null.
        name: Name of the table in messages.
    """
    schema = pl.Schema()
    with tempfile.TemporaryDirectory(prefix="headrace-") as folder:
        count = 0
        for count, frame in enumerate(frames, start=1):
            schema = merge_schemas(schema, frame.schema)
            frame.write_parquet(Path(folder) / f"{count}.parquet", compression="lz4")
        for number in range(1, count + 1):
            path = Path(folder) / f"{number}.parquet"
            frame = pl.read_parquet(path)
            # Frees disk space while the frames are consumed.
            path.unlink()
            columns = [
                (pl.col(column) if column in frame.columns else pl.lit(None)).cast(dtype).alias(column)
                for column, dtype in schema.items()
            ]
            yield normalize_dtypes(frame.select(columns), name=name)
