"""A table of series, read and cast, and the windows that are made of it."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from headrace.core.base.errors import DataError, InputError, quote
from headrace.core.base.notes import Note
from headrace.core.contracts.casting import cast_columns
from headrace.core.contracts.contract import Contract
from headrace.core.contracts.series import MOST_LENGTH, Gaps, Series
from headrace.core.contracts.table_inference.agreement import ContractHints
from headrace.core.contracts.table_inference.infer import infer_with_notes
from headrace.core.readers.ingest import ingest_table
from headrace.core.series.regular_series import RegularSeries, as_naive_times, read_series, split_by_key
from headrace.core.series.steps import Step, infer_step
from headrace.core.series.window_contract import window_contract
from headrace.core.series.windows import training_windows
from headrace.core.tables import parquet_table
from headrace.core.tables.source import ReadOptions
from headrace.stores.sources.open_source import open_source

_LEAST_LENGTH = 12
_MOST_RATIO = 30.0


@dataclass(frozen=True)
class SeriesChoice:
    """What a user says of the series; 0 or empty for what the table suggests.

    Attributes:
        target: Column to forecast.
        time: Column of times.
        horizon: Steps to forecast.
        keys: Columns that tell series apart.
        known: Columns that are known beforehand.
        step: Time between rows, such as ``1d``.
        length: Rows that a forecast is made from.
        season: Steps of a season; 1 for none.
        gaps: What a missing value means.
        every: Steps from one window to the next.
    """

    target: str
    time: str
    horizon: int
    keys: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    step: str = ""
    length: int = 0
    season: int = 0
    gaps: Gaps = "refuse"
    every: int = 1

    def __post_init__(self) -> None:
        """Raise if the stride is no number of steps, or a column has two tasks.

        Raises:
            InputError: If it is not.
        """
        if self.every < 1:
            raise InputError(f"every must be at least 1 step; got {self.every} instead.")
        names = [self.time, self.target, *self.keys, *self.known]
        if len(set(names)) < len(names):
            raise InputError(f"target, time, keys and known columns must be different columns; got {quote(names)}.")


@dataclass(frozen=True)
class WindowTable:
    """The windows of a table.

    Attributes:
        rows: The windows (n rows).
        contract: Their contract.
        notes: What was filled or left missing.
    """

    rows: pl.DataFrame
    contract: Contract
    notes: tuple[Note, ...]


def read_raw(source: str, options: ReadOptions) -> pl.DataFrame:
    """Read a table as it is, in memory.

    Args:
        source: Its address.
        options: Options of the reader.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        ingest_table(open_source(source), folder=folder, options=options, report=lambda _: None)
        return pl.read_parquet(parquet_table.parts(folder), glob=False, memory_map=False)


def make_windows(source: str, choice: SeriesChoice, *, name: str, options: ReadOptions) -> WindowTable:
    """Read a table of series, check it, and make its windows with their contract.

    Args:
        source: Address of the table.
        choice: What the user says of the series.
        name: Name of the model.
        options: Options of the reader.

    Raises:
        InputError: If a column is absent or a choice contradicts another.
        DataError: If the series are irregular, incomplete or too short.
    """
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch:
        folder = Path(scratch) / "table"
        ingest_table(open_source(source), folder=folder, options=options, report=lambda _: None)
        raw = pl.read_parquet(parquet_table.parts(folder), glob=False, memory_map=False)
        names = [choice.time, choice.target, *choice.keys, *choice.known]
        absent = [column for column in names if column not in raw.columns]
        if absent:
            raise InputError(
                f"the table must have the columns that are named; {quote(absent)} are not in {raw.columns}."
            )
        hints = ContractHints(task="regression", time_column=choice.time)
        inferred = infer_with_notes(folder, name=name, target=choice.target, hints=hints).contract
    rows = _cast(raw, inferred, names)
    series = _complete(choice, rows)
    table = read_series(rows, series)
    values = {key: sorted(map(str, rows.get_column(key).unique().to_list())) for key in series.keys}
    contract = window_contract(inferred, series, keys=values)
    notes = (*table.notes, *_size_notes(table.series, series))
    return WindowTable(training_windows(table.series, series, every=choice.every), contract, notes)


def _size_notes(found: Sequence[RegularSeries], series: Series) -> tuple[Note, ...]:
    """Return a warning if the series of some keys are far larger than others: one model learns the large ones."""
    sizes = {quote(list(one.key)): float(np.nanmean(np.abs(one.values))) for one in found if one.observed.any()}
    small, large = (choose(sizes, key=lambda key: sizes[key]) for choose in (min, max))
    if sizes[large] <= _MOST_RATIO * sizes[small]:
        return ()
    sentence = (
        f"Values of the key {large} are {sizes[large]:.4g} on average, those of {small} {sizes[small]:.4g}; one model "
        "learns the large ones, and its forecasts of the small ones may be far off: train a model for each size."
    )
    return (Note("warning", series.target, "series_sizes", len(sizes), sentence),)


def _cast(raw: pl.DataFrame, contract: Contract, names: Sequence[str]) -> pl.DataFrame:
    time = contract.time_column
    if isinstance(raw.schema[time], pl.Datetime):
        raw = raw.with_columns(as_naive_times(raw.get_column(time)))
    columns = [contract.column(name) for name in names]
    typed = cast_columns(raw.select(names), columns, missing_values=contract.missing_values)
    for column in columns:
        mask = typed.failed.get(column.name)
        if mask is not None and mask.any():
            found = [] if column.personal else raw.get_column(column.name).filter(mask).head(3).to_list()
            raise DataError(
                f"{quote(column.name)} must be of type {column.dtype} in every row; {int(mask.sum())} values are not, "
                f"such as {quote(found)}."
            )
    return typed.frame


def _complete(choice: SeriesChoice, rows: pl.DataFrame) -> Series:
    """Return the series with what the table suggests for all that was not chosen."""
    step = choice.step
    if not step:
        _, longest = max(split_by_key(rows, choice.keys), key=lambda item: item[1].height)
        step = infer_step(as_naive_times(longest.get_column(choice.time).drop_nulls()).unique().sort()).text
    season = choice.season or Step.parse(step).season
    length = choice.length or min(MOST_LENGTH, max(2 * season, choice.horizon, _LEAST_LENGTH))
    return Series(
        time=choice.time,
        target=choice.target,
        step=step,
        length=length,
        horizon=choice.horizon,
        season=season,
        keys=choice.keys,
        known=choice.known,
        gaps=choice.gaps,
    )
