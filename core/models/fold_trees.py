"""Boosted trees of the folds of a cross-validation, which say how many rounds the model needs."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from headrace.core.base.errors import DataError
from headrace.core.features.model_matrix import Matrix, Target
from headrace.core.models import fitting
from headrace.core.models.boosting import rounds
from headrace.core.models.boosting.rounds import FoldTrees
from headrace.core.models.fitted_model import predicted_probabilities, predicted_values
from headrace.core.models.fitting import Floats
from headrace.core.splits.folds import Fold


def grow_folds(
    make: Callable[[], Any],
    encoded: Matrix,
    target: Target,
    *,
    folds: Sequence[Fold],
    classes: int,
    pool: Executor,
    check: Callable[[], None] = lambda: None,
) -> tuple[list[FoldTrees], tuple[str, ...]]:
    """Grow the trees of each fold until the loss on the rows that it holds out no longer improves, folds in parallel.

    Args:
        make: Returns a new unfitted pipeline of boosted trees.
        encoded: Model matrix (n, p).
        target: Encoded target (n,).
        folds: Indices of the rows to fit on and to hold out.
        classes: Number of classes; 0 for a regression.
        pool: Executor of the folds.
        check: Called after each round; raises if no more are wanted.

    Returns:
        The trees of each fold, and the warnings of the libraries, each once.
    """
    grown: dict[int, FoldTrees] = {}
    with fitting.record_warnings() as messages:

        def one(fold: Fold) -> None:
            with fitting.collect_into(messages):
                grown[id(fold)] = _grow(make, encoded, target, fold, classes, check)

        fitting.run_folds(pool, one, folds)
    return [grown[id(fold)] for fold in folds], tuple(sorted(messages))


def _grow(
    make: Callable[[], Any], encoded: Matrix, target: Target, fold: Fold, classes: int, check: Callable[[], None]
) -> FoldTrees:
    rows, held = encoded[fold.fitted], encoded[fold.held_out]
    with fitting.single_threaded():
        pipeline = fitting.adapt(make(), rows)
        losses = rounds.grow(pipeline, rows, target[fold.fitted], held, target[fold.held_out], check)

    def predict(count: int) -> Floats:
        with fitting.single_threaded(), rounds.first_rounds(pipeline, count):
            found = predicted_probabilities(pipeline, held, classes) if classes else predicted_values(pipeline, held)
        if not np.isfinite(found).all():
            raise DataError("predictions must be finite numbers; this model gives others; choose another family.")
        return found

    return FoldTrees(losses, predict)
