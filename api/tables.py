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

from headrace.core.base.errors import InputError, shown

if TYPE_CHECKING:
    from narwhals.typing import IntoFrame

TableReference: TypeAlias = Union[str, Path, "IntoFrame"]
"""A path, glob or address as text or ``Path``; or a data frame that narwhals knows, such as pandas' and Polars'."""
RowsReference: TypeAlias = Union["IntoFrame", Sequence[Mapping[str, object]], Sequence[Sequence[object]]]
"""A data frame, or a list of rows, each a mapping by column name or a list of values in the contract's order."""


@contextlib.contextmanager
def table_address(table: TableReference, *, name: str = "") -> Iterator[str]:
    """The address of a table; a frame is written to a temporary Parquet file, which is deleted after the block.

    Args:
        table: A path, glob or address, or a frame of n rows by p columns.
        name: What the file of a frame is called; empty for ``table``.

    Raises:
        InputError: If it is neither, or the frame cannot be written.
    """
    if isinstance(table, str | Path):
        yield str(table)
        return
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        # The file's name is in the bundle's provenance, so that it is the same each time.
        path = Path(scratch) / f"{name or 'table'}.parquet"
        _write_frame(table, path)
        yield str(path)


def is_frame(value: object) -> bool:
    """Whether a value is a data frame, of this machine's memory or lazy."""
    import narwhals as nw  # noqa: PLC0415 - paths need none

    return isinstance(nw.from_native(value, pass_through=True), nw.DataFrame | nw.LazyFrame)


def request_rows(rows: RowsReference) -> list[Any]:
    """Rows as JSON has them: times as ISO 8601, what is missing as None.

    Args:
        rows: A frame, or a sequence of rows (n).

    Returns:
        n rows, a frame's by column name.

    Raises:
        InputError: If it is neither, or a value has no form in JSON.
    """
    if isinstance(rows, list | tuple):
        plain = list(rows)
    elif not isinstance(rows, Mapping) and is_frame(rows):
        plain = _frame_rows(rows)
    else:
        raise InputError(f"rows must be a data frame, or a list of rows; got {shown(rows)} instead.")
    try:
        return list(orjson.loads(orjson.dumps(plain, default=_json_value, option=orjson.OPT_SERIALIZE_NUMPY)))
    except TypeError as error:
        reason = str(error.__cause__ or error).rstrip(".")
        raise InputError(f"values of rows must be texts, numbers, booleans, times or None; {reason}.") from error


def _frame_rows(frame: Any) -> list[Any]:
    import narwhals as nw  # noqa: PLC0415 - see above

    found = nw.from_native(_with_index(frame))
    eager = found.collect() if isinstance(found, nw.LazyFrame) else found
    return list(eager.iter_rows(named=True))


def _write_frame(frame: Any, path: Path) -> None:
    import narwhals as nw  # noqa: PLC0415 - see above

    if not is_frame(frame):
        raise InputError(
            f"a table must be a path, an address, or a data frame of pandas or Polars; got {shown(frame)} instead."
        )
    try:
        found = nw.from_native(_with_index(frame))
        if isinstance(found, nw.LazyFrame):
            found.sink_parquet(path)
        else:
            found.write_parquet(path)
    except ImportError as error:
        raise InputError(
            "a pandas frame is handed over as Parquet, which pandas cannot write without pyarrow: install pyarrow, or "
            "give a Polars frame or a path."
        ) from error
    except Exception as error:
        # Each library has errors of its own: of values of several types in one column, or types that Parquet has not.
        text = " ".join(str(error).split())
        raise InputError(
            f"the frame must be one that Parquet can hold, each column of one type; {type(error).__name__}: {text}."
        ) from error


def _with_index(frame: Any) -> Any:
    """A frame of pandas without an index: one that has a name is a column, another is dropped; names are texts.

    Row numbers are dropped in silence, an index of anything else with a ``UserWarning``.
    """
    if not type(frame).__module__.startswith("pandas"):
        return frame
    wrong = next((name for name in frame.columns if not isinstance(name, str)), None)
    if wrong is not None:
        raise InputError(
            f"the columns of a frame must be named by texts; got {shown(wrong)}: set frame.columns = "
            "frame.columns.astype(str), or names that say more."
        )
    named = [name for name in frame.index.names if name is not None]
    taken = next((name for name in named if name in frame.columns), None)
    if taken is not None:
        raise InputError(f"the frame has {shown(taken)} as a column and as its index; rename one of them.")
    unnamed = [level for level, name in enumerate(frame.index.names) if name is None]
    if any(frame.index.get_level_values(level).dtype.kind not in "iu" for level in unnamed):
        warnings.warn(
            "the frame's index has no name and is left out; name it (frame.index.name = ...) to make a column of it.",
            UserWarning,
            stacklevel=2,
        )
    dropped = frame.reset_index(level=unnamed, drop=True) if named and unnamed else frame
    return dropped.reset_index(drop=not named)


def _json_value(value: Any) -> Any:
    """What orjson has no form for: classes of pandas, and decimal numbers.

    Raises:
        TypeError: If it has none here either.
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
    raise TypeError(f"got {shown(value)} instead")
