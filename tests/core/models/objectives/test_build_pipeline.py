"""What a contract asks of a family: fitted, kept in a file, exact in ONNX, or refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Contract
from headrace.core.features import model_matrix
from headrace.core.inference.engine import OnnxEngine
from headrace.core.inference.explain import Explainer, UnexplainedError, explain_document
from headrace.core.models import families, fitting, skops_file
from headrace.core.models.fitted_model import Model, predicted_values
from headrace.core.models.objectives.build_pipeline import build_pipeline, constraint_signs, find_obstacle
from headrace.core.models.objectives.class_weights import ClassWeights
from headrace.core.onnx_export.parity import convert_exactly
from tests.core import made
from tests.core.onnx_export.test_export import bounded

QUICK: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 10},
    "hist_gradient_boosting": {"max_iter": 20},
    "lightgbm": {"n_estimators": 20},
    "xgboost": {"n_estimators": 20},
    "mlp": {"max_iter": 50},
}
OBJECTIVES = [
    (objective, name)
    for objective in ("quantile", "count")
    for name in ("linear", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost")
    if (objective, name) != ("quantile", "random_forest")
]
MONOTONE = ("random_forest", "hist_gradient_boosting", "lightgbm", "xgboost")
WEIGHTED = ("logistic", "naive_bayes", "random_forest", "hist_gradient_boosting", "lightgbm", "xgboost", "mlp")


def counts(rows: int, *, seed: int = 0) -> pl.DataFrame:
    """A table whose target is a count that grows with the size."""
    table = made.table(rows, task="regression", seed=seed)
    means = np.exp(table.get_column("size").fill_null(0.0).clip(-3, 3).to_numpy())
    return table.with_columns(target=pl.Series(np.random.default_rng(seed).poisson(means), dtype=pl.Float64))


def fitted(contract: Contract, name: str, table: pl.DataFrame, **more: Any) -> Model:
    """A model of a family for a contract."""
    encoded, target = model_matrix.encode(table, contract), model_matrix.encode_target(table, contract)
    pipeline = build_pipeline(families.family(name), contract, parameters={**QUICK.get(name, {}), **more}, seed=1)
    fitting.fit(pipeline, encoded, target, weights=ClassWeights.of(contract))
    return Model(pipeline=pipeline, contract=contract, family=name, parameters={}, seed=1, train={})


def asks(task: Any = "regression", **aims: Any) -> Contract:
    """The made contract with what it asks of a model."""
    return replace(made.contract(task), **aims)


def constrained(task: Any, **directions: str) -> Contract:
    """The made contract with monotone columns."""
    contract = made.contract(task)
    columns = [replace(column, monotone=directions.get(column.name, "")) for column in contract.columns]
    return replace(contract, columns=tuple(columns))


@pytest.mark.parametrize(("objective", "name"), OBJECTIVES)
def test_an_objective_is_kept_in_the_file_and_exact_in_onnx(objective: Any, name: str) -> None:
    """The model's file loads again under the reviewed types, and the graph gives the same predictions."""
    contract = asks(objective=objective, quantile=0.8 if objective == "quantile" else 0.5)
    table = counts(300)
    model = fitted(contract, name, table)
    encoded = model_matrix.encode(table, contract)
    again = skops_file.loads(skops_file.dumps(model.pipeline))
    assert np.array_equal(predicted_values(again, encoded), predicted_values(model.pipeline, encoded))
    assert convert_exactly(model, encoded).parity.off == 0


@pytest.mark.parametrize("name", [name for objective, name in OBJECTIVES if objective == "quantile"])
def test_a_quantile_has_its_share_of_values_below_it(name: str) -> None:
    """On unseen rows about eight in ten are below the predicted quantile 0.8, and three in ten below 0.3."""
    test = counts(4000, seed=5)
    draw = np.random.default_rng(3)
    for share in (0.3, 0.8):
        contract = asks(objective="quantile", quantile=share)
        spread = [
            table.with_columns(target=pl.Series(2.0 * draw.normal(size=table.height)) + pl.col("size").fill_null(0.0))
            for table in (counts(2000), test)
        ]
        model = fitted(contract, name, spread[0])
        below = model.predict(spread[1]).values >= model_matrix.encode_target(spread[1], contract)
        assert abs(below.mean() - share) < 0.06


