"""The number of rounds of boosted trees, found in the folds of a cross-validation.

Each fold's trees grow until the loss on the rows that it holds out has not improved for some rounds. What a fold holds
out is predicted with the number of rounds that is best on the *other* folds, so that no row helps to choose the model
that it judges; the model of all rows gets the number that is best on all folds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PARAMETERS: Mapping[str, str] = {
    "hist_gradient_boosting": "max_iter",
    "lightgbm": "n_estimators",
    "xgboost": "n_estimators",
}
"""The parameter that is the number of rounds, by family."""

MOST_ROUNDS = 1000
PATIENCE = 20
"""Rounds without a lower loss after which a fold's trees are complete."""


@dataclass(frozen=True)
class FoldTrees:
    """The boosted trees of one fold.

    Attributes:
        losses: Loss on the rows that it holds out after each round (r,), from the first one on.
        predict: Returns what it predicts for these rows with so many rounds: probabilities (m, k) or values (m,).
    """

    losses: Floats
    predict: Callable[[int], Floats]


def best_rounds(losses: Sequence[Floats]) -> int:
    """Return the number of rounds with the lowest mean loss; the first of equals.

    Args:
        losses: Loss after each round (r,) of each fold; a fold that ended sooner counts with its last loss from there.
    """
    longest = max(len(one) for one in losses)
    padded = [np.concatenate([one, np.full(longest - len(one), one[-1])]) for one in losses]
    return int(np.mean(padded, axis=0).argmin()) + 1


def rounds_without(losses: Sequence[Floats], fold: int) -> int:
    """Return the number of rounds for a fold by the losses of the others, at most as many as it has grown.

    Args:
        losses: Loss after each round (r,) of each fold, of two at least.
        fold: Its place among them.
    """
    others = [one for place, one in enumerate(losses) if place != fold]
    return min(best_rounds(others), len(losses[fold]))


def grow(
    pipeline: Any, matrix: Floats, target: Any, held: Floats, held_target: Any, check: Callable[[], None]
) -> Floats:
    """Fit a pipeline of a preparation and boosted trees until the loss on other rows no longer improves.

    Args:
        pipeline: Unfitted, changed in place; its number of rounds is replaced.
        matrix: Rows that it is fitted on (n, p).
        target: Their encoded target (n,).
        held: Other rows (m, p).
        held_target: Their encoded target (m,).
        check: Called after each round; raises if no more are wanted.

    Returns:
        Loss on the other rows after each round (r,).
    """
    prepare, trees = pipeline[0], pipeline[-1]
    prepared = prepare.fit_transform(matrix, target)
    watched = prepare.transform(held)
    if hasattr(trees, "max_iter"):
        trees.set_params(max_iter=MOST_ROUNDS, early_stopping=True, n_iter_no_change=PATIENCE, scoring="loss", tol=0.0)
        with _after_each_round(trees, check):
            trees.fit(prepared, target, X_val=watched, y_val=held_target)
        # Its first score is that of no tree.
        return -np.asarray(trees.validation_score_, dtype=np.float64)[1:]
    trees.set_params(n_estimators=MOST_ROUNDS)
    trees.fit(prepared, target, watched, held_target, patience=PATIENCE, check=check)
    return np.asarray(trees.validation_losses_, dtype=np.float64)


@contextmanager
def _after_each_round(trees: Any, check: Callable[[], None]) -> Iterator[None]:
    """Call a function after each round of scikit-learn's trees, which have no callbacks."""
    decide = trees._should_stop  # noqa: SLF001 - called with the scores after each round

    def decide_and_check(scores: Any) -> bool:
        check()
        return bool(decide(scores))

    trees._should_stop = decide_and_check  # noqa: SLF001
    try:
        yield
    finally:
        del trees._should_stop  # noqa: SLF001


@contextmanager
def first_rounds(pipeline: Any, rounds: int) -> Iterator[None]:
    """Let a fitted pipeline predict with its first rounds only."""
    trees = pipeline[-1]
    grown = trees._predictors  # noqa: SLF001 - no public way to predict by the first trees alone
    trees._predictors = grown[:rounds]  # noqa: SLF001
    try:
        yield
    finally:
        trees._predictors = grown  # noqa: SLF001
