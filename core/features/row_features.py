"""Row features: columns computed from others of the same row, in training and in serving by this one function."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import narwhals as nw
from narwhals.typing import IntoFrame

from headrace.core.contracts.contract import Contract, RowFeature

Frame = TypeVar("Frame", bound=IntoFrame)

_MICROSECONDS_PER_MINUTE = 60_000_000


def add(frame: Frame, contract: Contract) -> Frame:
    """Add the contract's row features to a typed table.

    Args:
        frame: Typed table of n rows with at least the source columns of the features; eager or lazy, of any engine
            that narwhals supports.
        contract: The table's contract.

    Returns:
        The table with one more column for each feature, in the contract's order: Int64 for ``day_of_week``,
        ``weekend``, ``month``, ``hour`` and ``holiday``, Float64 for ``elapsed``, ``ratio`` and ``product``; missing
        where a source column is missing.
    """
    if not contract.features:
        return frame
    table: Any = nw.from_native(frame)
    spark = table.implementation.is_spark_like()
    added = table.with_columns(
        _KINDS[feature.kind](feature, spark).alias(feature.name) for feature in contract.features
    )
    return cast("Frame", added.to_native())


def _day_of_week(feature: RowFeature, _: bool) -> nw.Expr:
    return nw.col(feature.columns[0]).dt.weekday().cast(nw.Int64)


def _weekend(feature: RowFeature, _: bool) -> nw.Expr:
    return (nw.col(feature.columns[0]).dt.weekday() >= 6).cast(nw.Int64)


def _month(feature: RowFeature, _: bool) -> nw.Expr:
    return nw.col(feature.columns[0]).dt.month().cast(nw.Int64)


def _hour(feature: RowFeature, _: bool) -> nw.Expr:
    return nw.col(feature.columns[0]).dt.hour().cast(nw.Int64)


def _holiday(feature: RowFeature, _: bool) -> nw.Expr:
    from headrace.core.contracts.holidays import public_holidays  # noqa: PLC0415 - 0.2 s that few contracts need

    return nw.col(feature.columns[0]).dt.date().is_in(public_holidays(feature.country)).cast(nw.Int64)


def _elapsed_time(feature: RowFeature, spark: bool) -> nw.Expr:
    first, second = (nw.col(name) for name in feature.columns)
    if spark:
        return (_microseconds(second) - _microseconds(first)) / _MICROSECONDS_PER_MINUTE
    return (second - first).dt.total_microseconds() / _MICROSECONDS_PER_MINUTE


def _microseconds(time: nw.Expr) -> nw.Expr:
    """Return microseconds since the year 0, from the fields of a timestamp; narwhals has no durations on Spark.

    The days are counted by the algorithm ``days_from_civil`` of Howard Hinnant
    (https://howardhinnant.github.io/date_algorithms.html), for years from 0.
    """
    month = time.dt.month().cast(nw.Int64)
    year = time.dt.year().cast(nw.Int64) - (month <= 2).cast(nw.Int64)
    era_year = (month + 9) % 12
    day = (153 * era_year + 2) // 5 + time.dt.day().cast(nw.Int64)
    days = 365 * year + year // 4 - year // 100 + year // 400 + day
    seconds = 3600 * time.dt.hour().cast(nw.Int64) + 60 * time.dt.minute().cast(nw.Int64)
    seconds = 86_400 * days + seconds + time.dt.second().cast(nw.Int64)
    return 1_000_000 * seconds + time.dt.microsecond().cast(nw.Int64)


def _ratio(feature: RowFeature, _: bool) -> nw.Expr:
    first, second = (nw.col(name).cast(nw.Float64) for name in feature.columns)
    return _finite(nw.when(second != 0).then(first / second))


def _product(feature: RowFeature, _: bool) -> nw.Expr:
    first, second = (nw.col(name).cast(nw.Float64) for name in feature.columns)
    return _finite(first * second)


def _finite(value: nw.Expr) -> nw.Expr:
    """Return the value, missing where it overflows, because no model accepts infinities."""
    return nw.when(value.is_finite()).then(value)


_KINDS: dict[str, Callable[[RowFeature, bool], nw.Expr]] = {
    "day_of_week": _day_of_week,
    "weekend": _weekend,
    "month": _month,
    "hour": _hour,
    "holiday": _holiday,
    "elapsed": _elapsed_time,
    "ratio": _ratio,
    "product": _product,
}
