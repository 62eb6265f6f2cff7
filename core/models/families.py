"""Model families: each a scikit-learn pipeline over the model matrix."""

from collections.abc import Sequence
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Contract, Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import preprocessing
from headrace.core.models.anomaly.anomaly_families import ANOMALY_FAMILIES
from headrace.core.models.boosting.boosting_families import BOOSTING_FAMILIES
from headrace.core.models.ensembles.ensemble_family import EnsembleFamily
from headrace.core.models.ensembles.members import ENSEMBLE
from headrace.core.models.family import ALL_TASKS, CLASSIFICATION, Family, Values
from headrace.core.models.h2o.h2o_families import H2O_FAMILIES
from headrace.core.models.hyperparameters import CategoricalParameter, FloatParameter, IntegerParameter
from headrace.core.models.networks.network_families import NETWORK_FAMILIES
from headrace.core.models.networks.table_families import TABLE_FAMILIES
from headrace.core.models.objectives.build_pipeline import find_obstacle
from headrace.core.models.series.direct_linear import DIRECT_LINEAR

_WIDE = 500


def _logistic(_: bool, values: Values, seed: int) -> Any:
    return LogisticRegression(C=values["C"], max_iter=values["max_iter"], random_state=seed)


def _linear(_: bool, values: Values, seed: int) -> Any:
    return Ridge(alpha=values["alpha"], random_state=seed)


def _neighbours(classify: bool, values: Values, _: int) -> Any:
    # A neighbour tree would be one more compiled object to trust when a model is loaded.
    kind = KNeighborsClassifier if classify else KNeighborsRegressor
    return kind(**values, algorithm="brute")


def _bayes(_: bool, values: Values, __: int) -> Any:
    return GaussianNB(var_smoothing=values["var_smoothing"])


def _forest(classify: bool, values: Values, seed: int) -> Any:
    return (RandomForestClassifier if classify else RandomForestRegressor)(**values, random_state=seed)


def _boosting(classify: bool, values: Values, seed: int) -> Any:
    kind = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    # Early stopping would set rows aside at random, and splits by sets of categories have no exact form in ONNX.
    return kind(**values, early_stopping=False, categorical_features=None, random_state=seed)


def _perceptron(classify: bool, values: Values, seed: int) -> Any:
    rest = {key: value for key, value in values.items() if not key.startswith("hidden_")}
    layers = (values["hidden_units"],) * values["hidden_layers"]
    kind = MLPClassifier if classify else MLPRegressor
    network = kind(hidden_layer_sizes=layers, **rest, random_state=seed)
    return network if classify else TransformedTargetRegressor(network, transformer=StandardScaler())


def _dense(columns: Sequence[MatrixColumn]) -> Any:
    return preprocessing.scale(columns, dense=True)


_FAMILIES = (
    Family(
        name="logistic",
        tasks=CLASSIFICATION,
        parameters={
            "C": FloatParameter(1.0, low=1e-6, high=1e6),
            "max_iter": IntegerParameter(300, low=1, high=100_000),
        },
        prepare=preprocessing.scale,
        estimator=_logistic,
    ),
    Family(
        name="linear",
        tasks=("regression",),
        parameters={"alpha": FloatParameter(1.0, low=1e-9, high=1e9)},
        prepare=preprocessing.scale,
        estimator=_linear,
    ),
    Family(
        name="knn",
        tasks=ALL_TASKS,
        parameters={
            "n_neighbors": IntegerParameter(15, low=1, high=1000),
            "weights": CategoricalParameter("uniform", options=("uniform", "distance")),
        },
        prepare=preprocessing.scale,
        estimator=_neighbours,
    ),
    Family(
        name="naive_bayes",
        tasks=CLASSIFICATION,
        parameters={"var_smoothing": FloatParameter(1e-9, low=1e-15, high=1.0)},
        prepare=_dense,
        estimator=_bayes,
    ),
    Family(
        name="random_forest",
        tasks=ALL_TASKS,
        parameters={
            "n_estimators": IntegerParameter(100, low=1, high=5000),
            "max_depth": IntegerParameter(12, low=1, high=100),
            "min_samples_leaf": IntegerParameter(2, low=1, high=100_000),
            "max_features": FloatParameter(0.3, low=1e-6, high=1.0),
        },
        prepare=preprocessing.impute,
        estimator=_forest,
    ),
    Family(
        name="hist_gradient_boosting",
        tasks=ALL_TASKS,
        parameters={
            "learning_rate": FloatParameter(0.1, low=1e-6, high=1.0),
            "max_iter": IntegerParameter(100, low=1, high=10_000),
            "max_leaf_nodes": IntegerParameter(31, low=2, high=10_000),
            "min_samples_leaf": IntegerParameter(20, low=1, high=100_000),
            "l2_regularization": FloatParameter(0.0, low=0.0, high=1e6),
        },
        prepare=preprocessing.native,
        estimator=_boosting,
    ),
    Family(
        name="mlp",
        tasks=ALL_TASKS,
        parameters={
            "hidden_layers": IntegerParameter(1, low=1, high=10),
            "hidden_units": IntegerParameter(64, low=1, high=10_000),
            "alpha": FloatParameter(1e-4, low=0.0, high=1e3),
            "learning_rate_init": FloatParameter(1e-3, low=1e-8, high=1.0),
            "max_iter": IntegerParameter(200, low=1, high=100_000),
        },
        prepare=preprocessing.scale,
        estimator=_perceptron,
    ),
    *BOOSTING_FAMILIES,
    DIRECT_LINEAR,
    *H2O_FAMILIES,
    *NETWORK_FAMILIES,
    *TABLE_FAMILIES,
    *ANOMALY_FAMILIES,
)
FAMILIES: dict[str, Family] = {family.name: family for family in _FAMILIES}


def names(task: Task) -> list[str]:
    """Return the names of all families that can do the task."""
    return [family.name for family in _FAMILIES if task in family.tasks]


def defaults(task: Task, *, columns: int, contract: Contract | None = None) -> list[str]:
    """Return the names of the families that are tried by default: those that are fast at any size.

    Args:
        task: Kind of task.
        columns: Number of columns of the matrix; boosting, whose time grows with them, is left out of wide tables.
        contract: Contract whose objective and constraints they must be able to fit; None for the mean, without any.
    """
    if task == "anomaly":
        return ["isolation_forest"] if columns > _WIDE else ["isolation_forest", "robust_covariance"]
    names = ["linear" if task == "regression" else "logistic", "random_forest"]
    names = names if columns > _WIDE else [*names, "hist_gradient_boosting"]
    return [name for name in names if contract is None or not find_obstacle(name, contract)]


def family(name: str) -> Family:
    """Return the family of that name.

    Raises:
        InputError: If there is no such family.
    """
    if name == ENSEMBLE:
        return EnsembleFamily(family)
    if name not in FAMILIES:
        raise InputError(f"a model family must be one of {sorted(FAMILIES)}; got {quote(name)} instead.")
    return FAMILIES[name]
