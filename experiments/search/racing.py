"""Racing: a family whose best trial loses clearly against the best of all gets no more trials (Maron and Moore 1997).

Clearly means by a paired t-test over the folds, which all trials share, one-sided at 5 %, with the variance that shared
training rows call for (Nadeau and Bengio 2003). The trials that it would have had go to the families that remain.
"""

import math
from collections.abc import Sequence

from scipy.stats import t

from headrace.core.evaluation.search_trials import Trial
from headrace.experiments.space.experiment import Objective

FEWEST_TRIALS = 2
"""Completed trials of a family before it can lose: its defaults, and one more."""
_LEVEL = 0.95


def is_clearly_worse(scores: Sequence[float], best: Sequence[float], objective: Objective) -> bool:
    """Return whether scores on folds are worse than others on the same folds, beyond what chance explains.

    Args:
        scores: Score on each fold (k,).
        best: Scores of the other model on the same folds (k,).
        objective: What the scores are, and which way is better.

    Returns:
        False if fewer than two folds are common to both.
    """
    count = len(scores)
    if count != len(best) or count < 2:
        return False
    sign = 1.0 if objective.type == "maximize" else -1.0
    gains = [sign * (other - own) for own, other in zip(scores, best, strict=True)]
    mean = math.fsum(gains) / count
    variance = math.fsum((gain - mean) ** 2 for gain in gains) / (count - 1)
    # The rows that two models are fitted on overlap, by all folds but two.
    error = math.sqrt(variance * (1 / count + 1 / (count - 1)))
    return mean > error * float(t.ppf(_LEVEL, count - 1))


def has_lost(own: Sequence[Trial], best: Trial, objective: Objective) -> bool:
    """Return whether a family has lost the race.

    Args:
        own: Its trials.
        best: The best trial of all families.
        objective: The objective.
    """
    completed = [trial for trial in own if trial.won and trial.score is not None]
    if len(completed) < FEWEST_TRIALS or any(trial.number == best.number for trial in completed):
        return False
    sign = -1.0 if objective.type == "maximize" else 1.0
    own_best = min(completed, key=lambda trial: (sign * (trial.score or 0.0), trial.number))
    return is_clearly_worse(own_best.scores, best.scores, objective)


def share_places(places: int, racers: int) -> list[int]:
    """Return how many of the trials that run side by side each remaining family has, the first of them more."""
    return [places // racers + (place < places % racers) for place in range(racers)]
