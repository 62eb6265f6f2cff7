"""Suggestions for the next trials: Katib's algorithms, in this process.

Katib runs each algorithm as a service: random and tpe by Hyperopt, grid and multivariate-tpe by Optuna, cmaes and sobol
by Goptuna, bayesianoptimization by scikit-optimize, hyperband by code of its own. Here Optuna stands in for the first
three; ``bayes`` and ``hyperband`` hold the other two.
"""

import itertools
import math
import random
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, QMCSampler, RandomSampler, TPESampler

from headrace.core.fitting import unheard
from headrace.experiments.experiment import Experiment
from headrace.experiments.parameters import OneOf, Range, points

Asked = tuple[int, dict[str, Any]]

# Hyperopt counts at most so many of its trials among the good ones.
_MOST_GOOD = 25


class Suggestions(Protocol):
    """An algorithm at work.

    Those that were asked for are told in the order of their numbers; the same Experiment, seed, scores and order of
    asking and telling give the same suggestions.

    Attributes:
        waits: Whether all that were asked for must be told before more are asked for.
    """

    waits: bool

    def ask(self, count: int) -> list[Asked]:
        """Numbers and values of at most so many further trials, at least one; none when there are no more."""

    def tell(self, number: int, score: float | None) -> None:
        """Tell how good a trial was; None for one without a score, or with a partial one."""


def make(experiment: Experiment, *, seed: int) -> Suggestions:
    """Start an Experiment's algorithm.

    Args:
        experiment: Space, objective, algorithm and settings.
        seed: Seed; each Experiment draws its own numbers from it, unless its ``random_state`` is set.
    """
    # A checksum instead of hash(), which differs from one process to the next.
    own = (seed + zlib.crc32(f"{experiment.name}/{experiment.family}".encode())) % 2**32
    own = int(experiment.settings.get("random_state", own))
    if experiment.algorithm == "grid":
        return Grid(experiment, own)
    if experiment.algorithm == "bayesianoptimization":
        from headrace.experiments.bayes import Bayes  # noqa: PLC0415 - scikit-optimize is slow to import

        return Bayes(experiment, own)
    if experiment.algorithm == "hyperband":
        from headrace.experiments.hyperband import Hyperband  # noqa: PLC0415 - it asks this module for random values

        return Hyperband(experiment, own)
    return Sampled(experiment, _sampler(experiment, own))


class Sampled:
    """One of Optuna's samplers."""

    waits = False

    def __init__(self, experiment: Experiment, sampler: BaseSampler) -> None:
        """Start a study.

        Args:
            experiment: Space and objective.
            sampler: The sampler.
        """
        self._space = experiment.space
        self._distributions = {name: _distribution(kind) for name, kind in experiment.space.items()}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(direction=experiment.objective.type, sampler=sampler)

    def ask(self, count: int) -> list[Asked]:
        """See ``Suggestions.ask``."""
        with unheard():
            trials = [self._study.ask(self._distributions) for _ in range(count)]
        return [(trial.number, self._values(trial.params)) for trial in trials]

    def tell(self, number: int, score: float | None) -> None:
        """See ``Suggestions.tell``."""
        state = optuna.trial.TrialState.FAIL if score is None else optuna.trial.TrialState.COMPLETE
        with unheard():
            self._study.tell(number, score, state=state)

    def _values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _value(kind, drawn[name]) for name, kind in self._space.items()}


class Grid:
    """All points of a grid, each once, in a random order, so that a small budget sees all of the space."""

    waits = False

    def __init__(self, experiment: Experiment, seed: int) -> None:
        """Lay out the grid; ``algorithms.check`` has bounded it."""
        axes = {name: points(name, kind) for name, kind in experiment.space.items()}
        found = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        random.Random(seed).shuffle(found)  # noqa: S311 - an order, not a secret
        self._coming = enumerate(found)

    def ask(self, count: int) -> list[Asked]:
        """See ``Suggestions.ask``."""
        return list(itertools.islice(self._coming, count))

    def tell(self, number: int, score: float | None) -> None:
        """See ``Suggestions.tell``; a grid learns nothing."""


def random_values(experiment: Experiment, seed: int) -> Iterator[dict[str, Any]]:
    """Values drawn at random, without end."""
    drawn = Sampled(experiment, RandomSampler(seed=seed))
    while True:
        yield drawn.ask(1)[0][1]


def _sampler(experiment: Experiment, seed: int) -> BaseSampler:
    with unheard():
        return _SAMPLERS[experiment.algorithm](experiment.settings, seed)


def _tpe(settings: Mapping[str, Any], seed: int) -> BaseSampler:
    """Hyperopt's settings as Optuna's: its share of good trials grows with the root of their number."""
    share = settings.get("gamma")
    kind: Callable[..., TPESampler] = TPESampler
    if share is not None:
        kind = partial(TPESampler, gamma=lambda n: min(math.ceil(share * math.sqrt(n)), _MOST_GOOD))
    return kind(
        seed=seed,
        prior_weight=float(settings.get("prior_weight", 1.0)),
        n_ei_candidates=int(settings.get("n_EI_candidates", 24)),
        multivariate=False,  # Hyperopt's draws each parameter by itself
        constant_liar=True,
    )


def _multivariate(settings: Mapping[str, Any], seed: int) -> BaseSampler:
    return TPESampler(
        seed=seed,
        n_startup_trials=int(settings.get("n_startup_trials", 10)),
        n_ei_candidates=int(settings.get("n_ei_candidates", 24)),
        multivariate=True,
        constant_liar=True,
    )


def _cmaes(settings: Mapping[str, Any], seed: int) -> BaseSampler:
    sigma = settings.get("sigma")
    return CmaEsSampler(
        seed=seed,
        n_startup_trials=0,
        sigma0=None if sigma is None else float(sigma),
        warn_independent_sampling=False,
    )


def _sobol(_: Mapping[str, Any], seed: int) -> BaseSampler:
    return QMCSampler(
        qmc_type="sobol", scramble=False, seed=seed, warn_independent_sampling=False, warn_asynchronous_seeding=False
    )


_SAMPLERS: Mapping[str, Callable[[Mapping[str, Any], int], BaseSampler]] = {
    "random": lambda _, seed: RandomSampler(seed=seed),
    "tpe": _tpe,
    "multivariate-tpe": _multivariate,
    "cmaes": _cmaes,
    "sobol": _sobol,
}


def _distribution(kind: Range | OneOf) -> BaseDistribution:
    if isinstance(kind, OneOf):
        return CategoricalDistribution(kind.values)
    if kind.bell:
        return FloatDistribution(0.0, 1.0)
    if kind.log and kind.step:  # Optuna draws no such steps: the nearest one is taken, as by Hyperopt
        return FloatDistribution(kind.low, kind.high, log=True)
    if kind.whole:
        return IntDistribution(int(kind.low), int(kind.last), log=kind.log, step=int(kind.step or 1))
    return FloatDistribution(kind.low, kind.last, log=kind.log, step=kind.step)


def _value(kind: Range | OneOf, drawn: Any) -> Any:
    if isinstance(kind, Range) and kind.bell:
        found = kind.value(float(drawn))
        return int(found) if kind.whole else found
    if isinstance(kind, Range) and kind.log and kind.step:
        return int(kind.near(drawn)) if kind.whole else kind.near(drawn)
    return drawn
