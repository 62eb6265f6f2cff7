"""The time of a search: what starts, what is stopped, and what is left for the end."""

import time
from collections.abc import Callable

import pytest

from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search import search_clock
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.loop import FailedSearchError, SearchPlan, TrialRequest, search
from headrace.experiments.search.result import SearchResult
from headrace.experiments.space.experiment import Experiment, Objective
from headrace.experiments.space.search_space import NumberRange

SPACE = {"x": NumberRange(0.0, 1.0)}
EXPERIMENT = Experiment(
    "e", "knn", space=SPACE, objective=Objective("rmse", "minimize"), algorithm="random", settings={}
)


class Clock:
    """A clock that only trials move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Time stands still between trials."""
    return Clock(monkeypatch)


def found(
    clock: Clock, seconds: float, costs: Callable[[int], float], ending: float = 0.0, status: str = "succeeded"
) -> SearchResult:
    """A search whose trials take that long, one at a time."""

    def run(request: TrialRequest) -> Trial:
        clock.now += costs(request.number)
        score = 1.0 if status == "succeeded" else None
        return Trial(request.number, request.name, "e", "knn", {}, status, score, seconds=costs(request.number))  # type: ignore[arg-type]

    one = Experiment(**{**EXPERIMENT.__dict__, "parallel": 1})
    return search(SearchPlan([one], SearchBudget(seconds=seconds), defaults=False), run, ending=lambda _: ending)


def test_a_trial_that_would_not_end_in_time_is_not_started(clock: Clock) -> None:
    """Ten seconds hold three trials of three seconds, and not a fourth."""
    result = found(clock, 10.0, lambda _: 3.0)
    assert len(result.trials) == 3
    assert result.reason == "TimeReached"
    assert clock.now - 1000.0 <= 10.0


def test_the_time_of_the_end_is_kept_free(clock: Clock) -> None:
    """If the end takes three and a half of ten seconds, two trials of three seconds are run."""
    assert len(found(clock, 10.0, lambda _: 3.0, ending=3.5).trials) == 2


def test_an_end_that_takes_longer_than_the_search_leaves_two_thirds_of_the_time(clock: Clock) -> None:
    """An estimate may be wrong; a search that runs nothing would be worse."""
    assert len(found(clock, 10.0, lambda _: 1.0, ending=1e9).trials) == 6


def test_a_search_whose_trials_all_fail_ends_too(clock: Clock) -> None:
    """Without a result the time is over as well."""
    with pytest.raises(FailedSearchError, match="must succeed"):
        found(clock, 10.0, lambda _: 1.0, status="failed")
    assert clock.now - 1000.0 <= 11.0


def test_running_trials_are_stopped_only_if_there_is_a_result(clock: Clock) -> None:
    """The first that succeeds lets the others stop."""
    timer = search_clock.SearchClock(5.0, clock.now, EXPERIMENT.objective)
    clock.now += 6.0
    assert timer.is_over()
    assert not timer.must_stop()
    timer.add(Trial(0, "e-000", "e", "knn", {}, "succeeded", 1.0))
    assert timer.must_stop()
