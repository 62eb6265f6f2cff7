"""What separates two versions for a client."""

from dataclasses import replace
from typing import Any

import pytest

from headrace.core.contracts.contract import Column, Contract, RowFeature
from headrace.registry.models.contract_changes import differences, level

_METRICS = {"roc_auc": {"value": 0.9, "low": 0.88, "high": 0.92}}
_AGE = Column("age", "integer", minimum=0, maximum=100)
_PLAN = Column("plan", "string", categories=("basic", "plus"))
_TARGET = Column("churn", "string", "target", categories=("no", "yes"))
OLD = Contract("customers", "binary", (_AGE, _PLAN, Column("name", "string", "ignore"), _TARGET), positive="yes")


def _with(*columns: Column, **parts: Any) -> Contract:
    """The old contract with some columns in the place of those of the same name, or before the target."""
    named = {column.name: column for column in columns}
    kept = tuple(named.pop(column.name, column) for column in OLD.columns[:-1])
    target = named.pop(_TARGET.name, OLD.target)
    return replace(OLD, columns=(*kept, *named.values(), target), **parts)


BREAKING = {
    "another task": (
        replace(OLD, task="regression", columns=(_AGE, Column("churn", "number", "target")), positive=""),
        "the task is regression",
    ),
    "another target": (replace(OLD, columns=(*OLD.columns[:-1], replace(_TARGET, name="left"))), "the target is left"),
    "a class more": (
        replace(OLD, task="multiclass", columns=(_AGE, replace(_TARGET, categories=("no", "yes", "?"))), positive=""),
        "the task is multiclass",
    ),
    "other classes": (_with(replace(_TARGET, categories=("no", "oui")), positive="oui"), "gone: yes; new: oui"),
    "another positive class": (replace(OLD, positive="no"), "the positive class is no instead of yes"),
    "the target's unit": (_with(replace(_TARGET, unit="EUR")), "the target's unit is EUR instead of none"),
    "a new input": (_with(Column("spend", "number")), "the input spend is new"),
    "an input is gone": (replace(OLD, columns=(_AGE, _TARGET)), "the input plan is gone"),
    "another order": (replace(OLD, columns=(_PLAN, _AGE, _TARGET)), "another order"),
    "another dtype": (
        _with(replace(_AGE, dtype="string", minimum=None, maximum=None, categories=("1",))),
        "age is string",
    ),
    "another unit": (_with(replace(_AGE, unit="months")), "the unit of age is months instead of none"),
    "a narrower range": (_with(replace(_AGE, maximum=80)), "the range of age is 0 to 80 instead of 0 to 100"),
    "a bound far inside": (_with(replace(_AGE, minimum=50, maximum=None)), "the range of age is 50 to any"),
    "a category is gone": (_with(replace(_PLAN, categories=("basic",))), "plan no longer takes plus"),
    "missing is refused": (_with(replace(_AGE, missing=0), rules={"missing": "stop"}), "age must not be missing"),
    "a rule refuses": (replace(OLD, rules={"unknown_columns": "stop"}), "the rule unknown_columns now refuses"),
}
ADDITIVE = {
    "a wider range": (_with(replace(_AGE, maximum=120)), "the range of age is 0 to 120"),
    "a slightly narrower range": (_with(replace(_AGE, maximum=95)), "the range of age is 0 to 95"),
    "a category more": (_with(replace(_PLAN, categories=("basic", "plus", "gold"))), "plan also takes gold"),
    "a wider dtype": (_with(replace(_AGE, dtype="number")), "age is number instead of integer"),
    "missing is imputed, but frowned at": (_with(replace(_AGE, missing=0)), "age must not be missing"),
    "a row feature": (replace(OLD, features=(RowFeature("age_age", "product", ("age", "age")),)), "row features"),
    "a rule only warns": (replace(OLD, rules={"range": "warn"}), "the rule range now only warns"),
    "a narrower range that only warns": (
        _with(replace(_AGE, maximum=10), rules={"range": "warn"}),
        "the range of age is 0 to 10",
    ),
}


