"""Regressions, their test parts and windows whose inputs are shifted, from a seed: of made tables and of real ones.

A made table is drawn shifted. Of a real one, the rows that neither the model nor the test part has are drawn into
windows with weights that grow with an input, which shifts a normal variable and leaves the target's dependence as it
is; or a window has the rows of one half of an input, or all but one category.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from estimated_windows import Floats, Window
from numpy.typing import NDArray
from scipy.special import ndtri
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.statistics.weighted_metrics import EvaluatedRows

TRAINING_ROWS = 4000
SHIFTS = (0.2, 0.4, 1.0)
MODELS: dict[str, Callable[[], object]] = {
    "boosted trees": lambda: HistGradientBoostingRegressor(max_iter=60),
    "ridge": Ridge,
    "forest": lambda: RandomForestRegressor(25, min_samples_leaf=5, max_samples=0.5, random_state=0),
}
_CATEGORIES = ("a", "b", "c", "d")


@dataclass(frozen=True)
class Case:
    """A fitted model with its windows.

    Attributes:
        columns: The inputs' columns (p).
        training: Inputs (n, p) of its training part.
        test: Its test part.
        windows: The windows by scenario.
    """

    columns: tuple[MatrixColumn, ...]
    training: Floats
    test: Window
    windows: dict[str, Window]


def draw_made(model_name: str, seed: int, *, rows: int, correlation: float) -> Case:
    """Fit a model on rows of a made table whose first three inputs are correlated, and draw windows of it."""
    rng = np.random.default_rng([seed, round(10 * correlation), *map(ord, model_name)])
    training = _make_inputs(rng, TRAINING_ROWS, correlation)
    columns = tuple(MatrixColumn(f"x{place}", categories=_CATEGORIES if place == 3 else None) for place in range(5))
    predict = _fit(model_name, columns, training, _make_target(rng, training))

    def window(inputs: Floats, weight: float = 0.6) -> Window:
        actual = _make_target(rng, inputs, weight)
        return Window(inputs, EvaluatedRows("regression", actual, values=predict(inputs)))

    test = window(_make_inputs(rng, rows, correlation))
    windows = {"no shift": window(_make_inputs(rng, rows, correlation))}
    for shift in SHIFTS:
        windows[f"one input by {shift}"] = window(_make_inputs(rng, rows, correlation, one=shift))
        windows[f"several inputs by {shift}"] = window(_make_inputs(rng, rows, correlation, several=shift))
    windows["one by 0.4, another wider"] = window(_make_inputs(rng, rows, correlation, one=0.4, wider=1.2))
    windows["concept shift"] = window(_make_inputs(rng, rows, correlation), weight=1.6)
    return Case(columns, training, test, windows)


def _make_inputs(
    rng: np.random.Generator,
    rows: int,
    correlation: float,
    *,
    one: float = 0.0,
    several: float = 0.0,
    wider: float = 1.0,
) -> Floats:
    inputs = rng.standard_normal((rows, 5))
    common = rng.standard_normal((rows, 1))
    inputs[:, :3] = np.sqrt(correlation) * common + np.sqrt(1 - correlation) * inputs[:, :3] + several
    inputs[:, 0] += one
    inputs[:, 1] *= wider
    shares = np.exp(several * np.arange(4) / 1.5)
    inputs[:, 3] = rng.choice(4, rows, p=shares / shares.sum())
    return inputs


def _make_target(rng: np.random.Generator, inputs: Floats, weight: float = 0.6) -> Floats:
    first, second, third, category, _ = inputs.T
    signal = 1.1 * first - 0.7 * second + weight * first * (third > 0) + 0.4 * (category > 1)
    return np.asarray(3 * signal + (0.5 + 0.3 * np.abs(first)) * rng.standard_normal(len(inputs)))


@dataclass(frozen=True)
class RealTable:
    """A table in a file.

    Attributes:
        columns: Its inputs.
        inputs: Model matrix (n, p); -1 for no category.
        target: What is predicted (n,).
        shifted: Positions of the numbers that are shifted, the most telling first.
        halved: Position of the category of which the rows are kept that have the second commonest value.
    """

    columns: tuple[MatrixColumn, ...]
    inputs: Floats
    target: Floats
    shifted: tuple[int, ...]
    halved: int


def read_taxis(folder: Path) -> RealTable:
    """Read trips of New York's taxis: the fare by distance, hour, passengers, colour, payment and boroughs."""
    frame = pl.read_csv(folder / "taxis.csv", try_parse_dates=True).with_columns(
        pl.col("pickup").dt.hour().alias("hour")
    )
    names = ("distance", "hour", "passengers", "color", "payment", "pickup_borough", "dropoff_borough")
    return _real_table(frame, names, target="fare", shifted=("distance", "hour"), halved="color")


