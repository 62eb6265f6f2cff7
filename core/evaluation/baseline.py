"""The baseline: predictions without looking at a row, the least that a model must beat."""

import numpy as np

from headrace.core.contracts.contract import Contract
from headrace.core.features.matrix_layout import classes, positive
from headrace.core.features.model_matrix import Target
from headrace.core.statistics.weighted_metrics import EvaluatedRows


def kind(contract: Contract) -> str:
    """Describe in words what the baseline predicts."""
    if contract.task == "regression":
        return "mean of the training rows"
    return "most frequent class, and shares of the classes, of the training rows"


def predict(train_target: Target, test_target: Target, contract: Contract) -> EvaluatedRows:
    """Predict the same for each test row, from the targets of the training rows.

    Args:
        train_target: Encoded targets (n,) of the training rows.
        test_target: Encoded targets (m,) of the test rows, which the result holds as the actual values.
        contract: The contract, for task and classes.

    Returns:
        The predictions for the m test rows, with their actual values.
    """
    rows = len(test_target)
    if contract.task == "regression":
        return EvaluatedRows(task="regression", actual=test_target, values=np.full(rows, train_target.mean()))
    shares = np.bincount(train_target.astype(np.int64), minlength=len(classes(contract))) / len(train_target)
    return EvaluatedRows(
        task=contract.task,
        actual=test_target,
        probabilities=np.tile(shares, (rows, 1)),
        labels=np.full(rows, shares.argmax()),
        positive=positive(contract),
    )
