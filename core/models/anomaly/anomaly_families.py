"""The families of the task ``anomaly`` that scikit-learn fits."""

from collections.abc import Sequence
from typing import Any

from sklearn.ensemble import IsolationForest

from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import preprocessing
from headrace.core.models.anomaly.robust_covariance import RobustCovariance
from headrace.core.models.family import Family, Values
from headrace.core.models.hyperparameters import FloatParameter, IntegerParameter


def _isolation_forest(_: bool, values: Values, seed: int) -> Any:
    return IsolationForest(**values, random_state=seed)


def _robust_covariance(_: bool, values: Values, seed: int) -> Any:
    return RobustCovariance(**values, random_state=seed)


def _dense(columns: Sequence[MatrixColumn]) -> Any:
    return preprocessing.scale(columns, dense=True)


ANOMALY_FAMILIES: tuple[Family, ...] = (
    Family(
        name="isolation_forest",
        tasks=("anomaly",),
        parameters={
            "n_estimators": IntegerParameter(100, low=1, high=5000),
            "max_samples": IntegerParameter(256, low=2, high=100_000),
        },
        prepare=preprocessing.impute,
        estimator=_isolation_forest,
    ),
    Family(
        name="robust_covariance",
        tasks=("anomaly",),
        parameters={
            "support_fraction": FloatParameter(0.75, low=0.5, high=1.0),
            "shrinkage": FloatParameter(0.01, low=1e-6, high=1.0),
        },
        prepare=_dense,
        estimator=_robust_covariance,
    ),
)
