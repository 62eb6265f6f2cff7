"""Models as ONNX against scikit-learn."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts.contract import Contract, Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.inference.engine import OnnxEngine
from headrace.core.models import families
from headrace.core.models.fitted_model import Model, predicted_probabilities, predicted_values
from headrace.core.models.fitting import fit
from headrace.core.onnx_export import parity
from headrace.core.onnx_export.export import convert
from headrace.core.onnx_export.graph import InexactError
from tests.core import made
from tests.properties import examples

QUICK: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 12},
    "hist_gradient_boosting": {"max_iter": 12},
    "lightgbm": {"n_estimators": 4},
    "xgboost": {"n_estimators": 4},
    "mlp": {"max_iter": 20},
    "isolation_forest": {"n_estimators": 12},
}
EXACT = [
    (name, task)
    for name, family in families.FAMILIES.items()
    for task in family.tasks
    if name != "knn" and family.framework == "scikit-learn"
]
FEATURES = {
    "all": ["size", "age", "plan", "rooms", "member", "constant", "empty"],
    "numbers": ["size", "age"],
    "categories": ["plan", "rooms"],
    "one": ["plan"],
}


def fitted(
    name: str, task: Task, *, features: str = "all", rows: int = 200, drop: str = ""
) -> tuple[Model, pl.DataFrame]:
    """A model of a family, fitted as the suite fits it, and rows that it has not seen."""
    agreed = (
        bounded(made.only(FEATURES[features], task=task))
        if name == "naive_bayes"
        else made.only(FEATURES[features], task=task)
    )
    table = made.table(rows, task=task)
    if drop:
        table = table.filter(pl.col("target") != drop)
    family = families.family(name)
    encoded, target = model_matrix.encode(table, agreed), model_matrix.encode_target(table, agreed)
    pipeline = family.build(matrix_layout.columns(agreed), task=task, parameters=QUICK.get(name, {}), seed=1)
    fit(pipeline, encoded, target)
    model = Model(pipeline=pipeline, contract=agreed, family=name, parameters={}, seed=1, train={})
    return model, made.table(300, task=task, seed=7)


def bounded(contract: Contract) -> Contract:
    """The contract with bounds on its numbers, as inference makes them."""
    bounds = {"size": (-10.0, 10.0), "age": (0.0, 150.0), "constant": (3.0, 3.0), "empty": (0.0, 0.0)}
    columns = tuple(
        replace(column, minimum=bounds[column.name][0], maximum=bounds[column.name][1])
        if column.name in bounds and column.role == "feature"
        else column
        for column in contract.columns
    )
    return replace(contract, columns=columns)


def answers(model: Model, rows: np.ndarray) -> np.ndarray:
    """scikit-learn's answers."""
    if model.contract.answers_number:
        return predicted_values(model.pipeline, rows)
    return predicted_probabilities(model.pipeline, rows, len(model.classes))


@pytest.mark.parametrize(("name", "task"), EXACT)
@pytest.mark.parametrize("features", FEATURES)
def test_every_family_gives_the_answers_of_scikit_learn(name: str, task: Task, features: str) -> None:
    """Missing, unseen and extreme values, and both sides of each threshold, included."""
    model, unseen = fitted(name, task, features=features)
    rows = model_matrix.encode(unseen, model.contract)
    found = parity.convert_exactly(model, rows)
    engine = OnnxEngine(found.content, model.contract)
    expected = answers(model, rows)
    assert engine(rows).shape == expected.shape
    np.testing.assert_allclose(engine(rows), expected, rtol=1e-9, atol=1e-12)
    assert found.content == convert(model), "equal models must give equal bytes"


