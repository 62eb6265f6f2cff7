"""The objective of a search: one number for each fold from out-of-fold predictions."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.evaluation.alerts.alert_metrics import compute_label_metrics
from headrace.core.features.matrix_layout import positive
from headrace.core.features.model_matrix import Target
from headrace.core.splits.folds import Fold
from headrace.core.statistics.weighted_metrics import EvaluatedRows, MetricAim, compute_metrics


def scores(
    target: Target, predictions: NDArray[np.float64], *, folds: Sequence[Fold], contract: Contract, metric: str
) -> list[float]:
    """Compute a metric on each fold.

    Args:
        target: Encoded target (n,).
        predictions: Out-of-fold probabilities (n, k) or values (n,).
        folds: Folds whose held-out rows are scored.
        contract: The contract, for task and positive class.
        metric: Name of a metric of the task.

    Returns:
        One number for each fold; NaN where it is not defined.
    """
    compute = compute_label_metrics if contract.task == "anomaly" else compute_metrics
    return [compute(_outcome(target[f.held_out], predictions[f.held_out], contract))[metric] for f in folds]


def _outcome(target: Target, predictions: NDArray[np.float64], contract: Contract) -> EvaluatedRows:
    if contract.answers_number:
        return EvaluatedRows(task=contract.task, actual=target, values=predictions, aim=MetricAim.of(contract))
    return EvaluatedRows(
        task=contract.task,
        actual=target,
        probabilities=predictions,
        labels=predictions.argmax(axis=1),
        positive=positive(contract),
        aim=MetricAim.of(contract),
    )
