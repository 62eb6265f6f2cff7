"""The search of the training line."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from headrace.core import families
from headrace.core.contract import Task
from headrace.core.errors import DataError, InputError
from headrace.experiments import budget, experiment, search, suggestion, trial, tune
from headrace.experiments.budget import Budget
from headrace.experiments.experiment import Experiment
from headrace.experiments.parameters import OneOf, Range
from headrace.experiments.tune import Wish
from tests.core import made
from tests.experiments.test_experiment import document


def tuned(
    folder: Path, wish: Wish, *, task: Task = "binary", frame: pl.DataFrame | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Best parameters and trials of a search on a made table."""
    table = made.table(120, task=task) if frame is None else frame
    tune.tune_model(
        made.write(table, folder / "table"),
        contract=made.write_contract(made.contract(task), folder / "contract.yaml"),
        best_parameters=folder / "best.json",
        trials=folder / "trials.json",
        wish=wish,
    )
    return json.loads((folder / "best.json").read_text()), json.loads((folder / "trials.json").read_text())


def without_times(trials: dict[str, Any]) -> Any:
    """The trials but for how long they took."""
    return [{key: value for key, value in one.items() if key != "seconds"} for one in trials["trials"]]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_every_trial_is_recorded_and_the_best_one_wins(tmp_path: Path, task: Task) -> None:
    """Families take turns, each from its defaults on."""
    names = ("linear" if task == "regression" else "logistic", "hist_gradient_boosting")
    best, trials = tuned(tmp_path, Wish(families=names, budget="5"), task=task)
    metric = {"binary": "roc_auc", "multiclass": "log_loss", "regression": "rmse"}[task]
    assert trials["objective"]["metric"] == metric
    assert [one["number"] for one in trials["trials"]] == [0, 1, 2, 3, 4]
    assert [one["family"] for one in trials["trials"]] == [names[0], names[1]] * 2 + [names[0]]
    assert [one["parameters"] for one in trials["trials"][:2]] == [{}, {}]
    assert all(one["parameters"] for one in trials["trials"][2:])
    scores = [one["score"] for one in trials["trials"]]
    assert best["score"] == (max(scores) if task == "binary" else min(scores))
    assert trials["trials"][trials["best"]]["score"] == best["score"]
    assert trials["trials"][trials["best"]]["family"] == best["family"]
    assert len(trials["trials"][0]["scores"]) == best["folds"] == 5
    assert ("operating_points" in best) == (task == "binary")


def test_the_defaults_are_three_families_with_four_trials_each() -> None:
    """Unless the user says otherwise."""
    plan = tune.make_plan(Wish(), "binary")
    assert [one.family for one in plan.experiments] == ["logistic", "random_forest", "hist_gradient_boosting"]
    assert plan.budget == Budget(trials=12)
    assert tune.make_plan(Wish(), "regression").experiments[0].family == "linear"


def test_the_same_seed_gives_the_same_search(tmp_path: Path) -> None:
    """Suggestions, folds and fits are repeatable."""
    wish = Wish(families=("random_forest",), budget="3", seed=7)
    small = made.table(80)
    first, second = (tuned(tmp_path / part, wish, frame=small) for part in _folders(tmp_path, "a", "b"))
    assert first[0] == second[0]
    assert without_times(first[1]) == without_times(second[1])


def _folders(parent: Path, *names: str) -> tuple[str, ...]:
    for name in names:
        (parent / name).mkdir()
    return names


def test_the_number_of_threads_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One core gives what many give, to the last bit."""
    wish = Wish(families=("logistic", "random_forest", "hist_gradient_boosting"), budget="6")
    _folders(tmp_path, "one", "four")
    found = {}
    for name, cores in (("one", 1), ("four", 4)):
        monkeypatch.setattr("headrace.core.fitting.cores", lambda cores=cores: cores)
        found[name] = tuned(tmp_path / name, wish, frame=made.table(90))
    assert found["one"][0] == found["four"][0]
    assert without_times(found["one"][1]) == without_times(found["four"][1])


def breaking(name: str, error: Exception | None, *, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a family's fits fail, or answer with NaN."""
    whole = families.FAMILIES[name]

    class Broken:
        classes_ = np.array([0, 1])

        def __getitem__(self, _: int) -> "Broken":
            return self

        def fit(self, *_: Any) -> "Broken":
            if error is not None:
                raise error
            return self

        def predict_proba(self, rows: Any) -> Any:
            return np.full((len(rows), 2), np.nan)

    class Family(families.Family):
        def build(self, *_: Any, **__: Any) -> Any:
            return Broken()

    broken = Family(whole.name, whole.tasks, whole.parameters, whole.prepare, whole.estimator)
    monkeypatch.setitem(families.FAMILIES, name, broken)


@pytest.mark.parametrize("error", [ValueError("no luck"), MemoryError(), None])
def test_a_failing_trial_is_recorded_and_does_not_end_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    """An objective that is not a number is a failure too."""
    breaking("random_forest", error, monkeypatch=monkeypatch)
    best, trials = tuned(tmp_path, Wish(families=("random_forest", "logistic"), budget="4"))
    assert best["family"] == "logistic"
    assert [one["status"] for one in trials["trials"]] == ["failed", "complete"] * 2
    failed = trials["trials"][0]
    assert failed["score"] is None
    assert type(error).__name__ in failed["error"] if error else failed["error"]


