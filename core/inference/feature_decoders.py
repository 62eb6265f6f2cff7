"""Row features of decoded values: ``headrace.core.features.row_features`` without a table."""

import math
import operator
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import RowFeature

ScalarFeature = Callable[..., float]
ArrayFeature = Callable[..., NDArray[np.float64]]
FeatureDecoder = tuple[ScalarFeature, ArrayFeature, tuple[int, ...]]

_LARGEST = 1e30
_MICROSECOND = timedelta(microseconds=1)
_MICROSECONDS_PER_MINUTE = 60_000_000


def build_decoder(feature: RowFeature, names: Sequence[str]) -> FeatureDecoder:
    """Return how a row feature is computed: for one row, for many rows, and from which inputs.

    Args:
        feature: The row feature.
        names: Names of the contract's inputs, in order.

    Returns:
        A function of the values of one row, one of columns (n,) that gives float64 (n,), and the places of the inputs.
    """
    one = _build_scalar(feature)
    places = tuple(names.index(name) for name in feature.columns)

    def many(*columns: Sequence[Any]) -> NDArray[np.float64]:
        return np.fromiter(map(one, *_plain(columns)), dtype=np.float64, count=len(columns[0]))

    return one, many, places


def _plain(columns: Sequence[Any]) -> list[Any]:
    return [column.tolist() if isinstance(column, np.ndarray) else column for column in columns]


def _build_scalar(feature: RowFeature) -> ScalarFeature:
    if feature.kind == "holiday":
        from headrace.core.contracts.holidays import public_holidays  # noqa: PLC0415 - 0.2 s that few contracts need

        days = frozenset(public_holidays(feature.country))
        return _of_time(lambda time: time.date() in days)
    return _KINDS[feature.kind]


def _of_time(value: Callable[[datetime], float]) -> ScalarFeature:
    def one(time: datetime | float) -> float:
        return float(value(time)) if isinstance(time, datetime) else math.nan

    return one


def _elapsed_time(first: datetime | float, second: datetime | float) -> float:
    if isinstance(first, datetime) and isinstance(second, datetime):
        return (second - first) // _MICROSECOND / _MICROSECONDS_PER_MINUTE
    return math.nan


def _ratio(first: float, second: float) -> float:
    return _clamp(first / second) if second else math.nan


def _product(first: float, second: float) -> float:
    return _clamp(first * second)


def _clamp(value: float) -> float:
    """Limit a value to what the matrix holds; an overflow is missing."""
    return max(-_LARGEST, min(_LARGEST, value)) if math.isfinite(value) else math.nan


_KINDS: dict[str, ScalarFeature] = {
    "day_of_week": _of_time(datetime.isoweekday),
    "weekend": _of_time(lambda time: time.isoweekday() >= 6),
    "month": _of_time(operator.attrgetter("month")),
    "hour": _of_time(operator.attrgetter("hour")),
    "elapsed": _elapsed_time,
    "ratio": _ratio,
    "product": _product,
}
