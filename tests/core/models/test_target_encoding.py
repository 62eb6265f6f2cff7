"""Columns of very many categories: means of the target, within the model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.contracts.contract import Column, Contract, Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.inference.explain import Explainer, explain_document
from headrace.core.models import families, fitted_model, fitting
from headrace.core.models.fitted_model import Model
from headrace.core.models.target_encoding import MANY_CATEGORIES, many_categories
from headrace.core.onnx_export.parity import convert_exactly
from headrace.core.statistics import metrics
from tests.core import made

COUNT = 300
TOWNS = tuple(f"t{place:03d}" for place in range(COUNT))
ENCODED: tuple[Task, ...] = ("binary", "regression")
FAMILIES = [
    (name, task) for task in ENCODED for name in ("random_forest", "hist_gradient_boosting", "lightgbm", "xgboost")
]
QUICK: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 10},
    "hist_gradient_boosting": {"max_iter": 10},
    "xgboost": {"n_estimators": 10},
    "lightgbm": {"n_estimators": 10},
}


def contract(task: Task = "binary") -> Contract:
    """A contract with a column of 300 towns beside one of three plans and a number."""
    kept = made.only(["size", "plan"], task=task)
    *columns, target = kept.columns
    return replace(kept, columns=(*columns, Column("town", "string", categories=TOWNS, unseen="accept"), target))


def table(rows: int, *, task: Task = "binary", seed: int = 0, effect: float = 3.0) -> pl.DataFrame:
    """A table whose target depends on the town by the effect, and on the size; some towns are missing or unlisted."""
    frame = made.table(rows, task=task, seed=seed)
    draw = np.random.default_rng(seed + 100)
    town = draw.integers(0, COUNT - 5, rows)
    tendency = np.random.default_rng(5).normal(size=COUNT)[town]
    value = frame.get_column("size").fill_null(0.0).to_numpy() + effect * tendency + draw.normal(size=rows)
    target = pl.Series(value) if task == "regression" else pl.Series(np.where(value > 0, "yes", "no"))
    names = [None if place < 5 else "elsewhere" if place < 8 else TOWNS[place] for place in town.tolist()]
    return frame.with_columns(pl.Series("town", names, dtype=pl.String), target.alias("target"))


def fitted(name: str, task: Task, frame: pl.DataFrame, *, seed: int = 0) -> Model:
    """A small model."""
    agreed, given = contract(task), QUICK.get(name, {})
    fresh = families.family(name).build(matrix_layout.columns(agreed), task=task, parameters=given, seed=seed)
    fitting.fit(fresh, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    return Model(fresh, agreed, name, given, seed, {"rows": frame.height, "digest": "0" * 64})


def test_only_columns_of_very_many_categories_are_encoded_so() -> None:
    """Not a plan, and none of a task whose target is no number."""
    columns = matrix_layout.columns(contract())
    assert [columns[place].name for place in many_categories(columns, "binary")] == ["town"]
    assert many_categories(columns, "multiclass") == many_categories(columns, "anomaly") == []
    assert len(columns[-1].categories or ()) > MANY_CATEGORIES


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_random_labels_teach_nothing(name: str) -> None:
    """Means of the rows' own targets would: two rows in each town tell a label that chance made.

    Cross-fitting keeps the areas on new rows and within the fit's own folds near 0.5.
    """
    frame = table(600, effect=0.0).with_columns(
        pl.Series("target", np.random.default_rng(3).choice(["no", "yes"], 600)),
    )
    agreed = contract()
    encoded, target = model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed)
    prepare = fitted(name, "binary", frame).pipeline[0]
    seen = np.asarray(prepare.fit_transform(encoded, target))[:, -1]
    assert abs(metrics.roc_auc(target == 1, seen) - 0.5) < 0.1
    later = np.asarray(prepare.transform(encoded))[:, -1]
    assert metrics.roc_auc(target == 1, later) > 0.7, "means of all rows, as later rows get them, know the labels"


@pytest.mark.parametrize("name", ["random_forest", "hist_gradient_boosting"])
def test_towns_with_a_tendency_are_learned(name: str) -> None:
    """On rows that the fit did not see; trees that compare places in a list of towns learn less."""
    test = table(1500, seed=1)
    model = fitted(name, "binary", table(3000))
    actual = model_matrix.encode_target(test, model.contract)
    assert metrics.roc_auc(actual == 1, model.score(test)) > 0.85


@pytest.mark.parametrize(("name", "task"), FAMILIES)
def test_models_answer_for_missing_and_unlisted_and_have_an_exact_form(name: str, task: Task, tmp_path: Path) -> None:
    """ONNX gives the same for each town, for none and for others."""
    model = fitted(name, task, table(700, task=task))
    strange = table(8, task=task, seed=3).with_columns(
        pl.Series("town", [None, "elsewhere", *TOWNS[-6:]], dtype=pl.String)
    )
    assert np.isfinite(model.score(strange)).all()
    fitted_model.save(model, tmp_path)
    np.testing.assert_array_equal(fitted_model.load(tmp_path).score(strange), model.score(strange))
    rows = model.encode(pl.concat([table(40, task=task, seed=2), strange]))
    exact = convert_exactly(model, rows)
    assert (exact.parity.off, exact.parity.labels_differ) == (0, 0)


def test_one_hot_columns_stay() -> None:
    """A linear model has a weight for each town, shrunk by its own penalty."""
    model = fitted("logistic", "binary", table(700))
    assert model.pipeline[-1].coef_.shape[1] > 200


def test_equal_fits_give_equal_files(tmp_path: Path) -> None:
    """The division of the rows follows the seed."""
    for place in ("one", "other"):
        fitted_model.save(fitted("random_forest", "binary", table(700)), tmp_path / place)
    assert (tmp_path / "one" / "model.skops").read_bytes() == (tmp_path / "other" / "model.skops").read_bytes()


def test_a_town_s_contribution_is_one_number() -> None:
    """Contributions add up, and are named by the column of the table."""
    model = fitted("random_forest", "binary", table(700))
    rows = model.encode(table(5, seed=4))
    explained = Explainer(model, explain_document(model, rows)).explain(rows)
    assert explained.values.shape[:2] == (5, len(matrix_layout.columns(model.contract)))
    assert (np.abs(explained.values[:, -1]) > 0).any()
