"""The searches of the tuning benchmark: Headrace, plain Optuna and scikit-learn's two, on the same problem."""

import math
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from scipy.stats import loguniform, uniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it lets the next line find its class
from sklearn.model_selection import HalvingRandomSearchCV, RandomizedSearchCV
from tuning_data import Problem

from headrace.core.base.errors import InputError
from headrace.core.models import fitting
from headrace.experiments.search.budget import SearchBudget
from headrace.experiments.search.journal import TrialJournal
from headrace.experiments.search.loop import SearchPlan, search
from headrace.experiments.space import algorithms, assignments
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.space.search_space import NumberRange, SearchSpace, ValueChoice, points
from headrace.experiments.trials.cross_validation import CrossValidation

ALGORITHMS = ("random", "tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "sobol", "grid")
RANDOMIZED, HALVING = "RandomizedSearchCV", "HalvingRandomSearchCV"
_FACTOR = 3
_RUNGS = 3
_SCORERS = {"roc_auc": "roc_auc", "log_loss": "neg_log_loss", "rmse": "neg_root_mean_squared_error"}
_SAMPLERS: Mapping[str, Callable[[SearchSpace, int], Any]] = {
    "random": lambda _, seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe": lambda _, seed: optuna.samplers.TPESampler(seed=seed, multivariate=False),
    "multivariate-tpe": lambda _, seed: optuna.samplers.TPESampler(seed=seed, multivariate=True),
    "cmaes": lambda _, seed: optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False),
    "sobol": lambda _, seed: optuna.samplers.QMCSampler(seed=seed, warn_independent_sampling=False),
    "grid": lambda space, seed: optuna.samplers.GridSampler(
        {name: points(name, kind) for name, kind in space.items()}, seed=seed
    ),
}


@dataclass(frozen=True)
class Searched:
    """What a search found.

    Attributes:
        parameters: The best parameters.
        score: The objective of these parameters.
        seconds: How long the search took.
        spent: Rows that it fitted beside those of as many trials as it was given.
    """

    parameters: dict[str, Any]
    score: float
    seconds: float
    spent: float = 1.0


Search = Callable[[Problem, int], Searched]
"""Searches a problem with so many trials."""


def searches(problem: Problem, *, trials: int, only: tuple[str, ...] = ALGORITHMS) -> dict[str, Search]:
    """All searches of a problem by name: of Headrace and Optuna those that can search its space."""
    named = [one for one in only if _can(problem.experiment, one, trials)]
    ours = {f"Headrace {one}": _headrace(one) for one in named}
    plain = {f"Optuna {one}": _optuna(one) for one in named if one in _SAMPLERS}
    if "bayesianoptimization" in named:
        plain.setdefault("Optuna tpe", _optuna("tpe"))
    return {**ours, **plain, RANDOMIZED: randomized, HALVING: halving}


def peers_of(algorithm: str) -> tuple[str, str, str]:
    """The peers of one of Headrace's algorithms; Optuna's own Bayesian search needs PyTorch: its default instead."""
    same = algorithm if algorithm in _SAMPLERS else "tpe"
    return f"Optuna {same}", RANDOMIZED, HALVING


def _can(experiment: Experiment, algorithm: str, trials: int) -> bool:
    try:
        algorithms.check(
            algorithm, {}, experiment.space, trials=trials, parallel=experiment.parallel, where=experiment.name
        )
    except InputError:
        return False
    return True


@contextmanager
def quiet() -> Iterator[None]:
    """Without the peers' remarks."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _headrace(algorithm: str) -> Search:
    """Headrace's engine as it is shipped: two trials at a time, each kept in a journal."""

    def run(problem: Problem, trials: int) -> Searched:
        experiment = replace(problem.experiment, algorithm=algorithm, settings={})
        plan = SearchPlan([experiment], SearchBudget(trials=trials), seed=problem.sample.seed, defaults=False)
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder, CrossValidation.on(problem.sample, experiment.objective) as fits:
            journal = TrialJournal(Path(folder) / "journal.jsonl", search={})
            best = search(plan, fits, journal=journal).best
        return Searched(best.parameters, float(best.score or math.nan), time.perf_counter() - began)

    return run


def _optuna(algorithm: str) -> Search:
    """Plain Optuna, one trial at a time: with two jobs it seeds its threads anew, and no run can be repeated."""

    def run(problem: Problem, trials: int) -> Searched:
        experiment = problem.experiment
        began = time.perf_counter()
        with quiet(), ThreadPoolExecutor(fitting.cores()) as pool:
            study = optuna.create_study(
                direction=experiment.objective.type,
                sampler=_SAMPLERS[algorithm](experiment.space, problem.sample.seed),
            )
            study.optimize(lambda trial: problem.score(suggested(trial, experiment), pool), n_trials=trials)
        return Searched(own(experiment, study.best_params), study.best_value, time.perf_counter() - began)

    return run