@pytest.mark.parametrize("name", [name for objective, name in OBJECTIVES if objective == "count"])
def test_a_count_is_never_negative_and_learned(name: str) -> None:
    """Predictions are means of counts: at least 0, and nearer to the actual counts than their mean is."""
    contract, test = asks(objective="count"), counts(1000, seed=5)
    values = fitted(contract, name, counts(1000)).predict(test).values
    actual = model_matrix.encode_target(test, contract)
    assert values is not None
    assert values.min() >= 0
    assert np.mean((values - actual) ** 2) < 0.8 * actual.var()


@pytest.mark.parametrize(("wrong", "shown"), [(-1.0, "-1.0"), (0.5, "0.5")])
def test_a_target_that_is_no_count_is_refused(wrong: float, shown: str) -> None:
    """A negative or a broken number ends the fit with a sentence that shows it."""
    table = counts(50).with_columns(target=pl.when(pl.int_range(pl.len()) == 7).then(wrong).otherwise(pl.col("target")))
    with pytest.raises(DataError, match=rf"whole number from 0 on for the objective count; got \[{shown}\] in 1 rows"):
        model_matrix.encode_target(table, asks(objective="count"))


def test_families_that_cannot_are_refused_by_name_and_left_out_of_the_defaults() -> None:
    """What a family cannot do is said; the default search has only families that can."""
    free = asks(objective="quantile")
    with pytest.raises(InputError, match="the family knn cannot do the objective quantile"):
        build_pipeline(families.family("knn"), free, parameters={}, seed=0)
    assert families.defaults("regression", columns=5, contract=free) == ["linear", "hist_gradient_boosting"]
    rising = constrained("binary", size="increasing")
    assert find_obstacle("logistic", rising) == "monotone constraints"
    assert families.defaults("binary", columns=5, contract=rising) == ["random_forest", "hist_gradient_boosting"]
    assert find_obstacle("knn", asks("binary", class_weights="balanced")) == "class weights"
    for name in WEIGHTED:
        assert not find_obstacle(name, asks("binary", class_weights="balanced"))


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("name", MONOTONE)
def test_a_constraint_holds_in_the_graph_that_is_served(name: str, task: Any) -> None:
    """Whatever else a row holds, a larger size never lowers the answer, a larger age never raises it."""
    contract = constrained(task, size="increasing", age="decreasing")
    table = made.table(400, task=task, seed=2)
    # Against the data, which would teach the opposite if the constraint were ignored.
    draw = np.random.default_rng(0)
    model = fitted(contract, name, table.with_columns(pl.col("size").fill_null(0.0) * -1))
    encoded = model_matrix.encode(made.table(40, task=task, seed=9), contract)
    engine = OnnxEngine(convert_exactly(model, encoded).content, contract)
    for column, sign in ((0, 1), (1, -1)):
        for row in encoded[:25]:
            steps = np.tile(row, (60, 1))
            steps[:, column] = np.sort(draw.normal(scale=4.0 if column == 0 else 40.0, size=60))
            scores = engine(steps)
            answers = scores if task == "regression" else scores[:, model.positive]
            assert (sign * np.diff(answers) >= 0).all()


def test_the_constraint_is_of_the_positive_class_wherever_it_stands() -> None:
    """Libraries constrain the second class; if the first one is the positive, the sign is turned."""
    contract = constrained("binary", size="increasing")
    first, second = contract.target.categories or ()
    assert constraint_signs(replace(contract, positive=second))[0] == 1
    assert constraint_signs(replace(contract, positive=first))[0] == -1


