"""Forecasts for a table of histories."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from headrace.api.forecasts.series_table import read_raw
from headrace.api.forecasts.train import predict_windows
from headrace.api.model_reference import ModelReference, open_model
from headrace.api.tables import TableReference, table_address
from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.base.files import whole
from headrace.core.contracts.contract import Contract
from headrace.core.inference.scorer import Scorer
from headrace.core.series.forecast_input import forecast_windows, series_of, typed_history
from headrace.core.series.windows import NAIVE, ORIGIN, STEP
from headrace.core.tables.source import ReadOptions
from headrace.core.validation.request import validate_rows

FORECAST = "forecast"


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of the series of a table.

    Attributes:
        frame: ``horizon`` rows for each key: keys, ``origin``, time, ``step``, ``forecast`` and ``seasonal_naive``.
        name: Name of the model.
        digest: SHA-256 that names its bundle.
        keys: Number of series.
    """

    frame: pl.DataFrame = field(repr=False)
    name: str
    digest: str
    keys: int


def forecast(
    model: ModelReference,
    table: TableReference,
    *,
    output: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Forecasts:
    """Forecast the series of a table, as ``headrace forecast predict`` does.

    >>> import headrace.api as hr
    >>> ahead = hr.forecast("headrace-out/sales", "sales.csv")
    >>> ahead.frame.columns
    ['origin', 'day', 'step', 'forecast', 'seasonal_naive']
    >>> ahead.frame.height
    7

    Args:
        model: A ``Run`` or a ``Bundle``, a folder of one, a store URI, or ``NAME@VERSION``.
        table: Path or address of a table of histories, or a data frame: at least ``length`` rows of each key; where the
            model has known columns, also the rows that follow, without the target.
        output: A file that ends in ``.parquet`` or ``.csv``; None to hold the forecasts in memory only.
        progress: Called with a line of text; None for silence.

    Returns:
        The forecasts of all keys, or an error for the first key that has none.

    Raises:
        InputError: If the model makes no forecasts, or the output cannot be written.
        DataError: If a history is too short, irregular or of other types, or a value breaks the contract.
        MissingError: If the model or the table does not exist.
        BundleError: If the bundle is incomplete or altered.
    """
    path = Path(output) if output is not None else None
    if path is not None and path.suffix.lower() not in {".parquet", ".csv"}:
        raise InputError(f"forecasts are written to a file that ends in .parquet or .csv; got {path} instead.")
    with open_model(model) as bundle:
        scorer = Scorer.open(bundle, threads=2)
    series = series_of(scorer.contract)
    with table_address(table) as source:
        raw = read_raw(source, ReadOptions(missing_values=tuple(scorer.contract.missing_values or ("",))))
    rows = forecast_windows(typed_history(raw, scorer.contract), scorer.contract)
    _check(rows, scorer.contract)
    changes = pl.Series(FORECAST, predict_windows(scorer, rows))
    frame = rows.select(*series.keys, ORIGIN, series.time, STEP, (pl.col(NAIVE) + changes).alias(FORECAST), NAIVE)
    if path is not None:
        with whole(path) as part:
            if path.suffix.lower() == ".csv":
                frame.write_csv(part)
            else:
                frame.write_parquet(part)
    count = frame.height // series.horizon
    if progress:
        progress(f"{count:,} series, {frame.height:,} values")
    return Forecasts(frame, scorer.name, scorer.digest, count)


def _check(rows: pl.DataFrame, contract: Contract) -> None:
    """Raise for the first window that a server would refuse."""
    broken = validate_rows(rows, contract, serving=True).refused
    if broken:
        series, first = series_of(contract), broken[0]
        place = rows.row(max(first.row, 0), named=True)
        key = f" of {quote([place[name] for name in series.keys])}" if series.keys else ""
        got = f"; got {first.got} instead" if first.got else ""
        raise DataError(f"the column {quote(first.column)} at {place[series.time]}{key} must be {first.expected}{got}.")
