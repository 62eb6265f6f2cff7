"""The loop of a search: ask the algorithms, run trials in parallel, and report the scores to the algorithms.

Scores are reported in the order of the trials: when the oldest running trial ends, its algorithm gets its score and
gives the next trial; a later trial that ends sooner waits for its turn. So the trials depend on the seed alone, not on
which ends first, a killed search can be resumed from its journal, and no core idles while trials take equally long.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from headrace.core.base.errors import DataError, InputError, InternalError, quote
from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.search import suggestion
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.median_stopping import MedianStopping, StopRule
from headrace.experiments.search.racing import has_lost, share_places
from headrace.experiments.search.result import SearchResult, best_of
from headrace.experiments.search.search_clock import SearchClock
from headrace.experiments.space.experiment import Experiment, Objective

_RECENT = 3

EndReason = Literal["MaxTrialsReached", "GoalReached", "SuggestionEndReached", "TimeReached", "MaxFailedTrialsReached"]


@dataclass(frozen=True)
class TrialRequest:
    """A trial to run.

    Attributes:
        number: Position in the search, from 0.
        experiment: The Experiment that it belongs to.
        values: Values by the Experiment's names of its parameters; empty for a family's defaults.
        stop: Decides whether to stop it early; None to let it complete.
        is_time_over: Says whether the search has no time left for it; None if its time is not limited.
    """

    number: int
    experiment: Experiment
    values: dict[str, Any]
    stop: StopRule | None = None
    is_time_over: Callable[[], bool] | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.experiment.name}-{self.number:03d}"


class TrialRunner(Protocol):
    """Runs a trial; may be called from several threads at once. Returns a failed trial instead of raising."""

    def __call__(self, request: TrialRequest) -> Trial:
        """Return the trial, with the number and name of the request."""


@dataclass(frozen=True)
class SearchPlan:
    """What to search, and for how long.

    Attributes:
        experiments: One, or one for each family, all with the same objective; several take turns.
        budget: Limit of the search.
        seed: Seed of suggestions and fits.
        defaults: Whether the first trial of each uses the family's defaults.
        ensemble: Whether and how the trials become an ensemble: ``off``, ``auto``, ``greedy`` or ``stacking``.
    """

    experiments: Sequence[Experiment]
    budget: SearchBudget
    seed: int = 0
    defaults: bool = True
    ensemble: Literal["off", "auto", "greedy", "stacking"] = "off"

    def __post_init__(self) -> None:
        """Raise if the plan is empty.

        Raises:
            InputError: If there is no experiment.
        """
        if not self.experiments:
            raise InputError("a search must have at least one family; name one.")

    @property
    def objective(self) -> Objective:
        """The objective of all experiments."""
        return self.experiments[0].objective


class FailedSearchError(DataError):
    """A search without a result; it carries the trials nevertheless.

    Attributes:
        trials: All trials.
    """

    def __init__(self, message: str, trials: tuple[Trial, ...] = ()) -> None:
        """Set the message and the trials."""
        super().__init__(message)
        self.trials = trials


def search(
    plan: SearchPlan,
    run: TrialRunner,
    *,
    journal: TrialJournal | None = None,
    listener: Callable[[Trial], None] = lambda _: None,
    ending: Callable[[Trial], float] = lambda _: 0.0,
) -> SearchResult:
    """Run trials until the budget, the goal or the algorithms' end is reached.

    Of several Experiments, one that loses clearly gets no more trials; see ``racing``. A time is kept by not starting
    what is not expected to end in it, and by ending what runs when it is over.

    Args:
        plan: The search.
        run: Runs a trial.
        journal: Stores finished trials, and gives those of an earlier run; None for none.
        listener: Called after each trial, from any thread.
        ending: Estimates the seconds of the budget that are needed after the search, from its best trial so far.

    Returns:
        All trials and the best one.

    Raises:
        FailedSearchError: If all trials failed, or as many as an Experiment allows.
    """
    trial_journal = TrialJournal() if journal is None else journal
    began = time.monotonic() - trial_journal.spent
    clock = SearchClock(plan.budget.seconds, began, plan.objective, ending)
    turns = [_ExperimentScheduler(experiment, plan) for experiment in plan.experiments]
    trials: list[Trial] = []

    def run_or_reuse(request: TrialRequest) -> Trial:
        ended = _again(request, trial_journal)
        if ended is None:
            ended = run(replace(request, is_time_over=clock.must_stop))
            if ended.status != "killed":
                trial_journal.add(ended, elapsed=time.monotonic() - began)
        clock.add(ended)
        listener(ended)
        return ended

    with ThreadPoolExecutor(max(sum(turn.together for turn in turns), 1)) as pool:
        running: deque[tuple[_ExperimentScheduler, Future[Trial]]] = deque()
        reason: EndReason | None = None
        while True:
            if reason is None:
                requests = _coming(turns, plan, len(trials) + len(running), clock)
                running.extend((turn, pool.submit(run_or_reuse, trial)) for turn, trial in requests)
            if not running:
                break
            # The oldest trial, not the first that ends, so that suggestions depend on the seed alone.
            turn, first = running.popleft()
            trials.append(first.result())
            turn.record_trial(trials[-1])
            reason = reason or _end_reason(turns, plan, trials, clock)
            _race(turns, trials, plan)
    return _build_result(tuple(trials), plan, reason or _without_more(turns, clock))


def _again(request: TrialRequest, journal: TrialJournal) -> Trial | None:
    """Return the same trial of an earlier run, if the journal has it."""
    finished = journal.find_trial(request.number)
    if finished is not None and finished.name != request.name:
        raise InternalError(f"trial {request.number} of the journal must be {request.name}; it is {finished.name}.")
    return finished


def _coming(
    turns: Sequence["_ExperimentScheduler"], plan: SearchPlan, number: int, clock: SearchClock
) -> Iterator[tuple["_ExperimentScheduler", TrialRequest]]:
    """Yield the next trials, numbered from ``number``: for each Experiment as many as may run beside its open ones."""
    for turn in turns:
        if not clock.has_time(turn.expected_seconds()):
            continue
        for values in turn.ask(plan.budget.trials - number if plan.budget.trials else turn.together):
            yield turn, TrialRequest(number, turn.experiment, values, turn.rule())
            number += 1


def _end_reason(
    turns: Sequence["_ExperimentScheduler"], plan: SearchPlan, trials: Sequence[Trial], clock: SearchClock
) -> EndReason | None:
    best = best_of(tuple(trials), plan.objective)
    if best is not None and best.score is not None and plan.objective.is_reached(best.score):
        return "GoalReached"
    if all(turn.broken for turn in turns):
        return "MaxFailedTrialsReached"
    if plan.budget.trials and len(trials) >= plan.budget.trials:
        return "MaxTrialsReached"
    if clock.is_over():
        return "TimeReached"
    return None


def _race(turns: Sequence["_ExperimentScheduler"], trials: Sequence[Trial], plan: SearchPlan) -> None:
    """Give no more trials to Experiments that have lost, and their places to the others."""
    best = best_of(tuple(trials), plan.objective)
    racers = [turn for turn in turns if turn.remaining > 0]
    if best is None or len(racers) < 2:
        return
    for turn in racers:
        if has_lost(turn.trials, best, plan.objective):
            turn.remaining = 0
    remaining = [turn for turn in racers if turn.remaining > 0]
    if remaining and len(remaining) < len(racers):
        for turn, places in zip(remaining, share_places(len(turns), len(remaining)), strict=True):
            turn.together = places


def _without_more(turns: Sequence["_ExperimentScheduler"], clock: SearchClock) -> EndReason:
    if clock.seconds and any(turn.remaining for turn in turns):
        return "TimeReached"
    return "MaxTrialsReached" if all(turn.remaining == 0 for turn in turns) else "SuggestionEndReached"


class _ExperimentScheduler:
    """Schedules the trials of one Experiment.

    Attributes:
        experiment: The Experiment.
        together: Parallel trials: one if there are several Experiments, else as many as the Experiment says; one that
            remains in a race has more.
        remaining: How many more trials it may have; infinite without a limit.
        broken: Whether the number of its failed trials has reached its limit.
        trials: Its trials that have ended, in order.
    """

    def __init__(self, experiment: Experiment, plan: SearchPlan) -> None:
        self.experiment = experiment
        self.together = experiment.parallel if len(plan.experiments) == 1 else 1
        self.remaining = float(experiment.max_trials or "inf")
        self.broken = False
        self.trials: list[Trial] = []
        self._suggestions = suggestion.make(experiment, seed=plan.seed)
        self._defaults = plan.defaults
        self._open: list[int | None] = []
        self._failed = 0
        stopping = experiment.stopping
        self._median = None if stopping is None else MedianStopping(stopping, experiment.objective)

    def ask(self, most: int) -> list[dict[str, Any]]:
        """Return the values of the next trials, at most ``most``."""
        count = int(min(self.together - len(self._open), self.remaining, most))
        if count <= 0 or self.broken or (self._open and self._suggestions.waits):
            return []
        values: list[dict[str, Any]] = []
        if self._defaults:
            self._defaults = False
            values.append({})
            self._open.append(None)
        if count > len(values):
            suggested = self._suggestions.ask(count - len(values))
            self._open += [number for number, _ in suggested]
            values += [parameters for _, parameters in suggested]
        self.remaining -= len(values)
        return values

    def expected_seconds(self) -> float:
        """Return how long its next trial will take at least: as the shortest of its last three; 0 before the first."""
        return min((trial.seconds for trial in self.trials[-_RECENT:]), default=0.0)

    def rule(self) -> StopRule | None:
        """Return the rule that stops a trial early, by what is known now."""
        return self._median.rule() if self._median else None

    def record_trial(self, trial: Trial) -> None:
        """Record the result of the oldest open trial."""
        number = self._open.pop(0)
        self.trials.append(trial)
        if number is not None:
            self._suggestions.tell(number, trial.score if trial.won else None)
        if trial.won and self._median:
            self._median.learn(trial.reported)
        self._failed += trial.status in {"failed", "metrics_unavailable"}
        most = self.experiment.max_failed
        self.broken = self.broken or (most > 0 and self._failed >= most)


def _build_result(trials: tuple[Trial, ...], plan: SearchPlan, reason: EndReason) -> SearchResult:
    failed = [trial for trial in trials if not trial.won]
    best = best_of(trials, plan.objective)
    if best is None:
        first = failed[0].error if failed else "none could be run"
        raise FailedSearchError(
            f"at least one trial of the search must succeed; all {len(trials)} failed, the first with "
            f"{quote(first, 300)}; try other families, or look at the columns that it names.",
            trials,
        )
    if reason == "MaxFailedTrialsReached":
        raise FailedSearchError(
            f"fewer than {plan.experiments[0].max_failed} trials of the search may fail, as its maxFailedTrialCount "
            f"says; {len(failed)} of {len(trials)} did, the last with {quote(failed[-1].error, 300)}.",
            trials,
        )
    return SearchResult(trials=trials, best=best, reason=reason)
