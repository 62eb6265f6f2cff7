"""Suggestions for the next trial: Katib's algorithms by Optuna, in this process."""

import itertools
import math
import random
import warnings
import zlib
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from headrace.core.errors import InputError, shown
from headrace.experiments.experiment import Experiment
from headrace.experiments.parameters import OneOf, Range

_LARGEST_GRID = 100_000


class Suggestions:
    """Asks an algorithm for parameters and tells it how good they were.

    Attributes:
        left: How many suggestions the algorithm can still make; infinite unless it is a grid.
    """

    def __init__(self, experiment: Experiment, *, seed: int) -> None:
        """Start a search.

        Args:
            experiment: Space, objective and algorithm.
            seed: Seed; each Experiment draws its own numbers from it.

        Raises:
            InputError: If a grid is asked for over a space without steps, or of too many points.
        """
        # A checksum instead of hash(), which differs from one process to the next.
        own = (seed + zlib.crc32(f"{experiment.name}/{experiment.family}".encode())) % 2**32
        self._space = {name: _distribution(kind) for name, kind in experiment.space.items()}
        self._grid = _grid(experiment, own) if experiment.algorithm == "grid" else []
        self.left: float = len(self._grid) or math.inf
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._study = optuna.create_study(
            direction=experiment.objective.type, sampler=_sampler(experiment.algorithm, own)
        )

    def ask(self) -> tuple[int, dict[str, Any]]:
        """Number and parameters of the next trial; there must be one left."""
        self.left -= 1
        if self._grid:
            self._study.enqueue_trial(self._grid[-1 - int(self.left)])
        trial = self._study.ask(self._space)
        return trial.number, dict(trial.params)

    def tell(self, number: int, score: float | None) -> None:
        """Tell how good a trial was; None for a failed one."""
        state = optuna.trial.TrialState.FAIL if score is None else optuna.trial.TrialState.COMPLETE
        self._study.tell(number, score, state=state)


def _sampler(algorithm: str, seed: int) -> BaseSampler:
    if algorithm in {"random", "grid"}:
        return RandomSampler(seed=seed)
    with warnings.catch_warnings():
        # The multivariate form is marked as one whose interface may change; nothing of it is used but the flag.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(seed=seed, multivariate=algorithm == "multivariate-tpe")


def _distribution(kind: Range | OneOf) -> BaseDistribution:
    if isinstance(kind, OneOf):
        return CategoricalDistribution(kind.values)
    if kind.whole:
        return IntDistribution(int(kind.low), int(kind.high), log=kind.log, step=int(kind.step or 1))
    return FloatDistribution(kind.low, kind.high, log=kind.log, step=kind.step)


def _grid(experiment: Experiment, seed: int) -> list[dict[str, Any]]:
    """All points of the grid in a random order, so that a small budget sees all of the space."""
    axes = {name: _points(name, kind) for name, kind in experiment.space.items()}
    size = math.prod(len(values) for values in axes.values())
    if size > _LARGEST_GRID:
        raise InputError(f"a grid must have at most {_LARGEST_GRID} points; got {size}; use larger steps.")
    points = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    random.Random(seed).shuffle(points)  # noqa: S311 - an order, not a secret
    return points


def _points(name: str, kind: Range | OneOf) -> list[Any]:
    if isinstance(kind, OneOf):
        return list(kind.values)
    step = kind.step or (1 if kind.whole else None)
    if step is None:
        raise InputError(f"the parameter {shown(name)} must have a step to be searched on a grid; add one.")
    count = math.floor((kind.high - kind.low) / step + 1e-9) + 1
    if count > _LARGEST_GRID:
        raise InputError(f"the parameter {shown(name)} must have at most {_LARGEST_GRID} points; got {count}.")
    values = [min(kind.low + i * step, kind.high) for i in range(count)]
    return [int(value) for value in values] if kind.whole else values
