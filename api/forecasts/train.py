"""Train a model of forecasts, with its backtest beside the seasonal naive forecast."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from headrace.api.forecasts.series_table import SeriesChoice, make_windows
from headrace.api.model_names import default_name, model_name
from headrace.api.run_result import Run
from headrace.api.tables import TableReference, table_address
from headrace.api.training import run as run_pipeline
from headrace.api.training_arguments import field_separator
from headrace.core.base.errors import InputError, MissingError, quote
from headrace.core.base.files import read_json, write_json, write_text
from headrace.core.contracts.contract_yaml import dump
from headrace.core.contracts.series import Gaps
from headrace.core.features import model_matrix, row_features
from headrace.core.inference.engine import Floats
from headrace.core.inference.scorer import Scorer
from headrace.core.series.backtest import Backtest, backtest
from headrace.core.series.forecast_input import series_of
from headrace.core.tables.parquet_table import parts
from headrace.core.tables.source import ReadOptions
from headrace.pipelines.local.results import artifact
from headrace.pipelines.local.run_folder import RunFolder

if TYPE_CHECKING:
    from headrace.core.contracts.contract import Contract

FAMILIES = ("direct_linear", "hist_gradient_boosting")
"""Families that are tried by default."""
DOCUMENT = "backtest.json"
_WINDOWS = "windows.parquet"
_READING = ("column_names", "header", "delimiter", "encoding", "skip_lines", "comment", "missing_values")
# What a user of forecasts cannot choose, since the windows decide it.
_DECIDED = ("task", "contract", "time_column", "id_columns", "group_column", "split_method", "positive")


@dataclass(frozen=True)
class ForecastRun:
    """A run that trained a model of forecasts.

    Attributes:
        run: The run: bundle, report, metrics and verdict of the changes from the seasonal naive forecast.
        backtest: The forecasts beside the naive ones, in the unit of the series.
        page: The backtest with pictures, one HTML page.
        notes: What was filled or left missing, a sentence each.
    """

    run: Run
    backtest: Backtest
    page: Path
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return one line: model, error, conclusion."""
        return f"<ForecastRun in {self.run.home}: {self.backtest.conclusion}>"


def train_forecast(
    table: TableReference,
    target: str,
    *,
    time: str,
    horizon: int,
    keys: Sequence[str] = (),
    known: Sequence[str] = (),
    step: str = "",
    length: int = 0,
    season: int = 0,
    gaps: Gaps = "refuse",
    every: int = 1,
    output: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    **options: Any,
) -> ForecastRun:
    """Train a model that forecasts a series, as ``headrace forecast train`` does, and compare it with naive forecasts.

    The table has one row for each time and key. Its windows go through the whole pipeline: search, training,
    evaluation, gate, bundle and endpoint. The latest times are the test part.

    >>> import headrace.api as hr
    >>> trained = hr.train_forecast("sales.csv", "sold", time="day", horizon=7, budget=2, serve=False)
    >>> trained.backtest.series["step"], trained.backtest.series["season"]
    ('1d', 7)
    >>> sorted(trained.backtest.errors)
    ['model', 'naive', 'seasonal_naive']

    Args:
        table: Path or address of a table, or a data frame.
        target: Column to forecast.
        time: Column of times; those with a zone are read as UTC.
        horizon: Number of steps to forecast.
        keys: Columns that tell the series of one table apart.
        known: Columns whose values are known beforehand for the times that are forecast, such as a price.
        step: Time from one row to the next: a number and s, m, h, d, w, mo, q or y; empty to infer it.
        length: Number of rows that a forecast is made from; 0 for two seasons, the horizon or 12, whichever is most.
        season: Steps after which the season repeats, 1 for none; 0 for what is usual for the step.
        gaps: What a missing value means: ``refuse``, ``missing`` or ``previous``.
        every: Steps from one window to the next.
        output: The run's folder; None for ``headrace-out/NAME``.
        progress: Called with a line of text for each step of the pipeline that ended; None for silence.
        **options: Keywords of ``run``; ``families`` are direct_linear and hist_gradient_boosting unless given.

    Returns:
        The completed run, with its backtest.

    Raises:
        InputError: If an option is invalid, or a column absent.
        DataError: If the series are irregular, incomplete or too short.
        MissingError: If a named file does not exist.
    """
    decided = sorted(set(options).intersection(_DECIDED))
    if decided:
        raise InputError(f"the windows of a forecast decide {quote(decided)}; leave them out.")
    choice = SeriesChoice(target, time, horizon, tuple(keys), tuple(known), step, length, season, gaps, every)
    given = str(options.pop("name", ""))
    named = model_name(given or (default_name(str(table)) if isinstance(table, str | Path) else "table"))
    reading = _read_options({name: options.pop(name) for name in _READING if name in options})
    with tempfile.TemporaryDirectory(prefix="headrace-") as scratch, table_address(table, name=named) as source:
        made = make_windows(source, choice, name=named, options=reading)
        contract = Path(scratch) / "contract.yaml"
        write_text(contract, dump(made.contract))
        windows = Path(scratch) / _WINDOWS
        made.rows.write_parquet(windows)
        chosen = {"families": FAMILIES, **options}
        completed = run_pipeline(
            windows,
            made.contract.target.name,
            contract=contract,
            name=named,
            output=output,
            progress=progress,
            **chosen,
        )
    return _measure(completed, made.contract, tuple(note.sentence for note in made.notes))


def open_forecast(folder: str | Path) -> Backtest:
    """Read the backtest of an earlier run from its folder.

    Raises:
        MissingError: If it holds none: the run trained no model of forecasts.
        InputError: If it is of another version.
    """
    path = Path(folder) / DOCUMENT
    if not path.is_file():
        raise MissingError(
            f"there is no {DOCUMENT} in {folder}; name the folder of a run of `headrace forecast train`."
        )
    return Backtest.from_json(read_json(path))


def _read_options(values: Mapping[str, Any]) -> ReadOptions:
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    plain["delimiter"] = field_separator(str(plain.get("delimiter", "")))
    return replace(ReadOptions(), **plain)


def predict_windows(scorer: Scorer, rows: pl.DataFrame) -> Floats:
    """Return a model's answers (n,) to windows (n rows): differences from the seasonal naive forecast."""
    encoded = model_matrix.encode(row_features.add(rows, scorer.contract), scorer.contract)
    return scorer.scores(encoded)


def _measure(completed: Run, contract: "Contract", notes: tuple[str, ...]) -> ForecastRun:
    from headrace.reports.forecast.page import forecast_page  # noqa: PLC0415 - templates, which predictions need not

    folder = RunFolder(home=completed.home, staging=completed.home)
    path = artifact(folder, "split", "train_table")
    if path is None:
        raise MissingError(f"there is no training part in {completed.home / 'steps'}; run again.")
    test, train = completed.test_rows, pl.read_parquet(parts(path), glob=False)
    predicted = predict_windows(Scorer.open(completed.bundle, threads=2), test)
    measured = backtest(train, test, predicted, series_of(contract))
    write_json(completed.home / DOCUMENT, measured.as_json())
    page = completed.home / "forecast.html"
    write_text(page, forecast_page(measured, test, predicted, name=contract.name, notes=notes))
    return ForecastRun(completed, measured, page, notes)
