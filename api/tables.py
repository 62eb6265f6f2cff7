"""Data frames where a path is expected, and rows for an endpoint."""

import contextlib
import datetime as dt
import decimal
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

import orjson

from headrace.core.base.errors import InputError, quote

if TYPE_CHECKING:
    from narwhals.typing import IntoFrame

TableReference: TypeAlias = Union[str, Path, "IntoFrame"]
"""A path, glob or address as text or ``Path``; or a data frame that narwhals knows, such as pandas' and Polars'."""
RowsReference: TypeAlias = Union["IntoFrame", Sequence[Mapping[str, object]], Sequence[Sequence[object]]]
"""A data frame, or a list of rows, each a mapping by column name or a list of values in the contract's order."""


@contextlib.contextmanager
def table_address(table: TableReference, *, name: str = "") -> Iterator[str]:
    """Yield the address of a table; a frame is written to a temporary Parquet file, deleted after the block.

    Args:
        table: A path, glob or address, or a frame of n rows by p columns.
        name: Name of a frame's file, without ending; empty for ``table``.

    Raises:
        InputError: If it is neither address nor frame, or the frame cannot be written.
    """
    if isinstance(table, str | Path):
        yield str(table)
        return
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        # The file's name enters the bundle's provenance; a name that differs each time would change the digest.
        path = Path(scratch) / f"{name or 'table'}.parquet"
        _write_frame(table, path)
        yield str(path)


def is_frame(value: object) -> bool:
    """Return whether a value is a data frame, in memory or lazy."""
    import narwhals as nw  # noqa: PLC0415 - paths need none

    return isinstance(nw.from_native(value, pass_through=True), nw.DataFrame | nw.LazyFrame)


def request_rows(rows: RowsReference) -> list[Any]:
    """Convert rows to what JSON can hold: times to ISO 8601, missing values to None.

    Args:
        rows: A frame (n rows, p columns), or a sequence of n rows.

    Returns:
        n rows; those of a frame are mappings by column name.

    Raises:
        InputError: If it is neither, or a value has no form in JSON.
    """
    if isinstance(rows, list | tuple):
        values = list(rows)
    elif not isinstance(rows, Mapping) and is_frame(rows):
        values = _frame_rows(rows)
    else:
        raise InputError(f"rows must be a data frame, or a list of rows; got {quote(rows)} instead.")
    try:
        return list(orjson.loads(orjson.dumps(values, default=_json_value, option=orjson.OPT_SERIALIZE_NUMPY)))
    except TypeError as error:
        reason = str(error.__cause__ or error).rstrip(".")
        if "64-bit" in reason:  # orjson's "Integer exceeds 64-bit range"
            raise InputError(
                "a whole number in rows must be from -9223372036854775808 to 18446744073709551615, what 64 bits hold; "
                "got one beyond that: give it as a float or as a text."
            ) from error
        raise InputError(f"values of rows must be texts, numbers, booleans, times or None; {reason}.") from error


def _frame_rows(frame: Any) -> list[Any]:
    import narwhals as nw  # noqa: PLC0415 - see above

    native = nw.from_native(_with_index(frame))
    eager = native.collect() if isinstance(native, nw.LazyFrame) else native
    return list(eager.iter_rows(named=True))


def _write_frame(frame: Any, path: Path) -> None:
    import narwhals as nw  # noqa: PLC0415 - see above

    if not is_frame(frame):
        raise InputError(
            f"a table must be a path, an address, or a data frame of pandas or Polars; got {quote(frame)} instead."
        )
    try:
        native = nw.from_native(_with_index(frame))
        if isinstance(native, nw.LazyFrame):
            native.sink_parquet(path)
        else:
            native.write_parquet(path)
    except ImportError as error:
        raise InputError(
            "a pandas frame is passed on as Parquet, which pandas cannot write without pyarrow: install pyarrow, or "
            "pass a Polars frame or a path."
        ) from error
    except Exception as error:
        # Each library raises errors of its own for mixed types in a column, or types that Parquet does not have.
        text = " ".join(str(error).split())
        raise InputError(
            f"the frame must be one that Parquet can hold, each column of one type; {type(error).__name__}: {text}."
        ) from error


def _with_index(frame: Any) -> Any:
    """Return a pandas frame without an index: a named one becomes a column, an unnamed one is dropped.

    Row numbers are dropped in silence, an index of anything else with a ``UserWarning``.
    """
    if not type(frame).__module__.startswith("pandas"):
        return frame
    bad_name = next((name for name in frame.columns if not isinstance(name, str)), None)
    if bad_name is not None:
        raise InputError(
            f"the columns of a frame must be named by texts; got {quote(bad_name)}: set frame.columns = "
            "frame.columns.astype(str), or assign names."
        )
    index_names = [name for name in frame.index.names if name is not None]
    duplicate = next((name for name in index_names if name in frame.columns), None)
    if duplicate is not None:
        raise InputError(f"the frame has {quote(duplicate)} as a column and as its index; rename one of them.")
    unnamed = [level for level, name in enumerate(frame.index.names) if name is None]
    if any(frame.index.get_level_values(level).dtype.kind not in "iu" for level in unnamed):
        warnings.warn(
            "the frame's index has no name and is left out; name it (frame.index.name = ...) to make a column of it.",
            UserWarning,
            stacklevel=2,
        )
    dropped = frame.reset_index(level=unnamed, drop=True) if index_names and unnamed else frame
    return dropped.reset_index(drop=not index_names)


def _json_value(value: Any) -> Any:
    """Convert values that orjson cannot: classes of pandas, and decimal numbers.

    Raises:
        TypeError: If there is no JSON form for it.
    """
    if type(value).__name__ in {"NaTType", "NAType"}:
        return None
    if isinstance(value, dt.date | dt.time):  # a subclass, such as pandas' Timestamp
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        if value.is_nan():
            return None
        number = float(value)
        # One with more digits than a float holds goes as a text, which the contract reads as it does a table's.
        return number if decimal.Decimal(repr(number)) == value else str(value)
    raise TypeError(f"got {quote(value)} instead")
