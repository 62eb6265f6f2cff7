"""A family that is a deep network."""

from collections.abc import Sequence
from dataclasses import dataclass

from sklearn.pipeline import Pipeline

from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.family import Family, Values
from headrace.core.models.networks import training_process
from headrace.core.models.networks.network_estimator import NetworkClassifier, NetworkRegressor

FRAMEWORK = "keras"


@dataclass(frozen=True)
class NetworkFamily(Family):
    """A family that a network of ``headrace.deep`` stands for; the name of both is the same."""

    def check_installed(self) -> None:
        """Raise if the library that fits networks is not installed; see ``training_process.versions``."""
        training_process.versions()

    def check_columns(self, columns: Sequence[MatrixColumn]) -> None:
        """Raise if the network cannot take these columns.

        Raises:
            InputError: If it cannot.
        """

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline; see ``Family``. The network prepares the columns itself."""
        pipeline = super().build(columns, task=task, parameters=parameters, seed=seed)
        self.check_columns(columns)
        kind = NetworkRegressor if task == "regression" else NetworkClassifier
        values = self.check_parameters(parameters)
        pipeline.set_params(estimator=kind(self.name, tuple(columns), values, seed))
        return pipeline


def as_it_is(_: Sequence[MatrixColumn]) -> str:
    """Leave the matrix as it is."""
    return "passthrough"


def later(*_: object) -> str:
    """Stand for the estimator, which needs the columns."""
    return "passthrough"