@pytest.mark.parametrize("kind", BREAKING)
def test_a_breaking_change_raises_the_first_number(kind: str) -> None:
    """A request that was answered may be refused, or means something else; the reason is told."""
    new, says = BREAKING[kind]
    found, reasons = level(OLD, new, before=_METRICS, after=_METRICS)
    assert found == "major"
    assert any(says in reason for reason in reasons), reasons


@pytest.mark.parametrize("kind", ADDITIVE)
def test_an_additive_change_raises_the_second_number(kind: str) -> None:
    """Every request that was answered still is."""
    new, says = ADDITIVE[kind]
    found, reasons = level(OLD, new, before=_METRICS, after=_METRICS)
    assert found == "minor", reasons
    assert any(says in reason for reason in reasons), reasons


@pytest.mark.parametrize("new", [OLD, _with(Column("name", "integer", "id")), replace(OLD, max_quarantined=0.5)])
def test_what_no_client_sees_raises_the_last_number(new: Contract) -> None:
    """Columns that are no inputs, and rules of the training table, are no matter of the endpoint."""
    assert level(OLD, new, before=_METRICS, after=_METRICS) == ("patch", ())


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [(0.95, 0.93, 0.97, "clearly better"), (0.8, 0.78, 0.82, "clearly worse"), (0.91, 0.89, 0.93, "")],
)
def test_metrics_count_where_chance_does_not_explain_them(value: float, low: float, high: float, expected: str) -> None:
    """Only intervals that do not overlap raise the version."""
    after = {"roc_auc": {"value": value, "low": low, "high": high}}
    found, reasons = level(OLD, OLD, before=_METRICS, after=after)
    assert found == ("minor" if expected else "patch")
    assert expected in "".join(reasons)


def test_metrics_that_are_unknown_raise_nothing() -> None:
    """A version without metrics is followed by a patch."""
    assert level(OLD, OLD, before={}, after=_METRICS)[0] == "patch"


def test_personal_values_are_counted_and_not_told() -> None:
    """Of a personal column's categories only their number appears."""
    old = _with(replace(_PLAN, personal="keep"))
    new = _with(replace(_PLAN, personal="keep", categories=("basic", "secret")))
    told = " ".join(change.text for change in differences(old, new))
    assert "secret" not in told
    assert "plus" not in told
    assert "1 values" in told


def test_a_bound_where_there_was_none_is_breaking() -> None:
    """Of an open end any part is too much."""
    old = _with(replace(_AGE, maximum=None))
    assert level(old, OLD, before={}, after={})[0] == "major"
    assert level(OLD, old, before={}, after={})[0] == "minor"


_TRIPS = Contract("trips", "regression", (_AGE, Column("fare", "integer", "target", minimum=0)))


@pytest.mark.parametrize(
    ("old", "new", "kind", "sentence"),
    [
        ({}, {"objective": "count"}, "breaking", "the objective is count instead of mean"),
        ({}, {"objective": "quantile", "quantile": 0.9}, "breaking", "the objective is quantile 0.9 instead of mean"),
        ({"intervals": 0.9}, {}, "breaking", "answers have no intervals any more"),
        ({}, {"intervals": 0.9}, "additive", "the coverage of intervals is 0.9 instead of none"),
        ({"intervals": 0.9}, {"intervals": 0.8}, "additive", "the coverage of intervals is 0.8 instead of 0.9"),
    ],
)
def test_another_objective_breaks_clients_and_intervals_are_added(
    old: dict[str, Any], new: dict[str, Any], kind: str, sentence: str
) -> None:
    """A client that reads ``upper`` needs it; one that does not is not disturbed by it."""
    (change,) = differences(replace(_TRIPS, **old), replace(_TRIPS, **new))
    assert (change.kind, change.text) == (kind, sentence)


def test_the_metric_of_the_objective_tells_whether_a_version_moved() -> None:
    """Two models of a count are compared by their deviance."""
    trips = replace(_TRIPS, objective="count")
    before, after = ({"poisson_deviance": {"value": v, "low": v - 0.1, "high": v + 0.1}} for v in (3.0, 2.0))
    assert level(trips, trips, before=before, after=after)[1] == ("poisson_deviance is clearly better: 2 after 3",)
