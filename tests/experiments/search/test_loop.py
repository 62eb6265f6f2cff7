"""The search: how many trials run at once, and what it depends on."""

import random
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from headrace.core.evaluation.search_trials import Trial
from headrace.core.models import fitting
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.loop import SearchPlan, TrialRequest, search
from headrace.experiments.search.progress import SearchProgress
from headrace.experiments.search.result import SearchResult
from headrace.experiments.space.experiment import Experiment, Objective
from headrace.experiments.space.search_space import NumberRange

PATIENCE = 60.0  # of a test, for what comes at once


def experiment(algorithm: str = "tpe", *, name: str = "e", parallel: int = 2, **settings: Any) -> Experiment:
    """A search over two numbers, some trials at a time."""
    space = {"x": NumberRange(0.1, 10.0, log=True), "n": NumberRange(1, 9, whole=True)}
    objective = Objective("rmse", "minimize")
    return Experiment(
        name, "knn", space=space, objective=objective, algorithm=algorithm, settings=settings, parallel=parallel
    )


def ended(request: TrialRequest) -> Trial:
    """A trial that succeeded, with a score that depends on its values."""
    score = float(abs(request.values["x"] - 2) + request.values["n"])
    return Trial(
        request.number,
        request.name,
        request.experiment.name,
        "knn",
        dict(request.values),
        "succeeded",
        score,
        reported=(score,),
    )


def found(*experiments: Experiment, run: Callable[[TrialRequest], Trial], trials: int) -> SearchResult:
    """A search of so many trials, without defaults."""
    return search(SearchPlan(experiments, SearchBudget(trials=trials), seed=3, defaults=False), run)


def test_the_place_of_a_trial_that_ended_is_taken_while_the_next_one_runs() -> None:
    """No core waits for the slowest of some that began together."""
    third = threading.Event()

    def run(request: TrialRequest) -> Trial:
        if request.number == 1:
            assert third.wait(PATIENCE)
        if request.number == 2:
            third.set()
        return ended(request)

    assert len(found(experiment(), run=run, trials=4).trials) == 4


@pytest.mark.parametrize("algorithm", ["random", "tpe", "multivariate-tpe", "cmaes", "sobol"])
def test_what_is_tried_does_not_depend_on_which_trial_ends_first(algorithm: str) -> None:
    """Whether the first is the slowest, or the last, or chance decides."""

    def delayed(seconds: Callable[[int], float]) -> list[Trial]:
        def run(request: TrialRequest) -> Trial:
            time.sleep(seconds(request.number))
            return ended(request)

        return list(found(experiment(algorithm, parallel=3), run=run, trials=16).trials)

    draw = random.Random(1)  # noqa: S311 - delays
    expected = delayed(lambda _: 0.0)
    assert [trial.number for trial in expected] == list(range(16))
    assert delayed(lambda number: 0.01 * (3 - number % 3)) == expected
    assert delayed(lambda _: draw.uniform(0, 0.02)) == expected


def _at_once(*experiments: Experiment, wanted: int, trials: int) -> tuple[int, list[set[int]]]:
    """The largest number of trials that ran at once, and which ran when each one began.

    The first ones wait until as many run as are wanted, however busy the machine is.
    """
    lock, running, seen = threading.Lock(), set[int](), list[set[int]]()
    met = threading.Event()

    def run(request: TrialRequest) -> Trial:
        with lock:
            running.add(request.number)
            seen.append(set(running))
            if len(running) == wanted:
                met.set()
        assert met.wait(PATIENCE)
        time.sleep(0.005 * (1 + request.number % 3))
        with lock:
            running.remove(request.number)
        return ended(request)

    found(*experiments, run=run, trials=trials)
    return max(map(len, seen)), seen


def test_no_more_trials_run_at_once_than_may() -> None:
    """As many as the Experiment says; of several Experiments one of each."""
    assert _at_once(experiment(parallel=3), wanted=3, trials=12)[0] == 3
    several = (experiment(parallel=3, name="a"), experiment(parallel=3, name="b"))
    alone, seen = _at_once(*several, wanted=2, trials=11)
    assert alone == 2
    assert len(seen) == 11


@pytest.mark.parametrize(
    "waiting",
    [experiment("bayesianoptimization", n_initial_points=9), experiment("hyperband", r_l=9.0, resource_name="n")],
)
def test_an_algorithm_that_must_know_all_is_asked_when_none_runs(waiting: Experiment) -> None:
    """It begins two at a time, and no one begins while one of an earlier two runs."""
    _, seen = _at_once(waiting, wanted=2, trials=8)
    assert all(len({number // 2 for number in beside}) == 1 for beside in seen)


def test_trials_beside_the_one_that_reaches_the_goal_are_awaited_and_may_win() -> None:
    """They were begun, and their results are as good as any."""

    def run(request: TrialRequest) -> Trial:
        trial = ended(request)
        return replace(trial, score=10.0 - request.number)

    wish = experiment(parallel=3)
    goal = replace(wish, objective=Objective("rmse", "minimize", goal=10.0))
    result = found(goal, run=run, trials=9)
    assert (result.reason, [trial.number for trial in result.trials], result.best.number) == (
        "GoalReached",
        [0, 1, 2],
        2,
    )


def test_what_a_fit_warns_of_is_heard_whatever_the_algorithm_says_beside_it() -> None:
    """Warnings belong to the process; suggestions must not take those of the trials, nor leave them changed."""

    def run(request: TrialRequest) -> Trial:
        with fitting.record_warnings() as told:
            for _ in range(20):
                time.sleep(0.001)
                warnings.warn(f"trial {request.number}", UserWarning, stacklevel=1)
        return replace(ended(request), warnings=tuple(told))

    before = (list(warnings.filters), warnings.showwarning)
    trials = found(experiment("multivariate-tpe", parallel=2), run=run, trials=24).trials
    assert [trial.warnings for trial in trials] == [(f"UserWarning: trial {number}",) for number in range(24)]
    assert (list(warnings.filters), warnings.showwarning) == before


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_equal_trials_the_first_is_the_one_that_is_named(order: tuple[int, int]) -> None:
    """In whatever order they end: it is the one that is trained."""
    trials = [Trial(number, str(number), "e", family, {}, "succeeded", 1.0) for number, family in enumerate("ab")]
    progress = SearchProgress(SearchPlan((experiment(),), SearchBudget(trials=2), seed=3, defaults=False), print)
    for number in order:
        progress(trials[number])
    assert progress.conclusion() == "2 trials, best rmse 1 by a"
