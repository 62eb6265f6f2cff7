"""The input of forecasts: the latest rows of each key, and what is known beforehand, become rows for the model."""

from collections.abc import Sequence

import polars as pl

from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Column, Contract
from headrace.core.contracts.series import Series
from headrace.core.series.regular_series import RegularSeries, as_naive_times, read_series, split_by_key
from headrace.core.series.steps import Step
from headrace.core.series.windows import forecast_rows

_EXAMPLES = 3


def series_of(contract: Contract) -> Series:
    """Return the series of a contract.

    Raises:
        InputError: If it has none: its model makes no forecasts.
    """
    if contract.series is None:
        raise InputError(
            f"a forecast needs a model of series, but the contract {contract.name} has no section series; "
            "`headrace forecast train` makes such a model, `headrace score` predicts the rows of any other."
        )
    return contract.series


def history_columns(contract: Contract) -> tuple[Column, ...]:
    """Return the columns of a table of histories: keys, time, target and known columns."""
    series = series_of(contract)
    return (
        *(contract.column(name) for name in series.keys),
        contract.column(series.time),
        Column(series.target, "number"),
        *(contract.column(name) for name in series.known),
    )


def typed_history(raw: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Cast raw rows to the columns of a table of histories.

    Args:
        raw: Rows (n) of any dtypes, from a file or a request; other columns are left out.
        contract: Contract of the model.

    Raises:
        DataError: If a column is absent, or a value is of another type.
    """
    columns = history_columns(contract)
    absent = [column.name for column in columns if column.name not in raw.columns]
    if absent:
        raise DataError(
            f"a history must have the columns {quote([column.name for column in columns])}; {quote(absent)} are absent."
        )
    time = series_of(contract).time
    if isinstance(raw.schema[time], pl.Datetime):
        raw = raw.with_columns(as_naive_times(raw.get_column(time)))
    typed = cast_columns(raw, columns, missing_values=contract.missing_values)
    for name, mask in typed.failed.items():
        if mask.any():
            column = next(column for column in columns if column.name == name)
            found = [] if column.personal else raw.get_column(name).filter(mask).head(_EXAMPLES).to_list()
            raise DataError(
                f"{quote(name)} must be of type {column.dtype} in each row of a history; {int(mask.sum())} values are "
                f"not, such as {quote(found)}."
            )
    return typed.frame


def forecast_windows(rows: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Return the model's rows for one forecast of each key: ``horizon`` rows a key, in the order of keys and time.

    Args:
        rows: Typed history (n rows): at least ``length`` steps of each key up to its last value, and after that, where
            the contract has known columns, rows with their values and without the target.
        contract: Contract of the model.

    Raises:
        DataError: If a history is too short or irregular, or a known value is absent.
    """
    series = series_of(contract)
    frames = [_rows_of_key(part.sort(series.time), key, series) for key, part in split_by_key(rows, series.keys)]
    return pl.concat(frames)


def _rows_of_key(rows: pl.DataFrame, key: tuple[object, ...], series: Series) -> pl.DataFrame:
    where = f" of {quote(list(key))}" if key else ""
    seen = rows.get_column(series.target).is_not_null().arg_true()
    if not len(seen):
        raise DataError(f"the history{where} must hold a value of {quote(series.target)}; it holds none.")
    # Of the rows before, a window sees the latest; what is wrong in older ones is no reason to refuse.
    history = rows.head(int(seen[-1]) + 1).tail(series.length)
    one = read_series(history, series).series[0]
    after = rows.tail(rows.height - int(seen[-1]) - 1)
    try:
        return forecast_rows(one, series, _known_values(after, one, series))
    except DataError as error:
        raise DataError(f"{str(error).removesuffix('.')}{where and f' ({where.strip()})'}.") from error


def _known_values(after: pl.DataFrame, one: RegularSeries, series: Series) -> dict[str, Sequence[object]]:
    if not series.known:
        return {}
    step, last = Step.parse(series.step), len(one.values) - 1
    wanted = [step.advance(one.start, last + ahead) for ahead in range(1, series.horizon + 1)]
    places = {time: place for place, time in enumerate(as_naive_times(after.get_column(series.time)).to_list())}
    absent = [str(time) for time in wanted if time not in places]
    if absent:
        raise DataError(
            f"a forecast needs the known columns {quote(list(series.known))} for each of {series.horizon} times; "
            f"{len(absent)} have no row, such as {quote(absent[:_EXAMPLES])}"
        )
    rows = after.select(series.known).to_dict(as_series=False)
    return {name: [values[places[time]] for time in wanted] for name, values in rows.items()}