def suggested(trial: optuna.Trial, experiment: Experiment) -> dict[str, Any]:
    """Parameters of one of Optuna's trials, asked for as its users write it."""
    drawn: dict[str, Any] = {}
    for name, kind in experiment.space.items():
        if isinstance(kind, ValueChoice):
            drawn[name] = trial.suggest_categorical(name, kind.values)
        elif kind.whole:
            drawn[name] = trial.suggest_int(name, int(kind.low), int(kind.high), log=kind.log)
        else:
            drawn[name] = trial.suggest_float(name, kind.low, kind.high, log=kind.log)
    return own(experiment, drawn)


def own(experiment: Experiment, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the space as the family wants them."""
    return assignments.choose_family(experiment, drawn)[1]


def randomized(problem: Problem, trials: int) -> Searched:
    """scikit-learn's random search over the same pipeline, folds and space, on all cores."""
    began = time.perf_counter()
    found = RandomizedSearchCV(
        problem.pipeline({}),
        _distributions(problem.experiment.space),
        n_iter=trials,
        **_shared(problem),
    )
    with quiet():
        found.fit(problem.sample.encoded, problem.sample.target)
    sign = 1.0 if problem.higher_is_better else -1.0
    return Searched(_winner(problem, found), sign * float(found.best_score_), time.perf_counter() - began)


def halving(problem: Problem, trials: int) -> Searched:
    """scikit-learn's successive halving by rows: three rungs of a ninth, a third and all of them.

    It begins with as many candidates as fit no more rows than ``trials`` full ones; its winner is scored on all rows.
    """
    rows = len(problem.sample.target)
    candidates, least = most_candidates(trials), rows // _FACTOR ** (_RUNGS - 1)
    began = time.perf_counter()
    found = HalvingRandomSearchCV(
        problem.pipeline({}),
        _distributions(problem.experiment.space),
        n_candidates=candidates,
        factor=_FACTOR,
        min_resources=least,
        **_shared(problem),
    )
    with quiet():
        found.fit(problem.sample.encoded, problem.sample.target)
    seconds = time.perf_counter() - began
    spent = sum(n * of for n, of in zip(found.n_candidates_, found.n_resources_, strict=True)) / (trials * rows)
    parameters = _winner(problem, found)
    with ThreadPoolExecutor(fitting.cores()) as pool:
        return Searched(parameters, problem.score(parameters, pool), seconds, spent)


def most_candidates(trials: int) -> int:
    """The largest number of candidates whose three rungs fit no more rows than full trials would."""
    candidates = 1
    while _full_trials(candidates + 1) <= trials:
        candidates += 1
    return candidates


def _full_trials(candidates: int) -> float:
    """Rows that the three rungs fit, in full trials."""
    total = 0.0
    for rung in reversed(range(_RUNGS)):
        total += candidates / _FACTOR**rung
        candidates = math.ceil(candidates / _FACTOR)
    return total


def _shared(problem: Problem) -> dict[str, Any]:
    return {
        "scoring": _SCORERS[problem.experiment.objective.metric],
        "cv": [(fold.fitted, fold.held_out) for fold in problem.sample.folds],
        "n_jobs": fitting.cores(),
        "refit": False,
        "random_state": problem.sample.seed,
    }


def _winner(problem: Problem, found: Any) -> dict[str, Any]:
    prefix = "estimator__"
    return own(problem.experiment, {name.removeprefix(prefix): value for name, value in found.best_params_.items()})


def _distributions(space: SearchSpace) -> dict[str, Any]:
    return {
        f"estimator__{name}": list(kind.values) if isinstance(kind, ValueChoice) else _Drawn(kind)
        for name, kind in space.items()
    }


@dataclass(frozen=True)
class _Drawn:
    """Random numbers of a range as Optuna draws them: whole ones are rounded, each with an interval around it."""

    kind: NumberRange

    def rvs(self, random_state: np.random.RandomState) -> float | int:
        """One of them."""
        kind = self.kind
        half = 0.5 if kind.whole else 0.0
        low, high = kind.low - half, kind.high + half
        scale = loguniform(low, high) if kind.log else uniform(low, high - low)
        drawn = float(scale.rvs(random_state=random_state))
        return int(kind.near(drawn)) if kind.whole else drawn
