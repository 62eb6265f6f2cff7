"""Optuna's samplers with Katib's settings, over an Experiment's space."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, CmaEsSampler, QMCSampler, RandomSampler, TPESampler

from headrace.core.models.fitting import suppress_warnings
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.space.search_space import NumberRange, ValueChoice

SuggestedTrial = tuple[int, dict[str, Any]]

# Hyperopt counts at most this many of its trials among the good ones.
_MOST_GOOD = 25


class SampledSuggestions:
    """Suggestions of one of Optuna's samplers."""

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

    def ask(self, count: int) -> list[SuggestedTrial]:
        """See ``suggestion.Suggestions.ask``."""
        with suppress_warnings():
            trials = [self._study.ask(self._distributions) for _ in range(count)]
        return [(trial.number, self._values(trial.params)) for trial in trials]

    def tell(self, number: int, score: float | None) -> None:
        """See ``suggestion.Suggestions.tell``."""
        state = optuna.trial.TrialState.FAIL if score is None else optuna.trial.TrialState.COMPLETE
        with suppress_warnings():
            self._study.tell(number, score, state=state)

    def _values(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        return {name: _value(kind, drawn[name]) for name, kind in self._space.items()}


def random_values(experiment: Experiment, seed: int) -> Iterator[dict[str, Any]]:
    """Yield random values, without end."""
    drawn = SampledSuggestions(experiment, RandomSampler(seed=seed))
    while True:
        yield drawn.ask(1)[0][1]


def sampler(experiment: Experiment, seed: int) -> BaseSampler:
    """Return Optuna's sampler for an Experiment's algorithm and settings."""
    with suppress_warnings():
        return _SAMPLERS[experiment.algorithm](experiment.settings, seed)


def _tpe(settings: Mapping[str, Any], seed: int) -> BaseSampler:
    """Return Optuna's TPE with Hyperopt's settings, whose share of good trials grows with the root of their number."""
    share = settings.get("gamma")
    kind: Callable[..., TPESampler] = TPESampler
    if share is not None:
        kind = partial(TPESampler, gamma=lambda n: min(math.ceil(share * math.sqrt(n)), _MOST_GOOD))
    return kind(
        seed=seed,
        prior_weight=float(settings.get("prior_weight", 1.0)),
        n_ei_candidates=int(settings.get("n_EI_candidates", 24)),
        multivariate=False,  # Hyperopt draws each parameter independently
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


def _distribution(kind: NumberRange | ValueChoice) -> BaseDistribution:
    if isinstance(kind, ValueChoice):
        return CategoricalDistribution(kind.values)
    if kind.bell:
        return FloatDistribution(0.0, 1.0)
    if kind.log and kind.step:  # Optuna has no steps on a log scale: the value is rounded later, as Hyperopt does
        return FloatDistribution(kind.low, kind.high, log=True)
    if kind.whole:
        return IntDistribution(int(kind.low), int(kind.last), log=kind.log, step=int(kind.step or 1))
    return FloatDistribution(kind.low, kind.last, log=kind.log, step=kind.step)


def _value(kind: NumberRange | ValueChoice, drawn: Any) -> Any:
    if isinstance(kind, NumberRange) and kind.bell:
        number = kind.value(float(drawn))
        return int(number) if kind.whole else number
    if isinstance(kind, NumberRange) and kind.log and kind.step:
        return int(kind.near(drawn)) if kind.whole else kind.near(drawn)
    return drawn
