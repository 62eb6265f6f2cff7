"""Racing: which families lose, and who gets their trials."""

import numpy as np
import pytest

from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.loop import SearchPlan, TrialRequest, search
from headrace.experiments.search.racing import is_clearly_worse, share_places
from headrace.experiments.space.experiment import Experiment, Objective
from headrace.experiments.space.search_space import NumberRange

RMSE = Objective("rmse", "minimize")
AUC = Objective("roc_auc", "maximize")


def family(name: str) -> Experiment:
    """A family with one parameter."""
    return Experiment(name, "knn", space={"x": NumberRange(0.0, 1.0)}, objective=RMSE, algorithm="random", settings={})


def ended(request: TrialRequest, scores: tuple[float, ...]) -> Trial:
    """A trial with these scores on its folds."""
    mean = float(np.mean(scores))
    name, values = request.experiment.name, dict(request.values)
    return Trial(request.number, request.name, name, "knn", values, "succeeded", mean, reported=(mean,), scores=scores)


def test_a_family_that_loses_clearly_gets_no_more_trials_and_the_others_get_its_places() -> None:
    """Of twelve trials the bad family has two, its defaults and one more; those that were open when it lost end."""

    def run(request: TrialRequest) -> Trial:
        worse = 10.0 if request.experiment.name == "bad" else 0.0
        shift = 0.01 * len(request.values) * (request.number % 3)
        return ended(request, tuple(worse + shift + one for one in (1.0, 1.1, 0.9, 1.05, 0.95)))

    plan = SearchPlan([family("bad"), family("good")], SearchBudget(trials=12), seed=1)
    found = search(plan, run)
    tried = [trial.experiment for trial in found.trials]
    assert len(tried) == 12
    assert 2 <= tried.count("bad") <= 3
    assert tried[-5:] == ["good"] * 5
    assert found.trials == search(plan, run).trials


def test_families_that_differ_by_chance_both_stay() -> None:
    """Each has half of the trials."""
    draw = np.random.default_rng(5).normal(1, 0.1, size=(12, 5))
    plan = SearchPlan([family("a"), family("b")], SearchBudget(trials=12), seed=1)
    found = search(plan, lambda request: ended(request, tuple(draw[request.number].tolist())))
    assert [trial.experiment for trial in found.trials].count("a") == 6


def test_the_test_keeps_its_level_where_two_models_are_equally_good() -> None:
    """With independent folds, of which the correction assumes less, at most 5 % of equal models lose."""
    rng = np.random.default_rng(0)
    lost = [is_clearly_worse(rng.normal(size=5).tolist(), rng.normal(size=5).tolist(), RMSE) for _ in range(2000)]
    assert 0 < np.mean(lost) <= 0.05


@pytest.mark.parametrize(
    ("own", "best", "objective", "worse"),
    [
        ([2.0, 2.1, 1.9], [1.0, 1.1, 0.9], RMSE, True),
        ([2.0, 2.1, 1.9], [1.0, 1.1, 0.9], AUC, False),
        ([0.7, 0.71, 0.69], [0.9, 0.92, 0.91], AUC, True),
        ([1.0, 3.0, 0.5], [1.1, 1.0, 0.9], RMSE, False),
        ([2.0], [1.0], RMSE, False),
        ([2.0, 2.0], [1.0, 1.0, 1.0], RMSE, False),
        ([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], RMSE, False),
    ],
)
def test_what_is_clearly_worse(own: list[float], best: list[float], objective: Objective, worse: bool) -> None:
    """A difference that all folds show, in the objective's direction; one fold, or other folds, show nothing."""
    assert is_clearly_worse(own, best, objective) is worse


def test_places_are_shared_in_full() -> None:
    """No core is without a trial because a family has lost."""
    assert share_places(3, 2) == [2, 1]
    assert share_places(3, 1) == [3]