def test_a_constraint_stays_with_its_column_beside_an_empty_one() -> None:
    """Boosting moves columns without a value behind the others; the constraint moves with its own column."""
    contract = constrained("regression", constant="increasing", age="decreasing")
    table = made.table(300, task="regression").with_columns(size=pl.lit(None, dtype=pl.Float64))
    model = fitted(contract, "hist_gradient_boosting", table)
    prepared = [column for _, _, columns in model.pipeline[0].transformers for column in columns]
    signs = constraint_signs(contract)
    assert prepared != sorted(prepared)
    assert list(model.pipeline[-1].monotonic_cst) == [signs[column] for column in prepared]


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_leave_probabilities_calibrated(name: str) -> None:
    """With balanced weights a rare class has about its share on average, not half; the graph is exact too."""
    # Naive Bayes is exact within bounds only.
    contract = replace(bounded(made.contract("binary")), class_weights="balanced")
    table = made.table(4000, task="binary")
    positive = contract.positive or (contract.target.categories or ("",))[-1]
    rare = table.filter((pl.col("target") != positive) | (pl.int_range(pl.len()) % 12 == 0))
    train, test = rare[::2], rare[1::2]
    model = fitted(contract, name, train)
    share = (test.get_column("target") == positive).mean()
    predicted = model.predict(test).probabilities
    assert predicted is not None
    assert 0.6 * share < predicted[:, model.positive].mean() < 1.6 * share
    assert np.allclose(predicted.sum(axis=1), 1.0)
    assert convert_exactly(model, model_matrix.encode(test, contract)).parity.off == 0


def test_equal_weights_change_nothing() -> None:
    """Equal weights by class give the model without weights.

    Not that of a forest: since scikit-learn 1.9 its trees draw their rows by the weights, and so draw otherwise
    (``sklearn/ensemble/_forest.py``, ``_generate_sample_indices``).
    """
    table = made.table(300, task="multiclass")
    names = made.contract("multiclass").target.categories or ()
    equal = asks("multiclass", class_weights=dict.fromkeys(names, 2.0))
    for name in ("hist_gradient_boosting", "logistic", "lightgbm"):
        weighted, plain = (fitted(contract, name, table) for contract in (equal, asks("multiclass")))
        assert np.allclose(weighted.predict(table).probabilities, plain.predict(table).probabilities, atol=1e-6)


def test_a_forest_does_not_keep_the_class_of_each_training_row() -> None:
    """scikit-learn 1.9.1 keeps the weight of each row in a fitted forest (``_sample_weight``): it is not stored."""
    contract = asks("binary", class_weights="balanced")
    model = fitted(contract, "random_forest", made.table(300))
    assert all(np.size(value) < 300 for value in vars(model.pipeline[-1]).values() if isinstance(value, np.ndarray))


@pytest.mark.parametrize(
    ("name", "aims"),
    [
        ("linear", {"objective": "quantile"}),
        ("hist_gradient_boosting", {"objective": "quantile"}),
        ("random_forest", {"objective": "count"}),
    ],
)
def test_contributions_add_up_to_the_objective(name: str, aims: dict[str, Any]) -> None:
    """Whatever is explained is the value that is answered; the explainer refuses what does not add up."""
    pytest.importorskip("shap")
    contract, table = asks(**aims), counts(200)
    model = fitted(contract, name, table)
    rows = model_matrix.encode(table, contract)
    found = Explainer(model, explain_document(model, rows)).explain(rows[:20])
    assert found.scale == "value"
    values = model.predict(table[:20]).values
    assert found.base + found.values.sum(axis=(1, 2)) == pytest.approx(values, rel=1e-6, abs=1e-6)


def test_a_count_that_is_an_exponential_is_not_explained() -> None:
    """Contributions add up to its logarithm only: the sentence says so, and the bundle's document too."""
    contract, table = asks(objective="count"), counts(200)
    model = fitted(contract, "linear", table)
    document = explain_document(model, model_matrix.encode(table, contract))
    assert document["exact"] is False
    with pytest.raises(UnexplainedError, match="no exact contributions to a count"):
        Explainer(model, document)
