"""Suggestions for the next trial: Katib's algorithms by Optuna, in this process."""

import math
import warnings
import zlib
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler, GridSampler, RandomSampler, TPESampler

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
            InputError: If a grid is asked for over a space without steps.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = {name: _distribution(kind) for name, kind in experiment.space.items()}
        # A checksum instead of hash(), which differs from one process to the next.
        own = (seed + zlib.crc32(f"{experiment.name}/{experiment.family}".encode())) % 2**32
        grid = _grid(experiment) if experiment.algorithm == "grid" else {}
        self.left: float = math.prod(len(values) for values in grid.values()) if grid else math.inf
        if grid and self.left > _LARGEST_GRID:
            raise InputError(f"a grid must have at most {_LARGEST_GRID} points; got {self.left}; use larger steps.")
        self._study = optuna.create_study(
            direction=experiment.objective.type, sampler=_sampler(experiment.algorithm, grid, own)
        )

    def ask(self) -> tuple[int, dict[str, Any]]:
        """Number and parameters of the next trial."""
        trial = self._study.ask(self._space)
        self.left -= 1
        return trial.number, dict(trial.params)

    def tell(self, number: int, score: float | None) -> None:
        """Tell how good a trial was; None for a failed one."""
        state = optuna.trial.TrialState.FAIL if score is None else optuna.trial.TrialState.COMPLETE
        self._study.tell(number, score, state=state)


def _sampler(algorithm: str, grid: dict[str, list[Any]], seed: int) -> BaseSampler:
    if algorithm == "grid":
        return GridSampler(grid, seed=seed)
    if algorithm == "random":
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


def _grid(experiment: Experiment) -> dict[str, list[Any]]:
    return {name: _points(name, kind) for name, kind in experiment.space.items()}


def _points(name: str, kind: Range | OneOf) -> list[Any]:
    if isinstance(kind, OneOf):
        return list(kind.values)
    step = kind.step or (1 if kind.whole else None)
    if step is None:
        raise InputError(f"the parameter {shown(name)} must have a step to be searched on a grid; add one.")
    count = math.floor((kind.high - kind.low) / step + 1e-9) + 1
    if count > _LARGEST_GRID:
        raise InputError(f"the parameter {shown(name)} must have at most {_LARGEST_GRID} points; got {count}.")
    values = [kind.low + i * step for i in range(count)]
    return [int(value) for value in values] if kind.whole else values
