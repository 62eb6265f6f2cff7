"""Noise, missing inputs and wrong units."""

from dataclasses import replace

import pytest

from headrace.core.contracts.contract import Task
from headrace.core.robustness import measure
from tests.core.robustness.made_models import contract, fit, plan, table


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_noise_makes_a_model_worse(task: Task) -> None:
    """The loss under much noise is larger than under none, and each level has its interval."""
    model = fit("linear" if task == "regression" else "logistic", contract(task), table(task=task))
    measured = measure.measure(model, table(300, task=task, seed=1), plan(amount=10))
    loss = "rmse" if task == "regression" else "log_loss"
    losses = [point.metrics[loss] for point in measured.noise]
    assert [point.level for point in measured.noise] == [0.0, 0.01, 0.02, 0.05, 0.1, 0.2]
    assert losses[-1].low > losses[0].value
    assert all(loss.low <= loss.value <= loss.high for loss in losses)


def test_the_input_that_decides_is_missed_most() -> None:
    """Without heat the ranking is chance; without the others it is as good as before."""
    measured = measure.measure(fit("logistic", contract(), table()), table(300, seed=1), plan())
    worst, *others = [one for one in measured.missing if len(one.columns) == 1]
    assert (measured.metric, worst.columns) == ("roc_auc", ("heat",))
    assert worst.worse_by.low > 0.3
    assert all(one.worse_by.high < 0.05 for one in others)
    pairs = [one for one in measured.missing if len(one.columns) == 2]
    assert len(pairs) == 6
    assert "heat" in pairs[0].columns


def test_a_missing_value_that_the_contract_forbids_is_said_to_be_refused() -> None:
    """The endpoint refuses a missing value where the contract's rule is strict and its share is 0."""
    strict = contract(heat={"missing": 0.0})
    strict = replace(strict, rules={"missing": "stop"})
    measured = measure.measure(fit("logistic", strict, table()), table(100, seed=1), plan())
    refused = {one.columns: one.refused for one in measured.missing if len(one.columns) == 1}
    assert refused["heat",]
    assert not refused["load",]


def test_a_wrong_unit_that_stays_in_range_goes_unnoticed() -> None:
    """Fahrenheit for Celsius is refused where it leaves the range; inside it turns "no" into "yes" unnoticed."""
    cold = contract(heat={"unit": "°C", "maximum": 30})
    frame = table().with_columns(heat=table()["heat"] - 1.9)  # -3.9 to 0.1, the border at -1.9, which is 28.6 °F
    measured = measure.measure(fit("logistic", cold, frame), frame.head(200), plan())
    faults = {(one.column, one.fault): one for one in measured.wrong_units}
    fahrenheit = faults["heat", "in Fahrenheit"]
    assert fahrenheit.refused == pytest.approx(float((frame["heat"][:200] > -1.11).mean() or 0), abs=0.01)
    assert fahrenheit.unnoticed == pytest.approx(0.5, abs=0.1)
    assert ("load", "in Fahrenheit") not in faults


def test_one_class_alone_is_measured_by_its_loss() -> None:
    """Rows of one class have no area under a curve: the log loss is told instead."""
    rows = table(200, seed=1)
    measured = measure.measure(fit("logistic", contract(), table()), rows.filter(rows["target"] == "yes"), plan())
    assert measured.metric == "log_loss"


def test_two_rows_are_enough() -> None:
    """The smallest test part is measured too."""
    measured = measure.measure(fit("logistic", contract(), table()), table(2, seed=3), plan())
    assert measured.rows == 2
    assert measured.small_changes is not None
    assert measured.small_changes.rows == 2


def test_what_the_objective_minimises_is_measured_too() -> None:
    """The metric that decides about a quantile or a count is that of noise and of missing inputs."""
    frame = table(task="regression")
    frame = frame.with_columns(target=(frame["target"] / 50).exp().round())
    made = replace(contract("regression"), objective="count")
    measured = measure.measure(fit("linear", made, frame), frame.head(100), plan(amount=10))
    assert measured.metric == "poisson_deviance"
    deviances = [point.metrics["poisson_deviance"].value for point in measured.noise]
    assert deviances[-1] > deviances[0]
