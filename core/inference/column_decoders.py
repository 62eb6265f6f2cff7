"""Decoders of a column's values: the fast path for values that are plainly valid."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import DataError
from headrace.core.contracts.contract import Column
from headrace.core.contracts.picture_columns import picture_size
from headrace.core.contracts.vocabulary import FALSE, TRUE
from headrace.core.pictures.picture_codec import read_pixels, to_pixels
from headrace.core.values.missing_marks import as_numbers
from headrace.core.values.number_notation import notation_of

# A value as the matrix holds it, or a time that row features are computed from; None where only the full path can tell.
ScalarDecoder = Callable[[Any], Any]
ArrayDecoder = Callable[[Sequence[Any] | NDArray[Any]], Any]

NAN = math.nan
# What the matrix holds for a text outside the categories.
_UNSEEN = -1.0
# Beyond it, neighbouring integers share one float.
_EXACT = 2.0**53
# The matrix holds no larger numbers.
_LARGEST = 1e30
_NUMBERS = frozenset({int, float})
# Numbers as nearly every CSV writes them, and short enough that every parser reads the same number.
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,17})?")
# Polars casts more texts than this faster than Python reads them one by one.
_MOST_TEXTS = 500


@dataclass(frozen=True)
class ColumnDecoder:
    """Decode one column on the fast path.

    Attributes:
        decode_value: Decodes one value; None if it is not plainly valid.
        decode_column: Decodes values (n,) to an array (n,) of float64 (times to a list); None if any is not.
    """

    decode_value: ScalarDecoder
    decode_column: ArrayDecoder


def build_decoder(column: Column, missing_values: Sequence[str] = ()) -> ColumnDecoder:
    """Return the fast decoder of a column.

    Args:
        column: The column.
        missing_values: Texts that stand for a missing value unless they are a valid value of the column.
    """
    absent = dict.fromkeys(missing_values, NAN) if column.missing > 0 else {}
    if column.dtype in {"picture", "timestamp"}:
        marks = frozenset(mark for mark in missing_values if mark[-1:].isdigit())
        return _pictures(column) if column.dtype == "picture" else _times(column, absent, marks)
    if column.dtype == "boolean":
        texts = dict.fromkeys(FALSE, 0.0) | dict.fromkeys(TRUE, 1.0)
        return _category_reader(column, absent | texts | {False: 0.0, True: 1.0}, {bool, str})
    if column.categories is not None or column.dtype == "string":
        texts = {text: float(place) for place, text in enumerate(column.categories or ())}
        if column.unseen == "accept":
            return _category_reader(column, dict.fromkeys(missing_values) | absent | texts, {str}, other=_UNSEEN)
        if column.dtype != "integer":
            return _category_reader(column, absent | texts, {str})
        return _category_reader(
            column, absent | texts | {int(text): place for text, place in texts.items()}, {int, str}
        )
    return _numbers(column, absent, frozenset(as_numbers(missing_values)))


def _numbers(  # noqa: C901 - one closure for each way in
    column: Column, absent: Mapping[str, float], marks: frozenset[float]
) -> ColumnDecoder:
    whole = column.dtype == "integer"
    largest = _EXACT if whole else _LARGEST
    low = max(-largest, -math.inf if column.minimum is None else column.minimum)
    high = min(largest, math.inf if column.maximum is None else column.maximum)
    nothing = _nothing(column)
    plain = (_WHOLE if whole else _DECIMAL).fullmatch

    def text(value: str) -> float | None:
        if not plain(value):
            return absent.get(value)
        number = float(value)
        return number if low <= number <= high and number not in marks else None

    read_text = _notation_reader(column.format, text, absent) if column.format else text

    def one(value: Any) -> float | None:
        kind = type(value)  # not `isinstance`: a bool is an int to it
        if marks and kind in _NUMBERS and value in marks:
            return None
        if kind is float:
            return value if low <= value <= high and (not whole or value.is_integer()) else None
        if kind is int:
            return float(value) if low <= value <= high and -_EXACT <= value <= _EXACT else None
        if kind is str:
            return read_text(value)
        return nothing if value is None else None

    def many(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64] | None:
        array, exact = _array(values, nothing=nothing)
        if array is None:
            return _one_by_one(one, values)
        broken = (array < (low if exact else max(low, -_EXACT))) | (array > (high if exact else min(high, _EXACT)))
        if marks:
            broken |= np.isin(array, list(marks))
        if whole:
            broken |= ~((array == np.floor(array)) | np.isnan(array))
        return None if broken.any() else array

    return ColumnDecoder(one, many)


def _notation_reader(form: str, read_plain: ScalarDecoder, absent: Mapping[str, float]) -> ScalarDecoder:
    """Return a reader of texts in a notation, given a reader of plain numbers."""
    notation = notation_of(form)

    def read_noted(value: str) -> Any:
        plain = notation.plain(value)
        return absent.get(value) if plain is None else read_plain(plain)

    return read_noted


def _array(values: Sequence[Any] | NDArray[Any], *, nothing: float | None) -> tuple[NDArray[np.float64] | None, bool]:
    """Return numbers as float64, and whether all of them were floats already; None if they are not numbers."""
    if isinstance(values, np.ndarray):
        if values.dtype.kind not in "iuf" or (nothing is None and np.isnan(values).any()):
            return None, False
        return values.astype(np.float64), values.dtype.kind == "f"
    kinds = set(map(type, values))
    if nothing is not None:
        kinds.discard(type(None))
    if not kinds <= _NUMBERS:
        return None, False
    return np.array(values, dtype=np.float64), int not in kinds


def _one_by_one(one: ScalarDecoder, values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64] | None:
    """Decode texts, or values of several types, one by one; None if they are too many for it to pay."""
    if isinstance(values, np.ndarray) or len(values) > _MOST_TEXTS:
        return None
    numbers = [one(value) for value in values]
    return None if None in numbers else np.array(numbers, dtype=np.float64)


def _category_reader(
    column: Column, index: Mapping[Any, float | None], kinds: set[type], *, other: float | None = None
) -> ColumnDecoder:
    codes = dict(index)
    nothing = _nothing(column)
    if nothing is not None:
        codes[None] = nothing
        kinds = {*kinds, type(None)}

    def one(value: Any) -> float | None:
        return codes.get(value, other) if type(value) in kinds else None

    def many(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64] | None:
        plain = values.tolist() if isinstance(values, np.ndarray) else values
        if not set(map(type, plain)) <= kinds:
            return None
        numbers = list(map(codes.get, plain)) if other is None else [codes.get(value, other) for value in plain]
        return None if None in numbers else np.array(numbers, dtype=np.float64)

    return ColumnDecoder(one, many)


def _times(column: Column, absent: Mapping[str, float], marks: frozenset[str]) -> ColumnDecoder:
    nothing = _nothing(column)

    def one(value: Any) -> datetime | float | None:
        if value is None:
            return nothing
        if type(value) is not str or column.format or value in marks:
            return None
        return _time(value) or absent.get(value)

    def many(values: Sequence[Any] | NDArray[Any]) -> list[Any] | None:
        times = [one(value) for value in values]
        return None if None in times else times

    return ColumnDecoder(one, many)


def _time(text: str) -> datetime | None:
    """Parse a time in one of the two plainest forms of ISO 8601: a date, or a date and a time to the second."""
    if not text.isascii() or text[4:5] != "-" or text[7:8] != "-":
        return None
    if len(text) != 10 and not (len(text) == 19 and text[10] in " T" and text[13] == text[16] == ":"):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.year >= 1000 else None


def _pictures(column: Column) -> ColumnDecoder:
    """Return a decoder of files in base64 or tensors (n, height, width, channels) to rows (n, values) of pixels."""
    size = picture_size(column)
    shape = (size.height, size.width, size.channels)

    def one(value: Any) -> NDArray[Any] | None:
        try:
            return read_pixels(value, size).ravel() if type(value) is str else None
        except DataError:  # the full path says what is wrong
            return None

    def many(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64] | None:
        if isinstance(values, np.ndarray):
            pixels = to_pixels(values) if values.shape[1:] == shape else None
            return None if pixels is None else pixels.reshape(len(values), -1).astype(np.float64)
        rows = [one(value) for value in values]
        return None if any(row is None for row in rows) else np.array(rows, dtype=np.float64)

    return ColumnDecoder(one, many)


def _nothing(column: Column) -> float | None:
    """Return what a missing value becomes; None if the contract does not let it be missing."""
    return NAN if column.missing > 0 else None
