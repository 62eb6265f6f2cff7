"""Hyperband (Li et al. 2018, doi:10.5555/3122009.3242042) with Katib's settings.

A resource, such as the number of trees, is one of the parameters. Each bracket begins with many trials of a small
resource, and continues with the best ``1 / eta`` of them and ``eta`` times the resource. The counts are those of the
paper; Katib begins every bracket with as many trials as it may run at once.
"""

import math
from typing import Any

from headrace.experiments.search.samplers import random_values
from headrace.experiments.space import algorithms
from headrace.experiments.space.experiment import Experiment
from headrace.experiments.space.search_space import NumberRange


class HyperbandSuggestions:
    """Brackets of successive halving; see ``suggestion.Suggestions``."""

    waits = True  # a rung must be complete before its best trials continue

    def __init__(self, experiment: Experiment, seed: int) -> None:
        """Start the first bracket.

        Args:
            experiment: Space, objective and settings; ``algorithms.check`` has accepted them.
            seed: Seed of the random values.
        """
        settings = experiment.settings
        kind = experiment.space[str(settings["resource_name"])]
        assert isinstance(kind, NumberRange)  # noqa: S101 - checked when the Experiment was read
        self._kind, self._name = kind, str(settings["resource_name"])
        self._most, self._eta = float(settings["r_l"]), float(settings.get("eta", algorithms.ETA))
        self._largest = algorithms.brackets(self._most, self._eta)
        self._objective = experiment.objective
        self._drawn = random_values(experiment, seed)
        self._bracket, self._rung = self._largest + 1, 0
        self._suggested: list[dict[str, Any]] = []
        self._coming: list[int] = []
        self._rung_trials: list[int] = []
        self._scores: dict[int, float] = {}

    def ask(self, count: int) -> list[tuple[int, dict[str, Any]]]:
        """See ``Suggestions.ask``."""
        if not self._coming:
            self._next_rung()
        numbers, self._coming = self._coming[:count], self._coming[count:]
        return [(number, self._suggested[number]) for number in numbers]

    def tell(self, number: int, score: float | None) -> None:
        """See ``Suggestions.tell``; a trial without a score does not continue."""
        if score is not None:
            self._scores[number] = score

    def _next_rung(self) -> None:
        """Start the next rung with the best of the last one, or the next bracket after a bracket's last rung."""
        # 1e-9, because the quotient of a whole result may be just below it in floating point.
        survivors = math.floor(len(self._rung_trials) / self._eta + 1e-9)
        sign = -1.0 if self._objective.type == "maximize" else 1.0
        ranked = sorted((n for n in self._rung_trials if n in self._scores), key=lambda n: sign * self._scores[n])
        if self._rung < self._bracket <= self._largest and ranked and survivors:
            self._rung += 1
            self._start([self._suggested[number] for number in ranked[:survivors]])
        elif self._bracket > 0:
            self._bracket, self._rung = self._bracket - 1, 0
            count = math.ceil((self._largest + 1) * self._eta**self._bracket / (self._bracket + 1))
            self._start([next(self._drawn) for _ in range(count)])

    def _start(self, values: list[dict[str, Any]]) -> None:
        resource = self._kind.near(self._most * self._eta ** (self._rung - self._bracket))
        amount = int(resource) if self._kind.whole else resource
        first = len(self._suggested)
        self._suggested += [{**parameters, self._name: amount} for parameters in values]
        self._rung_trials = self._coming = list(range(first, len(self._suggested)))
