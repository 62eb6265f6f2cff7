"""Weighted means of fitted pipelines."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.estimator_checks import check_estimator

from headrace.core.base.errors import BundleError, InputError
from headrace.core.contracts.contract import Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitted_model, fitting, skops_file
from headrace.core.models.ensembles.ensemble_estimator import EnsembleClassifier, EnsembleRegressor
from headrace.core.models.ensembles.members import ENSEMBLE, EnsembleMember, from_parameters, to_parameters
from headrace.core.splits.folds import Fold
from tests.core import made
from tests.core.models.ensembles.made_ensemble import fitted

LINEAR: dict[Task, str] = {"binary": "logistic", "multiclass": "logistic", "regression": "linear"}


@pytest.mark.parametrize(
    "estimator",
    [
        EnsembleClassifier([LogisticRegression(), DecisionTreeClassifier(random_state=0)], [0.5, 0.5]),
        EnsembleRegressor([Ridge(), DecisionTreeRegressor(random_state=0)], [0.25, 0.75]),
    ],
    ids=["classifier", "regressor"],
)
def test_they_are_estimators_of_scikit_learn(estimator: Any) -> None:
    """Its own checks pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # checks that do not apply are skipped with a warning
        check_estimator(estimator)


@pytest.mark.parametrize("task", LINEAR)
def test_the_answer_is_the_weighted_mean_of_the_members(task: Task) -> None:
    """Each of them prepares the same matrix in its own way, and they are those that the suite would fit alone."""
    model = fitted(task, LINEAR[task], "random_forest", "hist_gradient_boosting")
    rows = model.encode(made.table(60, task=task, seed=5))
    ask = "predict" if task == "regression" else "predict_proba"
    members = model.pipeline[-1].members_
    expected = sum(w * getattr(one, ask)(rows) for w, one in zip((3 / 6, 2 / 6, 1 / 6), members, strict=True))
    np.testing.assert_allclose(getattr(model.pipeline, ask)(rows), expected, rtol=1e-12)
    table = made.table(150, task=task)
    encoded, target = model_matrix.encode(table, model.contract), model_matrix.encode_target(table, model.contract)
    for member, described in zip(members, from_parameters(model.parameters), strict=True):
        alone = families.family(described.family).build(
            matrix_layout.columns(model.contract), task=task, parameters=described.parameters, seed=1
        )
        fitting.fit(alone, encoded, target)
        assert skops_file.dumps(alone) == skops_file.dumps(member)


def test_out_of_fold_predictions_are_those_of_the_members(tmp_path: Path) -> None:
    """Fold by fold too, where members are fitted one after another."""
    model = fitted("binary", "logistic", "random_forest")
    table = made.table(90)
    encoded, target = model_matrix.encode(table, model.contract), model_matrix.encode_target(table, model.contract)
    folds = [Fold(np.arange(60), np.arange(60, 90))]
    columns = matrix_layout.columns(model.contract)

    def held_out(name: str, parameters: Any) -> Any:
        family = families.family(name)
        return fitting.out_of_fold(
            lambda: family.build(columns, task="binary", parameters=parameters, seed=1),
            encoded,
            target,
            folds=folds,
            classes=2,
        ).predictions[60:]

    alone = [held_out(one.family, one.parameters) for one in from_parameters(model.parameters)]
    both = held_out(ENSEMBLE, model.parameters)
    np.testing.assert_allclose(both, 2 / 3 * alone[0] + 1 / 3 * alone[1], rtol=1e-12)


@pytest.mark.parametrize("task", LINEAR)
def test_it_is_stored_without_pickle_and_equal_fits_give_equal_bytes(tmp_path: Path, task: Task) -> None:
    """And read again it answers the same."""
    names = LINEAR[task], "random_forest", "hist_gradient_boosting"
    one, other = fitted(task, *names), fitted(task, *names)
    assert skops_file.dumps(one.pipeline) == skops_file.dumps(other.pipeline)
    fitted_model.save(one, tmp_path)
    read = fitted_model.load(tmp_path)
    frame = made.table(40, task=task, seed=3)
    np.testing.assert_array_equal(read.score(frame), one.score(frame))
    assert read.parameters == one.parameters


def test_a_member_whose_tree_points_outside_itself_is_refused() -> None:
    """As the tree of a model that stands alone is."""
    model = fitted("binary", "logistic", "random_forest")
    tree = model.pipeline[-1].members_[1][-1].estimators_[0].tree_
    tree.children_left[0] = 10_000
    with pytest.raises(BundleError, match="own nodes only"):
        skops_file.loads(skops_file.dumps(model.pipeline))


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({}, "2 to 20 parameters"),
        ({"member_01": "{}", "member_03": "{}"}, "2 to 20 parameters"),
        ({"member_01": "no", "member_02": "{}"}, "must be JSON"),
        ({"member_01": '{"family": "logistic", "parameters": {}, "weight": 2}', "member_02": "{}"}, "weight above 0"),
        (to_parameters([EnsembleMember("logistic", 0.5), EnsembleMember("naive_bayes", 0.4)]), "add up to 1"),
        (to_parameters([EnsembleMember("logistic", 0.5), EnsembleMember("nosuch", 0.5)]), "nosuch"),
        (to_parameters([EnsembleMember("logistic", 0.5), EnsembleMember("h2o_gbm", 0.5)]), "h2o_gbm is not one"),
        (to_parameters([EnsembleMember("logistic", 0.5), EnsembleMember(ENSEMBLE, 0.5)]), "is not one"),
        (to_parameters([EnsembleMember("logistic", 0.5, {"C": -1}), EnsembleMember("logistic", 0.5)]), "logistic.C"),
    ],
)
def test_wrong_members_are_refused_in_one_sentence(parameters: dict[str, Any], says: str) -> None:
    """What train reads comes from a file that anybody may write."""
    with pytest.raises(InputError, match=says):
        families.family(ENSEMBLE).check_parameters(parameters)


def test_ensembles_are_no_family_to_search() -> None:
    """Their members are what searches find."""
    assert ENSEMBLE not in families.FAMILIES
    assert ENSEMBLE not in families.names("binary")