def read_adult(folder: Path) -> RealTable:
    """Read the census of 1994: the hours worked in a week by age, schooling, and what people do and are."""
    known = {0: "age", 1: "work", 4: "schooling", 5: "status", 6: "job", 7: "relation", 8: "race", 9: "sex"}
    known |= {12: "hours", 14: "income"}
    frame = pl.read_csv(folder / "adult-train.csv", has_header=False, infer_schema=False)
    frame = frame.select(pl.col(f"column_{place}").alias(name) for place, name in known.items())
    frame = frame.with_columns(pl.all().str.strip_chars()).with_columns(
        pl.col("age", "schooling", "hours").cast(pl.Float64, strict=False)
    )
    frame = frame.filter(pl.col("hours").is_not_null())
    inputs = ("age", "schooling", "work", "status", "job", "relation", "race", "sex", "income")
    return _real_table(frame, inputs, target="hours", shifted=("age", "schooling"), halved="sex")


REAL_TABLES: dict[str, Callable[[Path], RealTable]] = {"taxis": read_taxis, "adult": read_adult}


def _real_table(
    frame: pl.DataFrame, names: tuple[str, ...], *, target: str, shifted: tuple[str, ...], halved: str
) -> RealTable:
    columns, parts = [], []
    for name in names:
        values = frame.get_column(name)
        categories = tuple(map(str, values.drop_nulls().unique().sort())) if values.dtype == pl.String else None
        columns.append(MatrixColumn(name, categories=categories))
        if categories is None:
            parts.append(values.cast(pl.Float64).to_numpy())
        else:
            codes = pl.Series(range(len(categories)), dtype=pl.Float64)
            coded = values.replace_strict(list(categories), codes, default=-1.0, return_dtype=pl.Float64)
            parts.append(coded.fill_null(-1.0).to_numpy())
    places = tuple(names.index(name) for name in shifted)
    return RealTable(
        tuple(columns),
        np.column_stack(parts),
        frame.get_column(target).cast(pl.Float64).to_numpy(),
        places,
        names.index(halved),
    )


def draw_real(table: RealTable, model_name: str, seed: int, *, rows: int) -> Case:
    """Split a table at random, fit a model, and draw windows of the rows that remain."""
    rng = np.random.default_rng([seed, *map(ord, model_name)])
    order = rng.permutation(len(table.inputs))
    fitted = min(TRAINING_ROWS, len(order) // 3)
    training, tested, others = np.split(order, [fitted, fitted + rows])
    predict = _fit(model_name, table.columns, table.inputs[training], table.target[training])

    def window(chosen: NDArray[np.int64]) -> Window:
        inputs = table.inputs[chosen]
        return Window(inputs, EvaluatedRows("regression", table.target[chosen], values=predict(inputs)))

    windows = {name: window(chosen) for name, chosen in _choose(rng, table, others, rows)}
    return Case(table.columns, table.inputs[training], window(tested), windows)


def _choose(
    rng: np.random.Generator, table: RealTable, others: NDArray[np.int64], rows: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Choose the rows (m,) of windows that are at most a fifth of those that remain."""
    rows = min(rows, len(others) // 5)
    numbers = table.inputs[np.ix_(others, table.shifted)]
    # Ranks as normal quantiles: weights that are exponential in them shift them by as many standard deviations.
    ranks = (numbers + 1e-9 * rng.standard_normal(numbers.shape)).argsort(axis=0).argsort(axis=0)
    scores = ndtri((ranks + 0.5) / len(others))
    yield "no shift", rng.choice(others, rows, replace=False)
    for shift in SHIFTS:
        for name, score in (("one input", scores[:, 0]), ("several inputs", scores.sum(axis=1))):
            weights = np.exp(shift * score)
            yield f"{name} by {shift}", rng.choice(others, rows, replace=False, p=weights / weights.sum())
    yield "upper half of one", rng.choice(others[scores[:, 0] > 0], rows, replace=False)
    codes = table.inputs[others, table.halved].astype(np.int64)
    second = np.argsort(-np.bincount(codes[codes >= 0]))[1]
    kept = others[codes == second]
    yield "one category only", rng.choice(kept, min(rows, len(kept) // 2), replace=False)


def _fit(
    model_name: str, columns: tuple[MatrixColumn, ...], inputs: Floats, target: Floats
) -> Callable[[Floats], Floats]:
    coded = [place for place, column in enumerate(columns) if column.categories is not None]
    numbers = [place for place in range(len(columns)) if place not in coded]
    encode = ColumnTransformer(
        [
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), coded),
            ("numbers", StandardScaler(), numbers),
        ]
    )
    return make_pipeline(encode, MODELS[model_name]()).fit(inputs, target).predict  # type: ignore[no-any-return]
