"""Weights of trials in an ensemble, from their out-of-fold predictions.

Two methods. *Greedy* (Caruana, Niculescu-Mizil, Crew and Ksikes 2004, Ensemble Selection from Libraries of Models): the
best trial first, then again and again the trial, each as often as it helps, that improves the mean most. *Stacking*
(Wolpert 1992; Breiman 1996, Stacked Regressions): the weights, none below 0 and together 1, that minimise the log loss
or the squared error, with a penalty on their distance from equal ones.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

Floats = NDArray[np.float64]
Loss = Callable[[Floats], float]
Method = Literal["greedy", "stacking"]

MOST_MEMBERS = 5
_ROUNDS = 20
_STEPS = 300
# Strength of the penalty, in rows: as much as one row of each member.
_PENALTY = 1.0
_LEAST_WEIGHT = 1e-3
_DIGITS = 6
# A gain below this is a rounding error.
_LEAST_GAIN = 1e-12


def greedy(predictions: Sequence[Floats], loss: Loss, *, most: int = MOST_MEMBERS) -> Floats:
    """Choose weights by greedy selection with replacement.

    Args:
        predictions: For each of t trials probabilities (n, k) or values (n,).
        loss: Returns the loss of a mean of them; less is better.
        most: Largest number of members.

    Returns:
        Weights (t,), at most ``most`` above 0; the first of equal trials is chosen.
    """
    alone = [loss(one) for one in predictions]
    first = int(np.argmin(alone))
    counts, total, least = np.zeros(len(predictions)), predictions[first].copy(), alone[first]
    counts[first] = 1
    best = counts.copy()
    for size in range(2, _ROUNDS + 1):
        full = int((counts > 0).sum()) >= most
        open_places = [place for place in range(len(predictions)) if counts[place] or not full]
        losses = [loss((total + predictions[place]) / size) for place in open_places]
        chosen = open_places[int(np.argmin(losses))]
        counts[chosen] += 1
        total = total + predictions[chosen]
        # Later rounds may be better than the next one, so that the best of all is returned, not the last.
        if min(losses) < least - _LEAST_GAIN:
            least, best = min(losses), counts.copy()
    weights: Floats = best / best.sum()
    return weights


def stack(
    predictions: Sequence[Floats], target: NDArray[np.float64] | NDArray[np.int64], *, most: int = MOST_MEMBERS
) -> Floats:
    """Choose weights by penalised minimisation, first of all trials, then of those with the largest weights.

    Args:
        predictions: For each of t trials probabilities (n, k) or values (n,) of the rows to learn from.
        target: Encoded target (n,) of these rows.
        most: Largest number of members.

    Returns:
        Weights (t,), at most ``most`` above 0.
    """
    chosen = np.arange(len(predictions))
    weights = _minimize(predictions, target)
    if len(chosen) > most:
        chosen = np.sort(np.argsort(-weights, kind="stable")[:most])
        weights = _minimize([predictions[place] for place in chosen.tolist()], target)
    spread = np.zeros(len(predictions))
    spread[chosen] = np.where(weights < _LEAST_WEIGHT, 0.0, weights)
    return _round_weights(spread / spread.sum())


def _round_weights(weights: Floats) -> Floats:
    """Round weights that add up to 1, for the last digits of sums differ between processors."""
    rounded: Floats = np.round(weights, _DIGITS)
    largest = int(np.argmax(rounded))
    rounded[largest] = np.round(1.0 - (rounded.sum() - rounded[largest]), _DIGITS)
    return rounded


def _minimize(predictions: Sequence[Floats], target: NDArray[np.float64] | NDArray[np.int64]) -> Floats:
    if predictions[0].ndim == 1:
        return _least_squares(np.stack(predictions, axis=1), np.asarray(target, dtype=np.float64))
    rows = np.arange(len(target))
    return _most_likely(np.stack([one[rows, target.astype(np.int64)] for one in predictions], axis=1))


def _most_likely(likelihoods: Floats) -> Floats:
    """Return the weights of the mixture (n, t) with the least log loss, by expectation and maximisation.

    Each step raises the likelihood and keeps the weights above 0; the penalty is a Dirichlet prior (Dempster, Laird and
    Rubin 1977).
    """
    likelihoods = np.maximum(likelihoods, 1e-15)
    count = likelihoods.shape[1]
    weights = np.full(count, 1 / count)
    for _ in range(_STEPS):
        shares = likelihoods * weights
        weights = (shares / shares.sum(axis=1, keepdims=True)).sum(axis=0) + _PENALTY / count
        weights /= weights.sum()
    return weights


def _least_squares(values: Floats, target: Floats) -> Floats:
    """Return the weights (t,) of values (n, t) with the least squared error."""
    count = values.shape[1]
    # Errors instead of values: with weights that add up to 1 their mean is the mean's error, and no digits are lost.
    errors = values - target[:, None]
    scale = np.sqrt(np.mean(np.square(errors))) or 1.0
    penalty = np.sqrt(_PENALTY) * np.eye(count)
    sums = 1e4 * np.sqrt(len(target)) * np.ones((1, count))
    left = np.concatenate([errors / scale, penalty, sums])
    right = np.concatenate([np.zeros(len(target)), np.full(count, np.sqrt(_PENALTY) / count), sums[0, :1]])
    found, _ = nnls(left, right)
    weights: Floats = found / found.sum()
    return weights
