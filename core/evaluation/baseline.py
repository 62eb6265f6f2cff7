"""The baseline: predictions without looking at a row, the least that a model must beat."""

from dataclasses import dataclass

import numpy as np

from headrace.core.contracts.contract import Contract
from headrace.core.features.matrix_layout import classes, positive
from headrace.core.features.model_matrix import Target
from headrace.core.statistics.metrics import Floats
from headrace.core.statistics.weighted_metrics import EvaluatedRows, MetricAim


@dataclass(frozen=True)
class BaselineAnswer:
    """What the baseline answers for every row.

    Attributes:
        shares: Share of each class (k,), in the order of ``matrix_layout.classes``; None for a regression.
        value: Mean, or quantile if that is the objective, of the target, in its unit; None for a classification.
    """

    shares: Floats | None = None
    value: float | None = None

    @classmethod
    def of(cls, target: Target, contract: Contract) -> "BaselineAnswer":
        """Return the answer that encoded targets (n,) of the training rows give."""
        if contract.task == "regression":
            quantile = contract.objective == "quantile"
            return cls(value=float(np.quantile(target, contract.quantile) if quantile else target.mean()))
        return cls(np.bincount(target.astype(np.int64), minlength=len(classes(contract))) / len(target))

    def predict(self, actual: Target, contract: Contract) -> EvaluatedRows:
        """Predict the same for each of m rows.

        Args:
            actual: Encoded targets (m,) of the rows, which the result holds as the actual values.
            contract: The contract, for task and classes.
        """
        rows = len(actual)
        if self.shares is None:
            return EvaluatedRows(
                task="regression", actual=actual, values=np.full(rows, self.value), aim=MetricAim.of(contract)
            )
        return EvaluatedRows(
            task=contract.task,
            actual=actual,
            probabilities=np.tile(self.shares, (rows, 1)),
            labels=np.full(rows, self.shares.argmax()),
            positive=positive(contract),
            aim=MetricAim.of(contract),
        )


def kind(contract: Contract) -> str:
    """Describe in words what the baseline predicts."""
    if contract.task == "regression":
        if contract.objective == "quantile":
            return f"{contract.quantile:g} quantile of the training rows"
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
    return BaselineAnswer.of(train_target, contract).predict(test_target, contract)
