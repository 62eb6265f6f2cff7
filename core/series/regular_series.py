"""Series on a regular grid of time: rows become one array for each key, or are refused in one sentence."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import DataError, quote
from headrace.core.base.notes import Note
from headrace.core.contracts.series import Series
from headrace.core.series.steps import Step

Floats = NDArray[np.float64]
_NEAR = 1e-6
_EXAMPLES = 3


@dataclass(frozen=True)
class RegularSeries:
    """The series of one key: one value for each step of time.

    Attributes:
        key: Values of the key columns.
        start: First time.
        values: Values (t,) of the target, NaN where one is missing and stays so.
        observed: Whether each value (t,) was in the table.
        known: Values (t,) by known column, as the table holds them; None where a time is missing.
    """

    key: tuple[object, ...]
    start: dt.datetime
    values: Floats
    observed: NDArray[np.bool_]
    known: Mapping[str, list[object]]


@dataclass(frozen=True)
class SeriesTable:
    """All series of a table.

    Attributes:
        series: One for each key, in the order of the keys.
        notes: What was filled or left missing.
    """

    series: tuple[RegularSeries, ...]
    notes: tuple[Note, ...] = ()


def as_naive_times(times: pl.Series) -> pl.Series:
    """Return timestamps without a zone, in microseconds; those with a zone as UTC."""
    if isinstance(times.dtype, pl.Datetime) and times.dtype.time_zone:
        times = times.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return times.cast(pl.Datetime("us"))


def split_by_key(rows: pl.DataFrame, keys: tuple[str, ...]) -> Iterator[tuple[tuple[object, ...], pl.DataFrame]]:
    """Yield the rows of each key, in the order of the keys; one part without keys.

    Args:
        rows: Rows of all keys.
        keys: Names of the key columns.
    """
    if not keys:
        yield (), rows
        return
    parts = rows.partition_by(keys, as_dict=True)
    yield from sorted(parts.items(), key=lambda item: tuple(map(str, item[0])))


def read_series(rows: pl.DataFrame, series: Series) -> SeriesTable:
    """Check the rows of all keys, and arrange each key's on a regular grid of time.

    Args:
        rows: Typed table with the columns of ``series``, in any order.
        series: The contract's section.

    Returns:
        The series, with notes on what was filled.

    Raises:
        DataError: If a time is missing, repeated or between two steps, a key is missing, or there are gaps that
            ``series.gaps`` refuses.
    """
    _check_present(rows, series)
    step, found, filled = Step.parse(series.step), [], 0
    for key, part in split_by_key(rows, series.keys):
        one = _regular(part.sort(series.time), key, series, step)
        found.append(one)
        filled += int((~one.observed).sum())
    return SeriesTable(tuple(found), _notes(series, filled))


def _check_present(rows: pl.DataFrame, series: Series) -> None:
    for name in (series.time, *series.keys):
        missing = rows.get_column(name).null_count()
        if missing:
            raise DataError(
                f"each row of a series must have its {quote(name)}; it is missing in {missing} of {rows.height} rows; "
                "remove those rows or fill them in."
            )


def _regular(rows: pl.DataFrame, key: tuple[object, ...], series: Series, step: Step) -> RegularSeries:
    times = as_naive_times(rows.get_column(series.time))
    where = f" of {quote(list(key))}" if key else ""
    places = step.places(times)
    _check_repeated(times, where)
    whole = np.rint(places).astype(np.int64)
    between = np.abs(places - whole) > _NEAR
    if between.any():
        examples = [str(time) for time in times.filter(pl.Series(between)).head(_EXAMPLES)]
        raise DataError(
            f"the times{where} must lie {series.step} apart, counted from {times[0]}; {int(between.sum())} lie between "
            f"two steps, such as {quote(examples)}; name another step, or round the times."
        )
    count = int(whole[-1]) + 1
    values: Floats = np.full(count, np.nan)
    values[whole] = rows.get_column(series.target).cast(pl.Float64).fill_null(float("nan")).to_numpy()
    if np.isinf(values).any():
        raise DataError(f"values of {quote(series.target)}{where} must be finite; mark infinities as missing.")
    observed = ~np.isnan(values)
    _check_gaps(observed, times, where, series, step)
    known: dict[str, list[object]] = {}
    for name in series.known:
        given: list[object] = [None] * count
        for place, value in zip(whole.tolist(), rows.get_column(name).to_list(), strict=True):
            given[place] = value
        known[name] = given
    if series.gaps == "previous":
        values = pl.Series(values).fill_nan(None).forward_fill().fill_null(float("nan")).to_numpy()
    return RegularSeries(key, times[0], values, observed, known)


def _check_repeated(times: pl.Series, where: str) -> None:
    repeated = times.filter(times.is_duplicated()).unique().sort()
    if len(repeated):
        raise DataError(
            f"each time{where} must occur once; {len(repeated)} are repeated, such as "
            f"{quote([str(time) for time in repeated.head(_EXAMPLES)])}; add the column that tells series apart as a "
            "key, sum the rows, or give local times with their zone (a clock that is set back repeats an hour)."
        )


def _check_gaps(observed: NDArray[np.bool_], times: pl.Series, where: str, series: Series, step: Step) -> None:
    gaps = np.flatnonzero(~observed)
    if len(gaps) and series.gaps == "refuse":
        examples = [str(step.advance(times[0], int(place))) for place in gaps[:_EXAMPLES]]
        raise DataError(
            f"the series{where} must have a value of {quote(series.target)} every {series.step}; {len(gaps)} of "
            f"{len(observed)} are missing, such as {quote(examples)}; fill them in, or choose gaps: missing or "
            "previous."
        )


def _notes(series: Series, filled: int) -> tuple[Note, ...]:
    if not filled:
        return ()
    treated = "stay missing for the model" if series.gaps == "missing" else "are the value before them"
    sentence = f"{filled} missing values of the series {treated}; none of them is a value to be predicted."
    return (Note("warning", series.target, "series_gaps", filled, sentence),)
