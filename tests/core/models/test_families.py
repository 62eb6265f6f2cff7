"""What every model family promises, checked for each."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.contract import Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitted_model, fitting
from headrace.core.statistics import metrics
from tests.core import made

# Families of H2O need Java: tests/real/test_h2o_families.py.
ALL = [
    (family.name, task)
    for family in families.FAMILIES.values()
    for task in family.tasks
    if family.framework == "scikit-learn"
]
QUICK: dict[str, dict[str, Any]] = {
    "mlp": {"hidden_units": 8, "max_iter": 600},
    "random_forest": {"n_estimators": 10},
    "hist_gradient_boosting": {"max_iter": 10},
    "lightgbm": {"n_estimators": 10},
    "xgboost": {"n_estimators": 10},
    "isolation_forest": {"n_estimators": 20},
}


def fitted(name: str, task: Task, frame: pl.DataFrame, *, seed: int = 0, agreed: Any = None) -> Any:
    """A family's pipeline, fitted."""
    agreed = agreed or made.contract(task)
    family = families.family(name)
    pipeline = family.build(matrix_layout.columns(agreed), task=task, parameters=QUICK.get(name, {}), seed=seed)
    fitting.fit(pipeline, model_matrix.encode(frame, agreed), model_matrix.encode_target(frame, agreed))
    return pipeline


def answers(pipeline: Any, frame: pl.DataFrame, task: Task, agreed: Any = None) -> Any:
    """Its probabilities or values."""
    encoded = model_matrix.encode(frame, agreed or made.contract(task))
    if task in {"regression", "anomaly"}:
        return fitted_model.predicted_values(pipeline, encoded)
    return fitted_model.predicted_probabilities(pipeline, encoded, len(made.CLASSES[task] or ()))


@pytest.mark.parametrize(("name", "task"), ALL)
def test_learns_more_than_nothing(name: str, task: Task) -> None:
    """On a table with missing, constant and empty columns it beats the baseline on rows that it has not seen."""
    pipeline = fitted(name, task, made.table(300, task=task))
    test = made.table(300, task=task, seed=1)
    found, actual = answers(pipeline, test, task), model_matrix.encode_target(test, made.contract(task))
    if task == "anomaly":
        assert metrics.roc_auc(actual[actual >= 0] == 1, found[actual >= 0]) > 0.8
        return
    if task == "regression":
        assert np.mean((found - actual) ** 2) < 0.8 * actual.var()
    else:
        assert (found.argmax(axis=1) == actual).mean() > np.bincount(actual.astype(int)).max() / len(actual) + 0.05


@pytest.mark.parametrize(("name", "task"), ALL)
def test_answers_for_whatever_may_come(name: str, task: Task) -> None:
    """Missing, unseen, unlisted and huge values are answered with finite numbers, without a warning."""
    pipeline = fitted(name, task, made.table(80, task=task).filter(pl.col("plan") != "premium"))
    strange = made.table(6, task=task).with_columns(
        size=pl.Series([None, 1e300, -1e300, 0.0, 1.0, 2.0]),
        plan=pl.Series(["premium", None, "gold", "", "basic", "plus"]),
        rooms=pl.Series([7, None, -1, 1, 2, 3]),
        empty=pl.Series([1.0, None, 2.0, None, 3.0, None]),
    )
    found = answers(pipeline, strange, task)
    assert np.isfinite(found).all()
    if task not in {"regression", "anomaly"}:
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("features", [["size"], ["plan"], ["empty"], ["constant"]])
@pytest.mark.parametrize(("name", "task"), ALL)
def test_fits_on_a_single_column(name: str, task: Task, features: list[str]) -> None:
    """One number, one category, one column of nothing or one constant are enough not to fail."""
    agreed = made.only(features, task=task)
    frame = made.table(60, task=task)
    if name == "naive_bayes" and features[0] in {"empty", "constant"}:
        with pytest.raises(DataError, match="choose another family"):
            fitted(name, task, frame, agreed=agreed)
        return
    assert np.isfinite(answers(fitted(name, task, frame, agreed=agreed), frame, task, agreed)).all()


@pytest.mark.parametrize(("name", "task"), ALL)
def test_same_seed_gives_the_same_answers(name: str, task: Task) -> None:
    """A fit is repeatable to the last bit."""
    frame = made.table(80, task=task)
    first, second = (answers(fitted(name, task, frame, seed=5), frame, task) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize(("name", "task"), ALL)
def test_parameters_survive_json(name: str, task: Task) -> None:
    """Parameters come back from a file or from KFP as floats, and mean the same."""
    family = families.family(name)
    defaults = family.check_parameters({})
    as_floats = {key: float(value) if isinstance(value, int) else value for key, value in defaults.items()}
    assert family.check_parameters(json.loads(json.dumps(as_floats))) == defaults


def test_unknown_parameters_are_refused_by_name() -> None:
    """A slip of the pen does not become a default."""
    with pytest.raises(InputError, match="max_dept"):
        families.family("random_forest").check_parameters({"max_dept": 3})


@pytest.mark.parametrize("value", [0, 2.5, "many", None, True, float("nan"), 10**9])
def test_parameters_out_of_bounds_are_refused(value: Any) -> None:
    """What is no whole number in the bounds is refused with the bounds."""
    with pytest.raises(InputError, match=r"random_forest\.max_depth must be"):
        families.family("random_forest").check_parameters({"max_depth": value})


def test_a_family_refuses_a_task_that_it_cannot_do() -> None:
    """The message says which tasks it does."""
    with pytest.raises(InputError, match="does binary and multiclass tasks, not regression"):
        families.family("naive_bayes").build(
            [matrix_layout.MatrixColumn("x")], task="regression", parameters={}, seed=0
        )


def test_an_unknown_family_is_refused_with_the_list() -> None:
    """The message lists all."""
    with pytest.raises(InputError, match="oracle"):
        families.family("oracle")


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression", "anomaly"])
def test_defaults_are_fast_families_that_can_do_the_task(task: Task) -> None:
    """What grows with the square of the rows, or takes minutes, is never tried unasked."""
    for columns in (10, 10_000):
        names = set(families.defaults(task, columns=columns))
        assert names <= set(families.names(task))
        assert not {"knn", "mlp"} & names
        assert ({"hist_gradient_boosting", "robust_covariance"} & names != set()) == (columns == 10)
