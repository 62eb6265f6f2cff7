"""A search over several families, one Experiment each, taking turns."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.core import families
from headrace.core.errors import DataError, InputError, shown
from headrace.core.parameters import Choice
from headrace.experiments import trial
from headrace.experiments.budget import Budget
from headrace.experiments.experiment import Experiment, Objective
from headrace.experiments.parameters import OneOf
from headrace.experiments.suggestion import Suggestions
from headrace.experiments.trial import Sample, Trial

Listener = Callable[[Trial], None]


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        trials: All trials in order.
        best: The best one; of equals the first.
        predictions: Out-of-fold predictions of the best one.
    """

    trials: tuple[Trial, ...]
    best: Trial
    predictions: NDArray[np.float64]


@dataclass(frozen=True)
class Plan:
    """What is searched.

    Attributes:
        experiments: One for each family, with the same objective.
        budget: How long.
        seed: Seed of suggestions and fits.
        defaults: Whether the first trial of each family has the family's defaults.
    """

    experiments: Sequence[Experiment]
    budget: Budget
    seed: int = 0
    defaults: bool = True

    def __post_init__(self) -> None:
        """Refuse a space that its family does not have.

        Raises:
            InputError: If there is no experiment, or a parameter is unknown or can leave the family's bounds.
        """
        if not self.experiments:
            raise InputError("a search must have at least one family; name one.")
        for experiment in self.experiments:
            check_space(experiment)

    @property
    def objective(self) -> Objective:
        """What is searched for."""
        return self.experiments[0].objective


def check_space(experiment: Experiment) -> None:
    """Refuse parameters that the family does not have, and values that it would not take.

    Raises:
        InputError: If there are any.
    """
    family = families.family(experiment.family)
    for name, kind in experiment.space.items():
        ends = kind.values if isinstance(kind, OneOf) else (kind.low, kind.high)
        for value in ends:
            family.checked({name: value})
        if not isinstance(kind, OneOf) and isinstance(family.parameters[name], Choice):
            raise InputError(f"the parameter {shown(name)} of {experiment.family} must be categorical.")


def search(plan: Plan, sample: Sample, *, listener: Listener = lambda _: None) -> Found:
    """Run trials, family after family in turn, until the budget or the goal is reached.

    Args:
        plan: What is searched.
        sample: Rows and folds.
        listener: Called after each trial.

    Returns:
        All trials and the best one.

    Raises:
        DataError: If all trials failed.
    """
    began = time.monotonic()
    turns = [_Turn(experiment, plan) for experiment in plan.experiments]
    trials: list[Trial] = []
    best: tuple[Trial, NDArray[np.float64]] | None = None
    while (open_turns := [turn for turn in turns if turn.left > 0]) and not _reached(best, plan.objective):
        for turn in open_turns:
            if plan.budget.ended(len(trials), began) or _reached(best, plan.objective):
                return _found(trials, best)
            done, predictions = turn.take(sample, len(trials))
            trials.append(done)
            listener(done)
            if done.score is not None and (best is None or _beats(done, best[0], plan.objective)):
                best = (done, predictions)
    return _found(trials, best)


class _Turn:
    """One family's part in the search."""

    def __init__(self, experiment: Experiment, plan: Plan) -> None:
        self._family = families.family(experiment.family)
        self._suggestions = Suggestions(experiment, seed=plan.seed)
        self._defaults = plan.defaults
        self._limit = float(experiment.max_trials or np.inf)

    @property
    def left(self) -> float:
        """How many more trials it can run."""
        return min(self._limit, self._suggestions.left + self._defaults)

    def take(self, sample: Sample, number: int) -> tuple[Trial, NDArray[np.float64]]:
        """Run the next trial."""
        self._limit -= 1
        if self._defaults:
            self._defaults = False
            return self._run({}, sample, number)
        asked, parameters = self._suggestions.ask()
        done, predictions = self._run(parameters, sample, number)
        self._suggestions.tell(asked, done.score)
        return done, predictions

    def _run(self, parameters: dict[str, Any], sample: Sample, number: int) -> tuple[Trial, NDArray[np.float64]]:
        return trial.run(self._family, parameters, sample, number=number)


def _beats(trial: Trial, best: Trial, objective: Objective) -> bool:
    if trial.score is None or best.score is None:
        return trial.score is not None
    return trial.score > best.score if objective.type == "maximize" else trial.score < best.score


def _reached(best: tuple[Trial, NDArray[np.float64]] | None, objective: Objective) -> bool:
    return best is not None and best[0].score is not None and objective.reached(best[0].score)


def _found(trials: list[Trial], best: tuple[Trial, NDArray[np.float64]] | None) -> Found:
    if best is None:
        reason = trials[0].error if trials else "none could be run"
        raise DataError(
            f"at least one trial of the search must succeed; all {len(trials)} failed, the first with "
            f"{shown(reason, 300)}; try other families, or look at the columns that it names."
        )
    return Found(trials=tuple(trials), best=best[0], predictions=best[1])