@pytest.mark.parametrize(
    "name", ["logistic", "naive_bayes", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost", "mlp"]
)
def test_a_class_that_the_training_rows_lack_has_probability_zero(name: str) -> None:
    """The columns follow the contract, not what was seen."""
    model, unseen = fitted(name, "multiclass", drop="middle")
    rows = model_matrix.encode(unseen, model.contract)
    scores = OnnxEngine(parity.convert_exactly(model, rows).content, model.contract)(rows)
    assert scores.shape == (300, 3)
    assert (scores[:, 1] == 0).all()


def test_a_forest_of_single_leaves_is_exact() -> None:
    """Trees that never split are trees too."""
    agreed = made.only(["size"])
    table = made.table(60)
    family = families.family("random_forest")
    parameters = {"n_estimators": 3, "min_samples_leaf": 50}
    pipeline = family.build(matrix_layout.columns(agreed), task="binary", parameters=parameters, seed=0)
    rows = model_matrix.encode(table, agreed)
    pipeline.fit(rows, model_matrix.encode_target(table, agreed))
    model = Model(pipeline=pipeline, contract=agreed, family="random_forest", parameters={}, seed=0, train={})
    assert parity.convert_exactly(model, rows).content


def matrices() -> st.SearchStrategy[list[list[float]]]:
    """Rows such as the matrix may hold: size, age, plan, rooms, member, constant, empty."""
    number = st.floats(-1e30, 1e30) | st.just(np.nan)
    category = st.sampled_from([np.nan, -1.0, 0.0, 1.0, 2.0])
    kinds = [number, number, category, category, number, number, number]
    return st.lists(st.tuples(*kinds).map(list), min_size=1, max_size=4)


@examples(50)
@given(matrices())
@pytest.mark.parametrize("name", ["logistic", "hist_gradient_boosting", "random_forest", "lightgbm", "xgboost"])
def test_any_matrix_has_the_same_answers(name: str, rows: list[list[float]]) -> None:
    """No row, however strange, tells the two apart."""
    model, engine = _shared(name)
    matrix_ = np.array(rows)
    np.testing.assert_allclose(engine(matrix_), answers(model, matrix_), rtol=1e-9, atol=1e-9)


_SHARED: dict[str, tuple[Model, OnnxEngine]] = {}


def _shared(name: str) -> tuple[Model, OnnxEngine]:
    if name not in _SHARED:
        model, _ = fitted(name, "binary")
        _SHARED[name] = model, OnnxEngine(convert(model), model.contract)
    return _SHARED[name]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_neighbours_have_no_exact_form(task: Task) -> None:
    """They are refused with the reason, and left to scikit-learn."""
    model, unseen = fitted("knn", task)
    with pytest.raises(InexactError, match="KNeighbors"):
        parity.convert_exactly(model, model_matrix.encode(unseen, model.contract))


def test_naive_bayes_is_exact_only_where_its_sums_are() -> None:
    """Squares of 1e30 leave no digit of a probability, whoever adds them: without bounds there is no exact form."""
    model, unseen = fitted("naive_bayes", "binary")
    loose = replace(model, contract=made.contract())
    with pytest.raises(InexactError, match="differ"):
        parity.convert_exactly(loose, model_matrix.encode(unseen, loose.contract))


@pytest.mark.parametrize("name", ["logistic", "random_forest", "linear"])
def test_a_conversion_that_differs_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight or a threshold that is off by a millionth does not pass the gate."""
    model, unseen = fitted(name, "regression" if name == "linear" else "binary")
    spoilt, _ = fitted(name, "regression" if name == "linear" else "binary")
    estimator = spoilt.pipeline.named_steps["estimator"]
    if name == "random_forest":
        tree = estimator.estimators_[0].tree_
        state = tree.__getstate__()
        state["nodes"]["threshold"] *= 1 + 1e-6
        tree.__setstate__(state)
    else:
        estimator.coef_ = estimator.coef_ * (1 + 1e-6)
    content = convert(spoilt)
    monkeypatch.setattr(parity, "convert", lambda _: content)
    with pytest.raises(InexactError, match="differ"):
        parity.convert_exactly(model, model_matrix.encode(unseen, model.contract))


def test_a_label_that_differs_is_refused_even_within_the_tolerance(monkeypatch: pytest.MonkeyPatch) -> None:
    """A threshold that lies between two nearly equal probabilities tells them apart."""
    model, unseen = fitted("logistic", "binary")
    rows = model_matrix.encode(unseen, model.contract)
    exact = answers(model, rows)[0, 1]
    spoilt, _ = fitted("logistic", "binary")
    spoilt.pipeline.named_steps["estimator"].intercept_ -= 1e-10
    content = convert(spoilt)
    monkeypatch.setattr(parity, "convert", lambda _: content)
    with pytest.raises(InexactError, match="labels differ"):
        parity.convert_exactly(replace(model, threshold=float(exact)), rows)
