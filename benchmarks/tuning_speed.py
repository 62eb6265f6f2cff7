"""What Headrace's engine costs beside plain Optuna that runs the very same trials."""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from tuning_data import Problem
from tuning_searches import own, quiet, suggested

from headrace.core.evaluation.search_trials import Trial
from headrace.core.models import fitting
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.loop import SearchPlan, TrialRequest, search
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.trials.cross_validation import CrossValidation

_REPEATS = 5


@dataclass(frozen=True)
class Spent:
    """What a search took: seconds by the clock, and seconds of the cores."""

    seconds: float
    cpu: float


@dataclass(frozen=True)
class Pair:
    """What both took for the same trials."""

    ours: Spent
    plain: Spent

    @property
    def ratio(self) -> float:
        """Headrace's time as a multiple of Optuna's."""
        return self.ours.seconds / self.plain.seconds

    @property
    def cpu_ratio(self) -> float:
        """The same of the cores' time, which other work on the machine disturbs less."""
        return self.ours.cpu / self.plain.cpu


def one_at_a_time(problem: Problem, *, trials: int, turn: int) -> Pair:
    """The shipped algorithm, one trial at a time, its folds on all cores.

    Optuna has the same sampler with the same seed, so that both try the same; which of them begins changes by turns.
    """
    seed = problem.sample.seed
    experiment = replace(problem.experiment, algorithm="multivariate-tpe", settings={"random_state": seed}, parallel=1)

    def plain(pool: ThreadPoolExecutor) -> list[dict[str, Any]]:
        sampler = optuna.samplers.TPESampler(
            seed=seed, multivariate=True, constant_liar=True, n_startup_trials=10, n_ei_candidates=24
        )
        study = optuna.create_study(direction=experiment.objective.type, sampler=sampler)
        study.optimize(lambda trial: problem.score(suggested(trial, experiment), pool), n_trials=trials)
        return [own(experiment, one.params) for one in study.trials]

    return _pair(problem, experiment, plain, trials=trials, turn=turn)


def two_at_a_time(problem: Problem, *, trials: int, turn: int) -> Pair:
    """Random values, two trials at a time as shipped, the folds of both on all cores.

    Optuna's threads seed themselves anew, so that its trials are given to it (``enqueue_trial``) instead of drawn.
    """
    experiment = replace(problem.experiment, algorithm="random", settings={}, parallel=2)
    drawn: list[dict[str, Any]] = []
    plan = _plan(experiment, trials, problem.sample.seed)
    search(plan, _at_once(drawn))

    def plain(pool: ThreadPoolExecutor) -> list[dict[str, Any]]:
        study = optuna.create_study(
            direction=experiment.objective.type, sampler=optuna.samplers.RandomSampler(seed=problem.sample.seed)
        )
        for values in drawn:
            study.enqueue_trial(values)
        study.optimize(lambda trial: problem.score(suggested(trial, experiment), pool), n_trials=trials, n_jobs=2)
        return [own(experiment, one.params) for one in study.trials]

    return _pair(problem, experiment, plain, trials=trials, turn=turn)


def _pair(
    problem: Problem,
    experiment: Experiment,
    plain: Callable[[ThreadPoolExecutor], list[dict[str, Any]]],
    *,
    trials: int,
    turn: int,
) -> Pair:
    spent: dict[str, Spent] = {}
    tried: dict[str, list[dict[str, Any]]] = {}

    def ours() -> None:
        with tempfile.TemporaryDirectory() as folder, CrossValidation.on(problem.sample, experiment.objective) as run:
            journal = TrialJournal(Path(folder) / "journal.jsonl", search={})
            found = search(_plan(experiment, trials, problem.sample.seed), run, journal=journal)
        tried["ours"] = [trial.parameters for trial in found.trials]

    def theirs() -> None:
        with quiet(), ThreadPoolExecutor(fitting.cores()) as pool:
            tried["plain"] = plain(pool)

    jobs = [("ours", ours), ("plain", theirs)]
    for name, job in jobs if turn % 2 == 0 else reversed(jobs):
        began, worked = time.perf_counter(), time.process_time()
        job()
        spent[name] = Spent(time.perf_counter() - began, time.process_time() - worked)
    if tried["ours"] != tried["plain"]:
        sys.exit(f"both must try the same on {problem.table}; they do not:\n{tried['ours']}\n{tried['plain']}")
    return Pair(spent["ours"], spent["plain"])


def _plan(experiment: Experiment, trials: int, seed: int) -> SearchPlan:
    return SearchPlan([experiment], SearchBudget(trials=trials), seed=seed, defaults=False)


def _at_once(drawn: list[dict[str, Any]]) -> Callable[[TrialRequest], Trial]:
    """Runs trials that take no time, and keeps their values."""

    def run(asked: TrialRequest) -> Trial:
        drawn.append(dict(asked.values))
        return Trial(
            asked.number,
            asked.name,
            asked.experiment.name,
            asked.experiment.family,
            dict(asked.values),
            "succeeded",
            score=_score(asked.number),
            reported=(_score(asked.number),),
        )

    return run


def _score(number: int) -> float:
    return (number * 7919 % 1000) / 1000


def bookkeeping(experiment: Experiment, *, trials: int) -> dict[str, float]:
    """Microseconds of a trial whose objective returns at once: Headrace without and with a journal, and Optuna."""
    experiment = replace(experiment, algorithm="multivariate-tpe", settings={}, parallel=1)

    def headrace(path: Path | None) -> None:
        search(_plan(experiment, trials, 0), _at_once([]), journal=TrialJournal(path, search={}))

    def plain() -> None:
        sampler = optuna.samplers.TPESampler(seed=0, multivariate=True, constant_liar=True)
        study = optuna.create_study(direction=experiment.objective.type, sampler=sampler)
        study.optimize(lambda trial: _score(len(suggested(trial, experiment)) + trial.number), n_trials=trials)

    found: dict[str, list[float]] = {}
    with quiet(), tempfile.TemporaryDirectory() as folder:
        for turn in range(_REPEATS):
            path = Path(folder) / f"{turn}.jsonl"
            for name, job in (
                ("Headrace", lambda: headrace(None)),
                ("Headrace, journal", lambda path=path: headrace(path)),
                ("Optuna", plain),
            ):
                began = time.perf_counter()
                job()
                found.setdefault(name, []).append((time.perf_counter() - began) / trials * 1e6)
    return {name: statistics.median(values) for name, values in found.items()}
