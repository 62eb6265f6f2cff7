"""A search: its algorithms are asked, trials are run some at a time, and the algorithms are told.

When the first of the running trials ends, its algorithm is told, and asked for the next one; a later trial that ends
sooner is told in its turn. What is tried therefore depends on the seed alone, not on which trial ends first, a search
that was killed can be repeated from its journal, and while trials take equally long no core waits.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from headrace.core.base.errors import DataError, InputError, InternalError, quote
from headrace.experiments.search import suggestion
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.median_stopping import MedianStopping, StopRule
from headrace.experiments.search.result import SearchResult, Trial, best_of
from headrace.experiments.space.experiment import Experiment, Objective

EndReason = Literal["MaxTrialsReached", "GoalReached", "SuggestionEndReached", "TimeReached", "MaxFailedTrialsReached"]


@dataclass(frozen=True)
class TrialRequest:
    """A trial to be run.

    Attributes:
        number: Place in the search, from 0.
        experiment: What it belongs to.
        values: Values by the Experiment's names of its parameters; empty for a family's defaults.
        stop: Whether to end it early; None to let it run to its end.
    """

    number: int
    experiment: Experiment
    values: dict[str, Any]
    stop: StopRule | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.experiment.name}-{self.number:03d}"


class TrialRunner(Protocol):
    """What runs a trial; several at once, from several threads. A trial that fails is recorded, not raised."""

    def __call__(self, asked: TrialRequest) -> Trial:
        """The trial, with its number and name as they were asked for."""


@dataclass(frozen=True)
class SearchPlan:
    """What is searched.

    Attributes:
        experiments: One, or one for each family, with the same objective; several take turns.
        budget: How long.
        seed: Seed of suggestions and fits.
        defaults: Whether the first trial of each has the family's defaults.
    """

    experiments: Sequence[Experiment]
    budget: SearchBudget
    seed: int = 0
    defaults: bool = True

    def __post_init__(self) -> None:
        """Refuse a plan of nothing.

        Raises:
            InputError: If there is no experiment.
        """
        if not self.experiments:
            raise InputError("a search must have at least one family; name one.")

    @property
    def objective(self) -> Objective:
        """What is searched for."""
        return self.experiments[0].objective


class FailedSearchError(DataError):
    """A search without a result; its trials are told all the same.

    Attributes:
        trials: All trials.
    """

    def __init__(self, message: str, trials: tuple[Trial, ...] = ()) -> None:
        """Say why, and keep the trials."""
        super().__init__(message)
        self.trials = trials


def search(
    plan: SearchPlan,
    run: TrialRunner,
    *,
    journal: TrialJournal | None = None,
    listener: Callable[[Trial], None] = lambda _: None,
) -> SearchResult:
    """Run trials until the budget, the goal or the algorithms' end is reached.

    Args:
        plan: What is searched.
        run: Runs a trial.
        journal: Where finished trials are kept, and found again.
        listener: Called after each trial, from any thread.

    Returns:
        All trials and the best one.

    Raises:
        FailedSearchError: If all trials failed, or as many as an Experiment allows.
    """
    kept = TrialJournal() if journal is None else journal
    began = time.monotonic() - kept.spent
    turns = [_ExperimentScheduler(experiment, plan) for experiment in plan.experiments]
    trials: list[Trial] = []

    def one(asked: TrialRequest) -> Trial:
        done = _again(asked, kept)
        if done is None:
            done = run(asked)
            kept.add(done, elapsed=time.monotonic() - began)
        listener(done)
        return done

    with ThreadPoolExecutor(max(sum(turn.together for turn in turns), 1)) as pool:
        running: deque[tuple[_ExperimentScheduler, Future[Trial]]] = deque()
        reason: EndReason | None = None
        while True:
            if reason is None:
                asked = _coming(turns, plan, len(trials) + len(running))
                running.extend((turn, pool.submit(one, trial)) for turn, trial in asked)
            if not running:
                break
            turn, first = running.popleft()
            trials.append(first.result())
            turn.record_trial(trials[-1])
            reason = reason or _end_reason(turns, plan, trials, began)
    return _build_result(tuple(trials), plan, reason or _without_more(turns))


def _again(asked: TrialRequest, journal: TrialJournal) -> Trial | None:
    """What an earlier run found for the same trial."""
    known = journal.find_trial(asked.number)
    if known is not None and known.name != asked.name:
        raise InternalError(f"trial {asked.number} of the journal must be {asked.name}; it is {known.name}.")
    return known


def _coming(
    turns: Sequence["_ExperimentScheduler"], plan: SearchPlan, number: int
) -> Iterator[tuple["_ExperimentScheduler", TrialRequest]]:
    """The next trials, from that number on: as many of each Experiment as have room beside those that run."""
    for turn in turns:
        for values in turn.ask(plan.budget.trials - number if plan.budget.trials else turn.together):
            yield turn, TrialRequest(number, turn.experiment, values, turn.rule())
            number += 1


def _end_reason(
    turns: Sequence["_ExperimentScheduler"], plan: SearchPlan, trials: Sequence[Trial], began: float
) -> EndReason | None:
    best = best_of(tuple(trials), plan.objective)
    if best is not None and best.score is not None and plan.objective.is_reached(best.score):
        return "GoalReached"
    if all(turn.broken for turn in turns):
        return "MaxFailedTrialsReached"
    if plan.budget.trials and len(trials) >= plan.budget.trials:
        return "MaxTrialsReached"
    if plan.budget.seconds and time.monotonic() - began >= plan.budget.seconds:
        return "TimeReached"
    return None


def _without_more(turns: Sequence["_ExperimentScheduler"]) -> EndReason:
    return "MaxTrialsReached" if all(turn.left == 0 for turn in turns) else "SuggestionEndReached"


class _ExperimentScheduler:
    """One Experiment's part in the search.

    Attributes:
        experiment: The Experiment.
        together: Trials at the same time: one of each of several Experiments, else as many as it says.
        left: How many more trials it may have; infinite without a limit.
        broken: Whether as many of its trials failed as it allows.
    """

    def __init__(self, experiment: Experiment, plan: SearchPlan) -> None:
        self.experiment = experiment
        self.together = experiment.parallel if len(plan.experiments) == 1 else 1
        self.left = float(experiment.max_trials or "inf")
        self.broken = False
        self._suggestions = suggestion.make(experiment, seed=plan.seed)
        self._defaults = plan.defaults
        self._open: list[int | None] = []
        self._failed = 0
        stopping = experiment.stopping
        self._median = None if stopping is None else MedianStopping(stopping, experiment.objective)

    def ask(self, most: int) -> list[dict[str, Any]]:
        """Values of the next trials, at most so many."""
        count = int(min(self.together - len(self._open), self.left, most))
        if count <= 0 or self.broken or (self._open and self._suggestions.waits):
            return []
        values: list[dict[str, Any]] = []
        if self._defaults:
            self._defaults = False
            values.append({})
            self._open.append(None)
        if count > len(values):
            asked = self._suggestions.ask(count - len(values))
            self._open += [number for number, _ in asked]
            values += [one for _, one in asked]
        self.left -= len(values)
        return values

    def rule(self) -> StopRule | None:
        """Whether to end a trial early, from what is known now."""
        return self._median.rule() if self._median else None

    def record_trial(self, trial: Trial) -> None:
        """Take in the next of the trials that were asked for."""
        number = self._open.pop(0)
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
