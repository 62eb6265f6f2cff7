"""Suggestions for the next trials: Katib's algorithms, in this process.

Katib runs each algorithm as a service: random and tpe by Hyperopt, grid and multivariate-tpe by Optuna, cmaes and sobol
by Goptuna, bayesianoptimization by scikit-optimize, hyperband by code of its own. Here Optuna replaces the first three;
``bayes`` and ``hyperband`` have the other two.
"""

import itertools
import random
import zlib
from typing import Protocol

from headrace.experiments.search.hyperband import HyperbandSuggestions
from headrace.experiments.search.samplers import SampledSuggestions, SuggestedTrial, sampler
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.space.search_space import points


class Suggestions(Protocol):
    """A running algorithm.

    The scores of suggestions are reported in the order of their numbers; the same Experiment, seed, scores and order of
    calls give the same suggestions.

    Attributes:
        waits: Whether all open suggestions must have their score reported before ``ask`` is called again.
    """

    waits: bool

    def ask(self, count: int) -> list[SuggestedTrial]:
        """Return numbers and values of 1 to ``count`` further trials; an empty list when there are no more."""

    def tell(self, number: int, score: float | None) -> None:
        """Record the score of a trial; None for one without a score, or with a partial one."""


def make(experiment: Experiment, *, seed: int) -> Suggestions:
    """Start an Experiment's algorithm.

    Args:
        experiment: Space, objective, algorithm and settings.
        seed: Seed; each Experiment draws its own numbers from it, unless its ``random_state`` is set.
    """
    # A checksum instead of hash(), which differs between processes.
    own = (seed + zlib.crc32(f"{experiment.name}/{experiment.family}".encode())) % 2**32
    own = int(experiment.settings.get("random_state", own))
    if experiment.algorithm == "grid":
        return GridSuggestions(experiment, own)
    if experiment.algorithm == "bayesianoptimization":
        from headrace.experiments.search.bayes import BayesianSuggestions  # noqa: PLC0415 - scikit-optimize is slow to import

        return BayesianSuggestions(experiment, own)
    if experiment.algorithm == "hyperband":
        return HyperbandSuggestions(experiment, own)
    return SampledSuggestions(experiment, sampler(experiment, own))


class GridSuggestions:
    """All points of a grid, each once, in a random order, so that a small budget sees all of the space."""

    waits = False

    def __init__(self, experiment: Experiment, seed: int) -> None:
        """Enumerate the grid, whose size ``algorithms.check`` has limited."""
        axes = {name: points(name, kind) for name, kind in experiment.space.items()}
        grid = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
        random.Random(seed).shuffle(grid)  # noqa: S311 - an order, not a secret
        self._coming = enumerate(grid)

    def ask(self, count: int) -> list[SuggestedTrial]:
        """See ``Suggestions.ask``."""
        return list(itertools.islice(self._coming, count))

    def tell(self, number: int, score: float | None) -> None:
        """See ``Suggestions.tell``; a grid learns nothing."""
