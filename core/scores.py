"""The objective of a search: one number from out-of-fold predictions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.core import metrics
from headrace.core.contract import Contract
from headrace.core.folds import Fold
from headrace.core.matrix import Target, positive


def scores(
    target: Target, predictions: NDArray[np.float64], *, folds: Sequence[Fold], contract: Contract
) -> list[float]:
    """The task's main metric on each fold.

    Args:
        target: Encoded target (n,).
        predictions: Out-of-fold probabilities (n, k) or values (n,).
        folds: Folds whose held-out rows are scored.
        contract: Says which task it is and which class is positive.

    Returns:
        One number for each fold; NaN where it is not defined.
    """
    return [_score(target[fold.held_out], predictions[fold.held_out], contract) for fold in folds]


def _score(target: Target, predictions: NDArray[np.float64], contract: Contract) -> float:
    if contract.task == "regression":
        return float(np.sqrt(np.mean(metrics.squared_errors(target.astype(np.float64), predictions))))
    if contract.task == "binary":
        index = positive(contract)
        return metrics.roc_auc(target == index, predictions[:, index])
    return float(np.mean(metrics.log_losses(target.astype(np.int64), predictions)))
