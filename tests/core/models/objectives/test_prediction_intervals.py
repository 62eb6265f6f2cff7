"""Prediction intervals: the promised coverage, held in simulation, and their ends."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from headrace.core.base.errors import DataError
from headrace.core.contracts.contract import Column, Contract
from headrace.core.features import model_matrix
from headrace.core.models import families, fitting
from headrace.core.models.objectives.build_pipeline import build_pipeline
from headrace.core.models.objectives.prediction_intervals import PredictionIntervals, calibrate
from headrace.core.splits import folds

CONTRACT = Contract(
    name="simulated",
    task="regression",
    columns=(Column("x", "number"), Column("z", "number"), Column("y", "number", role="target")),
    intervals=0.9,
)


def simulated(rows: int, draw: np.random.Generator, kind: str) -> pl.DataFrame:
    """Rows whose errors are normal, heavy-tailed, skewed, or grow with the prediction."""
    x, z = draw.uniform(0, 4, rows), draw.normal(size=rows)
    error = {
        "normal": lambda: draw.normal(size=rows),
        "heavy": lambda: draw.standard_t(2, rows),
        "skewed": lambda: draw.lognormal(size=rows),
        "growing": lambda: (0.1 + x) * draw.normal(size=rows),
    }[kind]()
    return pl.DataFrame({"x": x, "z": z, "y": 3 * x + z + error})


def coverage(family: str, kind: str, *, seed: int, rows: int = 300, **parameters: Any) -> tuple[float, Any]:
    """Coverage on 2000 unseen rows of a model and its intervals from 300 training rows."""
    draw = np.random.default_rng(seed)
    train, test = simulated(rows, draw, kind), simulated(2000, draw, kind)
    encoded, target = model_matrix.encode(train, CONTRACT), model_matrix.encode_target(train, CONTRACT)

    def make() -> Any:
        return build_pipeline(families.family(family), CONTRACT, parameters=parameters, seed=0)

    pipeline = make()
    fitting.fit(pipeline, encoded, target)
    divided = folds.make(train, target, CONTRACT, seed=seed)
    held_out = fitting.out_of_fold(make, encoded, target, folds=divided, classes=0).predictions
    intervals = calibrate(target, held_out, coverage=CONTRACT.intervals)
    lower, upper = intervals.bounds(pipeline.predict(model_matrix.encode(test, CONTRACT)))
    actual = model_matrix.encode_target(test, CONTRACT)
    inside = (actual >= lower) & (actual <= upper)
    return float(inside.mean()), (inside, upper - lower, test)


def largest_chance(seeds: int) -> float:
    """Four standard errors of the mean coverage of intervals that come from 300 rows each: beta variables."""
    return float(4 * np.sqrt(0.9 * 0.1 / 301 / seeds))


@pytest.mark.parametrize(
    ("kind", "seeds"),
    [
        ("growing", 12),
        *(pytest.param(kind, 60, marks=pytest.mark.slow) for kind in ("normal", "heavy", "skewed", "growing")),
    ],
)
def test_the_promised_coverage_is_held_in_simulation(kind: str, seeds: int) -> None:
    """Over many tables the mean coverage on unseen rows is at the promise within chance, or a little above it.

    Chance: four standard errors of the mean of coverages, each of which is a beta variable given its training rows
    (Vovk 2012, Conditional validity of inductive conformal predictors).
    """
    found = np.array([coverage("linear", kind, seed=seed)[0] for seed in range(seeds)])
    assert 0.9 - largest_chance(seeds) <= found.mean() <= 0.92 + largest_chance(seeds)


def test_a_model_that_fits_its_rows_by_heart_keeps_the_promise() -> None:
    """Trees without limits have no error on their training rows; the errors out of fold are what counts."""
    found = [
        coverage(
            "random_forest", "normal", seed=seed, n_estimators=8, max_depth=100, min_samples_leaf=1, max_features=1.0
        )[0]
        for seed in range(6)
    ]
    assert np.mean(found) >= 0.9 - largest_chance(6)


def test_ranges_are_wide_where_errors_are_large() -> None:
    """With 4000 rows whose errors grow with the prediction, small and large predictions are both covered."""
    mean, (inside, width, test) = coverage("linear", "growing", seed=3, rows=4000)
    low, high = (test["x"] < 1).to_numpy(), (test["x"] > 3).to_numpy()
    assert abs(mean - 0.9) < 0.03
    assert width[high].mean() > 2 * width[low].mean()
    assert inside[low].mean() > 0.83
    assert inside[high].mean() > 0.83


def test_too_few_rows_for_a_promise_are_refused() -> None:
    """Two ends of 0.5 % each need 199 errors: with fewer no finite interval keeps the promise."""
    draw = np.random.default_rng(0)
    assert calibrate(draw.normal(size=199), np.zeros(199), coverage=0.99).rows == 199
    with pytest.raises(DataError, match="at least 199 out-of-fold predictions; got 198"):
        calibrate(draw.normal(size=198), np.zeros(198), coverage=0.99)


def test_rows_that_no_fold_held_out_are_left_out() -> None:
    """Folds by time never predict their first rows."""
    actual = np.arange(100.0)
    predictions = np.where(actual < 20, np.nan, actual)
    assert calibrate(actual, predictions, coverage=0.8).rows == 80


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20),
    st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3, unique=True),
)
def test_one_value_and_an_array_have_the_same_ends(values: list[float], edges: list[float]) -> None:
    """The server computes with single numbers, batch scoring with arrays; an edge belongs to the range above it."""
    intervals = PredictionIntervals(0.9, tuple(sorted(edges)), (-1.0, -2.0, -3.0, -4.0), (4.0, 3.0, 2.0, 1.0), 99, 0.0)
    lower, upper = intervals.bounds(np.array([*values, *edges]))
    ends = [intervals.bounds_of_one(value) for value in [*values, *edges]]
    assert list(zip(lower.tolist(), upper.tolist(), strict=True)) == ends
    assert (lower >= 0).all()
    assert PredictionIntervals.from_json(intervals.as_json()) == intervals


@pytest.mark.parametrize("change", [{"edges": (1.0,)}, {"low": (9.0,)}, {"high": (float("nan"),)}])
def test_ends_that_do_not_belong_together_are_refused(change: dict[str, Any]) -> None:
    """A damaged model file gives no intervals rather than wrong ones."""
    with pytest.raises(ValueError, match="prediction intervals"):
        replace(PredictionIntervals(0.9, (), (-1.0,), (1.0,), 100), **change)


def test_constant_predictions_have_one_range() -> None:
    """Edges between equal predictions would leave ranges without rows."""
    found = calibrate(np.random.default_rng(0).normal(size=5000), np.zeros(5000), coverage=0.9)
    assert found.edges == ()
    assert found.low[0] == pytest.approx(-1.645, abs=0.1)


def test_the_promise_breaks_with_as_many_columns_as_rows() -> None:
    """A known limit, which the guide names: a model refitted on all rows is not one of the folds' (Barber et al. 2021).

    100 rows and 98 columns without a penalty: the errors out of fold are those of tamer models.
    """
    draw = np.random.default_rng(0)
    rows, weights = draw.normal(size=(2100, 98)), draw.normal(size=98) / 10
    target = rows @ weights + draw.normal(size=2100)
    held_out = np.empty(100)
    for fold in np.array_split(np.arange(100), 5):
        others = np.setdiff1d(np.arange(100), fold)
        held_out[fold] = Ridge(alpha=1e-8).fit(rows[others], target[others]).predict(rows[fold])
    fitted = Ridge(alpha=1e-8).fit(rows[:100], target[:100])
    lower, upper = calibrate(target[:100], held_out, coverage=0.9).bounds(fitted.predict(rows[100:]))
    assert ((target[100:] >= lower) & (target[100:] <= upper)).mean() < 0.8
