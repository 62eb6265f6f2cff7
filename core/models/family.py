"""A model family: a scikit-learn pipeline over the model matrix, and its hyperparameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.pipeline import Pipeline

from headrace.core.base.errors import InputError, quote
from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models.hyperparameters import CategoricalParameter, FloatParameter, IntegerParameter
from headrace.core.models.target_encoding import encode_by_target

CLASSIFICATION: tuple[Task, ...] = ("binary", "multiclass")
ALL_TASKS: tuple[Task, ...] = (*CLASSIFICATION, "regression")

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Family:
    """One kind of model.

    Attributes:
        name: Name of the family.
        tasks: Tasks that it can do.
        parameters: Hyperparameters by name: type, bounds and default.
        prepare: Builds the transformer of the matrix.
        estimator: Builds the unfitted estimator from the task (whether it is a classification), the hyperparameters
            and the seed.
        framework: What fits it, ``scikit-learn`` or ``h2o``.
    """

    name: str
    tasks: tuple[Task, ...]
    parameters: Mapping[str, IntegerParameter | FloatParameter | CategoricalParameter]
    prepare: Callable[[Sequence[MatrixColumn]], Any]
    estimator: Callable[[bool, Values, int], Any]
    framework: str = "scikit-learn"

    def check_installed(self) -> None:
        """Raise if what fits it is not installed.

        Raises:
            InputError: If it is not.
        """

    def check_parameters(self, parameters: Values) -> dict[str, Any]:
        """Return all hyperparameters: the given ones, converted and checked, and defaults for the others.

        Raises:
            InputError: If one is unknown or outside its bounds.
        """
        unknown = sorted(set(parameters) - set(self.parameters))
        if unknown:
            raise InputError(
                f"the parameters of {self.name} are {quote(sorted(self.parameters))}; got {quote(unknown)}; "
                "remove what it does not have."
            )
        return {
            name: kind.check(f"{self.name}.{name}", parameters[name]) if name in parameters else kind.default
            for name, kind in self.parameters.items()
        }

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline.

        Args:
            columns: Columns of the matrix, from ``matrix_layout.columns``.
            task: Kind of task.
            parameters: Hyperparameters that differ from the defaults.
            seed: Seed of everything random in the fit, 0 to 2**32 - 1.

        Returns:
            Pipeline of ``prepare`` and ``estimator``.

        Raises:
            InputError: If the family cannot do the task, or a parameter is wrong.
        """
        if task not in self.tasks:
            raise InputError(
                f"the family {self.name} does {' and '.join(self.tasks)} tasks, not {task}; choose another one."
            )
        estimator = self.estimator(task != "regression", self.check_parameters(parameters), seed)
        prepare = encode_by_target(self.prepare(columns), columns, task=task, seed=seed)
        return Pipeline([("prepare", prepare), ("estimator", estimator)])
