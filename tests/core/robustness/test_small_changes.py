"""How small a change flips a decision."""

from typing import Any

import numpy as np
import pytest

from headrace.core.contracts.contract import Task
from headrace.core.models.fitted_model import Model
from headrace.core.robustness import gradients, measure
from headrace.core.robustness.robustness_document import SmallChanges
from tests.core.robustness.made_models import WIDTH, contract, fit, plan, table, with_ratio


def found(model: Model, *names: str, amount: float = 0.0) -> SmallChanges:
    """What the search finds on 200 rows."""
    changes = measure.measure(model, table(200, task=model.contract.task, seed=1), plan(*names, amount=amount))
    assert changes.small_changes is not None
    return changes.small_changes


def logistic_flips(model: Model, within: float) -> float:
    """The exact share of rows of a logistic regression that changes of heat and load within a limit flip."""
    rows = table(200, seed=1)
    scores = model.pipeline.decision_function(model.encode(rows))
    scale = model.pipeline[0].named_transformers_["numbers"][-1].scale_[:2]
    reach = within * WIDTH * np.abs(model.pipeline[-1].coef_[0][:2] / scale).sum()
    return float((np.abs(scores) < reach).mean())


@pytest.mark.parametrize("within", [0.01, 0.05, 0.1])
def test_a_linear_model_is_measured_exactly(within: float) -> None:
    """For a logistic regression the share of flipped rows is the one that algebra gives."""
    model = fit("logistic", contract(), table())
    share = found(model, "heat", "load").share_within(within)
    assert share is not None
    assert share.value == pytest.approx(logistic_flips(model, within), abs=0.011)  # two rows at the very edge
    assert share.low <= share.value <= share.high


@pytest.mark.parametrize("family", ["logistic", "mlp", "random_forest", "hist_gradient_boosting", "knn", "naive_bayes"])
def test_what_decides_is_found_as_weakest(family: str) -> None:
    """Whatever the family, the column that the target depends on flips the most rows."""
    changes = found(fit(family, contract(), table()))
    assert changes.weakest[0].column == "heat"
    assert changes.median_change is not None
    assert 0.05 < changes.median_change < 0.5  # half of the rows are within a quarter of the range from the border


@pytest.mark.parametrize(("task", "amount"), [("multiclass", 0.0), ("regression", 20.0)])
def test_classes_and_numbers_are_measured_too(task: Task, amount: float) -> None:
    """A change flips one of three classes, or moves a number by more than the amount: 5 % of 4 is 0.2, which is 20."""
    changes = found(fit("mlp" if task == "multiclass" else "linear", contract(task), table(task=task)), amount=amount)
    shares = [flip.share.value for flip in changes.flips]
    assert shares == sorted(shares)
    assert shares[-1] > 0.05
    if task == "regression":
        assert shares[0] == 0.0
        assert shares[-1] == 1.0
        assert changes.amount == amount


def test_only_what_a_client_controls_is_changed() -> None:
    """A column that the contract keeps from clients stays as it is: nothing else decides."""
    held = contract(heat={"controlled_by_client": False}, kind={"controlled_by_client": False})
    changes = found(fit("logistic", held, table()))
    assert changes.columns == ("load", "count")
    assert changes.categories == ()
    free = found(fit("logistic", contract(), table()))
    assert changes.flips[-1].share.value < free.flips[-1].share.value


def test_nothing_is_searched_where_a_client_controls_no_number() -> None:
    """Without a column of numbers to change there is no search, and the other measurements are made."""
    held: dict[str, Any] = {name: {"controlled_by_client": False} for name in ("heat", "load", "count")}
    model = fit("logistic", contract(**held), table())
    measured = measure.measure(model, table(100, seed=1), plan())
    assert measured.small_changes is None
    assert measured.noise
    assert measured.missing


def test_changes_stay_inside_the_contracts_bounds() -> None:
    """Where the contract allows no other heat, no change of heat is found."""
    narrow = contract(heat={"minimum": 5.0, "maximum": 5.0})
    rows = table(100, seed=1)
    model = fit("logistic", narrow, table())
    # Values out of the bounds may come nearer to them, never farther: all of them lie below 5.
    changes = measure.measure(model, rows, plan("heat")).small_changes
    assert changes is not None
    below = model.predict(rows).probabilities
    assert below is not None
    sure = float((below[:, 1] > 0.5).mean())  # more heat flips no "yes"
    assert changes.weakest[0].at_all <= 1 - sure + 0.02


def test_whole_numbers_change_by_whole_steps() -> None:
    """A tenth of a range of 4 is less than one: a count cannot change by it."""
    counts = table(300).with_columns(heat="count").cast({"heat": float})
    frame = counts.with_columns(target=(counts["count"] > 4).replace_strict({True: "yes", False: "no"}))
    changes = measure.measure(fit("logistic", contract(), frame), frame.head(100), plan("count")).small_changes
    assert changes is not None
    assert [flip.share.value for flip in changes.flips] == [0.0, 0.0, 0.0]
    assert changes.weakest == () or changes.weakest[0].within_tenth == 0.0


def test_row_features_follow_a_change() -> None:
    """A row feature is computed anew from changed columns, not kept from the table."""
    made = with_ratio(contract())
    base = table().with_columns(ratio=table()["heat"] / table()["load"])
    model = fit("logistic", made, base)
    with_stored = measure.measure(model, base.head(100), plan()).small_changes
    without = measure.measure(model, base.drop("ratio").head(100), plan()).small_changes
    assert with_stored == without


def test_equal_models_get_equal_documents() -> None:
    """Two measurements of one model are the same to the last digit."""
    model, rows = fit("hist_gradient_boosting", contract(), table()), table(60, seed=1)
    assert measure.measure(model, rows, plan()) == measure.measure(model, rows, plan())


@pytest.mark.parametrize("family", ["logistic", "mlp"])
@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_gradients_are_those_of_differences(family: str, task: Task) -> None:
    """The gradient of the margin equals its difference quotient, through imputation and scaling."""
    model = fit(family, contract(task), table(task=task))
    rows = table(40, task=task, seed=2)
    matrix = model.encode(rows)
    outputs = model.pipeline.predict_proba(matrix)
    gradient = gradients.find(model, ("heat", "load"))
    assert gradient is not None
    slopes = gradient(matrix, outputs)
    chosen = outputs.argmax(axis=1)
    others = np.where(np.arange(outputs.shape[1]) == chosen[:, np.newaxis], -1, outputs).argmax(axis=1)
    places, step = np.arange(len(rows)), 1e-5

    def margin(changed: Any) -> Any:
        logs = np.log(model.pipeline.predict_proba(changed))
        return logs[places, chosen] - logs[places, others]

    for place in (0, 1):
        more, less = matrix.copy(), matrix.copy()
        more[:, place] += step
        less[:, place] -= step
        expected = (margin(more) - margin(less)) / (2 * step)
        assert np.quantile(np.abs(expected - slopes[:, place]), 0.9) < 1e-4  # a few rows lie on a kink of the network


def test_trees_have_no_gradients() -> None:
    """What is not differentiable is searched without gradients."""
    assert gradients.find(fit("random_forest", contract(), table()), ("heat",)) is None