def test_all_trials_failing_ends_the_search_with_the_first_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no best of nothing, and nothing is written."""
    breaking("logistic", ValueError("no luck"), monkeypatch=monkeypatch)
    with pytest.raises(DataError, match=r"all 3 failed.*no luck.*try other families"):
        tuned(tmp_path, Wish(families=("logistic",), budget="3"))
    assert not (tmp_path / "best.json").exists()


def test_warnings_are_recorded_with_the_trial(tmp_path: Path) -> None:
    """A network that did not converge says so."""
    wish = Wish(families=("mlp",), budget="1", folds=2)
    _, trials = tuned(tmp_path, wish, frame=made.table(150, noise=3.0))
    assert any("ConvergenceWarning" in sentence for sentence in trials["trials"][0]["warnings"])


def test_a_users_experiment_is_searched_as_it_stands(tmp_path: Path) -> None:
    """Its space, its objective, its algorithm, its number of trials, and no defaults."""
    changed = document()
    changed["spec"]["objective"] = {"type": "maximize", "objectiveMetricName": "f1"}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed))
    best, trials = tuned(tmp_path, Wish(experiment=str(path)))
    assert (best["metric"], best["family"]) == ("f1", "random_forest")
    assert len(trials["trials"]) == 6
    for one in trials["trials"]:
        assert one["parameters"]["max_depth"] in {2, 4, 6, 8}
        assert one["parameters"]["n_estimators"] in {10, 20}
        assert 0.1 <= one["parameters"]["max_features"] <= 1


def test_the_goal_ends_the_search_early(tmp_path: Path) -> None:
    """Good enough is good enough."""
    changed = document()
    changed["spec"]["objective"]["goal"] = 0.5
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(changed))
    _, trials = tuned(tmp_path, Wish(experiment=str(path)))
    assert len(trials["trials"]) == 1


@pytest.mark.parametrize(
    ("wish", "task", "says"),
    [
        (Wish(families=("oracle",)), "binary", "oracle"),
        (Wish(families=("linear",)), "binary", "cannot do a binary task"),
        (Wish(families=("logistic",)), "regression", "cannot do a regression task"),
        (Wish(budget="soon"), "binary", "budget"),
    ],
)
def test_a_wrong_wish_is_refused(wish: Wish, task: Task, says: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(InputError, match=says):
        tune.make_plan(wish, task)


def test_an_experiment_of_another_task_or_family_is_refused(tmp_path: Path) -> None:
    """Its objective must be one of the task's metrics."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(document()))
    with pytest.raises(InputError, match="such as rmse"):
        tune.make_plan(Wish(experiment=str(path)), "regression")
    with pytest.raises(InputError, match="leave them out"):
        tune.make_plan(Wish(experiment=str(path), families=("logistic",)), "binary")


def test_a_time_budget_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial starts after the time; the first always does."""
    began = time.monotonic()
    assert not Budget(seconds=0.001).ended(0, began - 10)
    assert Budget(seconds=5).ended(1, began - 10)
    assert not Budget(seconds=60).ended(1, began - 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20", Budget(trials=20)), ("90s", Budget(seconds=90)), ("5m", Budget(seconds=300)), ("1h", Budget(seconds=3600))],
)
def test_budgets_are_trials_or_times(text: str, expected: Budget) -> None:
    """A bare number counts trials."""
    assert budget.parse(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-3", "1.5", "5 m", "m", "1d", "99999999", "20 trials"])
def test_other_budgets_are_refused(text: str) -> None:
    """The message shows what would do."""
    with pytest.raises(InputError, match="such as 20"):
        budget.parse(text)


GRID = Experiment(
    name="grid",
    family="knn",
    space={"n_neighbors": Range(3, 7, step=2, whole=True), "weights": OneOf(("uniform", "distance"))},
    algorithm="grid",
)


def test_a_grid_is_searched_once_and_then_ends() -> None:
    """Every point once; a larger budget changes nothing."""
    sample = tune.make_sample(made.table(80), made.contract(), Wish(), metric="roc_auc")
    found = search.search(search.Plan([GRID], Budget(trials=50), defaults=False), sample)
    tried = {(one.parameters["n_neighbors"], one.parameters["weights"]) for one in found.trials}
    assert len(found.trials) == 6
    assert tried == {(k, w) for k in (3, 5, 7) for w in ("uniform", "distance")}


def test_a_grid_without_steps_is_refused() -> None:
    """A double has no next value."""
    open_space = replace(GRID, family="logistic", space={"C": Range(0.1, 1.0)})
    with pytest.raises(InputError, match="step"):
        suggestion.Suggestions(open_space, seed=0)


@pytest.mark.parametrize("algorithm", experiment.ALGORITHMS)
def test_each_algorithm_suggests_inside_the_space_and_repeatably(algorithm: str) -> None:
    """The same seed gives the same suggestions."""
    space = {"n_neighbors": Range(1, 9, step=2, whole=True), "weights": OneOf(("uniform", "distance"))}
    made_of = replace(GRID, algorithm=algorithm, space=space)

    def suggested() -> list[dict[str, Any]]:
        suggestions = suggestion.Suggestions(made_of, seed=3)
        asked = []
        for _ in range(10):
            number, parameters = suggestions.ask()
            suggestions.tell(number, parameters["n_neighbors"] / 10)
            asked.append(parameters)
        return asked

    first = suggested()
    assert first == suggested()
    assert all(one["n_neighbors"] in {1, 3, 5, 7, 9} for one in first)


def test_progress_is_told_after_each_trial() -> None:
    """The listener hears of trials in order."""
    heard: list[trial.Trial] = []
    sample = tune.make_sample(made.table(60), made.contract(), Wish(folds=2), metric="roc_auc")
    plan = search.Plan([experiment.shipped("naive_bayes")], Budget(trials=3))
    found = search.search(plan, sample, listener=heard.append)
    assert tuple(heard) == found.trials
