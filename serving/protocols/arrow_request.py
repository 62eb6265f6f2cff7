"""Tables in Arrow IPC, as pandas, Polars, DuckDB and Spark write them.

Source: https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc.
"""

import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import RequestError
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows
from headrace.serving.protocols import arrow_layout
from headrace.serving.protocols.json_body import check_row_count

if TYPE_CHECKING:
    import polars as pl


def read_columns(content: bytes, limits: RequestLimits) -> InputRows:
    """Return the columns of an Arrow table, with values as JSON would hold them.

    Args:
        content: A stream or a file.
        limits: Limits, of which ``rows`` and ``body_bytes`` apply.

    Returns:
        n values by name of the column; in an array of floats NaN is a missing value.

    Raises:
        RequestError: If it is not Arrow IPC, has columns of nested types, or exceeds a limit.
    """
    frame = _frame(arrow_layout.check_stream(content, limits))
    check_row_count(frame.height, limits)
    return {name: _values(frame[name], limits) for name in frame.columns}


def _frame(stream: bytes) -> "pl.DataFrame":
    import polars as pl  # noqa: PLC0415 - takes half a second, which would delay the start

    try:
        return pl.read_ipc_stream(io.BytesIO(stream))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, TypeError) as error:
        raise RequestError(
            "the body must be an Arrow IPC stream or file that can be read; its parts do not fit."
        ) from error


def _values(series: "pl.Series", limits: RequestLimits) -> list[Any] | NDArray[np.generic]:
    import polars as pl  # noqa: PLC0415 - as above

    dtype = series.dtype
    if dtype.is_float() or (dtype.is_integer() and not series.null_count()):
        return series.to_numpy()
    if dtype.is_integer() or dtype in {pl.Boolean, pl.Null}:
        return series.to_list()
    if isinstance(dtype, pl.Datetime):
        series = series.dt.cast_time_unit("us")
    texts = series.cast(pl.String)
    # A dictionary or view lets many rows share one long text, so that a small body may hold gigabytes of text.
    if int(texts.str.len_bytes().sum()) > limits.body_bytes:
        raise RequestError(
            f"an Arrow table must have at most {limits.body_bytes} bytes, written out; send fewer rows at a time.",
            "size",
        )
    return texts.to_list()
