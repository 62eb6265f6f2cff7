"""A fitted model: a pipeline, the contract it was fitted under, and what made it."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core import matrix
from headrace.core.contract import Contract

FORMAT = 1


@dataclass(frozen=True)
class Prediction:
    """What a model says of n rows.

    Attributes:
        labels: The n predicted classes as text; None for a regression.
        probabilities: Matrix (n, k) of class probabilities in the order of ``Model.classes``; None for a regression.
        values: Vector (n,) of predicted numbers in the unit of the target; None for a classification.
    """

    labels: list[str] | None = None
    probabilities: NDArray[np.float64] | None = None
    values: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Model:
    """A fitted model.

    Attributes:
        pipeline: Fitted scikit-learn pipeline over the model matrix.
        contract: Contract of the table that it was fitted on.
        family: Name of the model's family, such as ``random_forest``.
        parameters: Hyperparameters that differ from the family's defaults.
        seed: Seed of everything random in the fit.
        threshold: Least probability of the positive class at which it is predicted (binary); 0.5 otherwise.
        train: ``rows`` and ``digest`` of the matrix that it was fitted on.
        operating_points: Out-of-fold errors by threshold on the training rows (binary), from which ``evaluate`` chooses.
    """

    pipeline: Any
    contract: Contract
    family: str
    parameters: dict[str, Any]
    seed: int
    threshold: float
    train: dict[str, Any]
    operating_points: tuple[Any, ...] = ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class labels in the order of the probabilities; empty for a regression."""
        return matrix.classes(self.contract)

    def predict(self, frame: pl.DataFrame) -> Prediction:
        """Predict for a typed table.

        Args:
            frame: Typed table of n rows with the contract's inputs; row features are added where they are absent, and
                columns that the model does not use (target, ids) are ignored.

        Returns:
            Labels and probabilities, or values, for the n rows in order.
        """
        raise NotImplementedError

    def with_threshold(self, threshold: float) -> "Model":
        """The same model with another decision threshold (binary)."""
        return replace(self, threshold=threshold)


def save(model: Model, folder: Path) -> None:
    """Write ``model.skops``, ``model.json`` and ``contract.yaml``; equal models give equal bytes."""
    raise NotImplementedError(asdict)


def load(folder: Path) -> Model:
    """Read a model folder; extra files (those of a bundle) are ignored."""
    raise NotImplementedError
