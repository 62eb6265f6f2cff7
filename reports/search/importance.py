"""How much of the scores' spread each parameter explains by itself, from the trials alone.

Functional analysis of variance over a random forest of the trials (Hutter, Hoos, Leyton-Brown 2014, An Efficient
Approach for Assessing Hyperparameter Importance), as Optuna computes it. The forest sees where each value lies on its
axis, so that what was searched on a logarithmic scale counts on one.
"""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headrace.reports.base import number_format
from headrace.reports.search.space import FamilySpace, ParameterAxis

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

FEWEST = 10
_MOST = 200  # the time grows with the square of the trials
_TREES = 16


@dataclass(frozen=True)
class ParameterImportance:
    """Importance of the parameters of a family.

    Attributes:
        shares: Name and share of each, the most important first; they add up to 1. Empty if it cannot be computed.
        sentence: The number of trials behind it, or why it cannot be computed.
    """

    shares: tuple[tuple[str, float], ...]
    sentence: str


def importance(space: FamilySpace) -> ParameterImportance:
    """Compute the importance of the parameters that varied.

    Args:
        space: The trials of one family; those that ran to their end count.

    Returns:
        The importance; the same for the same trials.
    """
    done = [place for place, trial in enumerate(space.trials) if trial.finished is not None]
    axes = [axis for axis in space.axes if len({axis.places[place] for place in done}) > 1]
    if not done:
        return ParameterImportance((), "No trial ran to its end: importance cannot be computed.")
    if len(axes) < 2:
        only = f"Only {axes[0].name} varied" if axes else "No parameter varied"
        return ParameterImportance((), f"{only}, so that there is nothing to compare.")
    if len(done) < FEWEST:
        return ParameterImportance(
            (), f"Importance needs at least {FEWEST} trials that ran to their end; there {_are(len(done))}."
        )
    if len({space.trials[place].finished for place in done}) == 1:
        return ParameterImportance((), "All trials have the same score: no parameter mattered.")
    some = done[:: -(-len(done) // _MOST)]
    shares = _fanova(space, axes, some)
    text = f"From {number_format.count(len(some))} trials that ran to their end"
    return ParameterImportance(shares, text + ("; a rough guide." if len(some) < 10 * len(axes) else "."))


def _are(count: int) -> str:
    return f"is {count}" if count == 1 else f"are {count}"


def _fanova(space: FamilySpace, axes: list[ParameterAxis], places: list[int]) -> tuple[tuple[str, float], ...]:
    """Compute Optuna's importance on a study built from the trials."""
    with warnings.catch_warnings():
        # Optuna imports tqdm.auto, which warns in a notebook without ipywidgets of a bar that nobody asked for.
        warnings.filterwarnings("ignore", "IProgress not found")
        import optuna  # noqa: PLC0415 - and it is slow to import, for few searches have so many trials
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # noqa: PLC0415
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study()
    distributions = {str(number): _distribution(axis) for number, axis in enumerate(axes)}
    for place in places:
        params = {
            str(number): axis.labels[place] if axis.kind == "categories" else axis.places[place]
            for number, axis in enumerate(axes)
        }
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=space.trials[place].finished)
        )
    importances = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=_TREES, seed=0))
    shares = [(axis.name, float(importances.get(str(number), 0.0))) for number, axis in enumerate(axes)]
    return tuple(sorted(shares, key=lambda share: -share[1]))


def _distribution(axis: ParameterAxis) -> "BaseDistribution":
    from optuna.distributions import CategoricalDistribution, FloatDistribution  # noqa: PLC0415 - as above

    if axis.kind == "categories":
        return CategoricalDistribution(sorted(set(axis.labels)))
    return FloatDistribution(0.0, 1.0)
