"""The families of H2O: boosting, a linear model, a deep network, AutoML's leader, and two that find anomalies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.family import ALL_TASKS, CLASSIFICATION, Family, Values
from headrace.core.models.h2o import h2o_server
from headrace.core.models.h2o.h2o_estimator import H2OEstimator
from headrace.core.models.h2o.h2o_table import plan_table
from headrace.core.models.h2o.mojo_anomaly_estimator import H2OAnomalyEstimator
from headrace.core.models.hyperparameters import CategoricalParameter, FloatParameter, IntegerParameter

FRAMEWORK = "h2o"


@dataclass(frozen=True)
class H2OFamily(Family):
    """A family that H2O fits.

    Attributes:
        algorithm: Name of the algorithm; see ``H2OEstimator``.
        convert: Turns the hyperparameters into those of H2O's client.
    """

    algorithm: str = ""
    convert: Callable[[Values], dict[str, Any]] = dict

    def check_installed(self) -> None:
        """Raise if H2O or Java is not installed; see ``h2o_server.check_installed``."""
        h2o_server.check_installed()

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline; see ``Family``. H2O prepares the columns itself."""
        pipeline = super().build(columns, task=task, parameters=parameters, seed=seed)
        has_target = task != "anomaly"
        table = plan_table(columns, classify=task in CLASSIFICATION, has_target=has_target)
        values = self.convert(self.check_parameters(parameters))
        kind = H2OEstimator if has_target else H2OAnomalyEstimator
        pipeline.set_params(estimator=kind(self.algorithm, table, values, seed))
        return pipeline


def _as_it_is(_: Sequence[MatrixColumn]) -> Any:
    return "passthrough"


def _later(*_: Any) -> Any:
    """Stand for the estimator, which needs the columns."""
    return "passthrough"


def _network(values: Values) -> dict[str, Any]:
    rest = {name: value for name, value in values.items() if not name.startswith("hidden_")}
    layers = [values["hidden_units"]] * values["hidden_layers"]
    # Otherwise threads would add to the weights as they come.
    return {**rest, "hidden": layers, "reproducible": True}


def _linear(values: Values) -> dict[str, Any]:
    return {"alpha": values["alpha"], "lambda_": values["lambda"]}


def _automl(values: Values) -> dict[str, Any]:
    return {"max_models": values["max_models"], "max_runtime_secs": values["max_seconds"]}


H2O_FAMILIES: tuple[Family, ...] = (
    H2OFamily(
        name="h2o_gbm",
        tasks=ALL_TASKS,
        parameters={
            "ntrees": IntegerParameter(50, low=1, high=5000),
            "max_depth": IntegerParameter(5, low=1, high=30),
            "min_rows": IntegerParameter(10, low=1, high=100_000),
            "learn_rate": FloatParameter(0.1, low=1e-6, high=1.0),
            "sample_rate": FloatParameter(1.0, low=0.01, high=1.0),
            "col_sample_rate": FloatParameter(1.0, low=0.01, high=1.0),
        },
        prepare=_as_it_is,
        estimator=_later,
        framework=FRAMEWORK,
        algorithm="gbm",
    ),
    H2OFamily(
        name="h2o_glm",
        tasks=ALL_TASKS,
        parameters={
            "alpha": FloatParameter(0.5, low=0.0, high=1.0),
            "lambda": FloatParameter(1e-3, low=0.0, high=1e3),
        },
        prepare=_as_it_is,
        estimator=_later,
        framework=FRAMEWORK,
        algorithm="glm",
        convert=_linear,
    ),
    H2OFamily(
        name="h2o_deep_learning",
        tasks=ALL_TASKS,
        parameters={
            "hidden_layers": IntegerParameter(2, low=1, high=10),
            "hidden_units": IntegerParameter(50, low=1, high=5000),
            "epochs": FloatParameter(10.0, low=0.01, high=10_000.0),
            "l2": FloatParameter(0.0, low=0.0, high=1.0),
            "activation": CategoricalParameter("Rectifier", options=("Rectifier", "Tanh", "Maxout")),
        },
        prepare=_as_it_is,
        estimator=_later,
        framework=FRAMEWORK,
        algorithm="deeplearning",
        convert=_network,
    ),
    H2OFamily(
        name="h2o_automl",
        tasks=ALL_TASKS,
        parameters={
            "max_models": IntegerParameter(5, low=1, high=1000),
            "max_seconds": IntegerParameter(0, low=0, high=604_800),
        },
        prepare=_as_it_is,
        estimator=_later,
        framework=FRAMEWORK,
        algorithm="automl",
        convert=_automl,
    ),
    H2OFamily(
        name="h2o_isolation_forest",
        tasks=("anomaly",),
        parameters={
            "ntrees": IntegerParameter(100, low=1, high=5000),
            "sample_size": IntegerParameter(256, low=2, high=100_000),
            "max_depth": IntegerParameter(20, low=1, high=30),
        },
        prepare=_as_it_is,
        estimator=_later,
        framework=FRAMEWORK,
        algorithm="isolationforest",
    ),
    H2OFamily(
        name="h2o_autoencoder",
        tasks=("anomaly",),
        parameters={
            "hidden_layers": IntegerParameter(1, low=1, high=9),
            "hidden_units": IntegerParameter(4, low=1, high=5000),
            "epochs": FloatParameter(10.0, low=0.01, high=10_000.0),
            "l2": FloatParameter(0.0, low=0.0, high=1.0),
            "activation": CategoricalParameter("Tanh", options=("Tanh", "Rectifier")),
        },
        prepare=_as_it_is,
        estimator=_later,
        framework=FRAMEWORK,
        algorithm="autoencoder",
        convert=_network,
    ),
)
