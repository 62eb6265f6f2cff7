"""A model that answers every row with the same, by scikit-learn's dummy estimators."""

from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.pipeline import Pipeline

from headrace.core.contracts.contract import Contract
from headrace.core.features import matrix_layout
from headrace.core.models.fitted_model import Floats, Model

FAMILY = "baseline"


def make_constant_model(
    contract: Contract, *, shares: Floats | None = None, value: float | None = None, train: dict[str, Any]
) -> Model:
    """Return a model that predicts class shares, and the most frequent class as label; or one number.

    Args:
        contract: The contract.
        shares: Share (k,) of each class, in the order of ``matrix_layout.classes``; None for a regression.
        value: The number, in the target's unit; None for a classification.
        train: ``rows`` and ``digest`` of the training rows that the answer is of.
    """
    columns = len(matrix_layout.columns(contract))
    estimator: Any
    if shares is None:
        estimator = DummyRegressor(strategy="constant", constant=value).fit(np.zeros((1, columns)), [value])
    else:
        present = np.flatnonzero(shares)  # a class without training rows gets the probability 0, as of any model
        estimator = DummyClassifier(strategy="prior").fit(
            np.zeros((len(present), columns)), present, sample_weight=shares[present]
        )
    pipeline = Pipeline([("prepare", "passthrough"), ("estimator", estimator)])
    return Model(pipeline=pipeline, contract=contract, family=FAMILY, parameters={}, seed=0, train=train)
