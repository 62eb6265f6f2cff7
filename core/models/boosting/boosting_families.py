"""The families of boosting libraries, each with its extra."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from sklearn.pipeline import Pipeline

from headrace.core.base.errors import InputError
from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import preprocessing
from headrace.core.models.boosting.boosted_trees import BoostedTreesClassifier, BoostedTreesRegressor
from headrace.core.models.boosting.tree_nodes import MOST_CATEGORIES
from headrace.core.models.family import ALL_TASKS, Family, Values
from headrace.core.models.hyperparameters import FloatParameter, IntegerParameter
from headrace.core.models.target_encoding import many_categories


@dataclass(frozen=True)
class BoostingFamily(Family):
    """A family whose trees a library grows; the extra and the library have the family's name."""

    def check_installed(self) -> None:
        """Raise if the library is not installed.

        Raises:
            InputError: If it is not.
        """
        if find_spec(self.name) is None:
            raise InputError(
                f"the family {self.name} needs the package {self.name} to be trained, which is not installed: "
                f"pip install 'headrace[{self.name}]', or choose another family."
            )

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline; see ``Family``. Columns of up to 255 categories are split by sets of them."""
        self.check_installed()
        pipeline = super().build(columns, task=task, parameters=parameters, seed=seed)
        first = sum(column.categories is None for column in columns)  # behind the numbers
        many = set(many_categories(columns, task))
        left = [column for place, column in enumerate(columns) if place not in many]
        listed = [len(column.categories) for column in left if column.categories is not None]
        places = tuple(first + place for place, count in enumerate(listed) if count <= MOST_CATEGORIES)
        pipeline.set_params(estimator__categories=places)
        return pipeline


def _lightgbm(classify: bool, values: Values, seed: int) -> Any:
    return _estimator("lightgbm", classify, values, seed, {"bagging_freq": 1})


def _xgboost(classify: bool, values: Values, seed: int) -> Any:
    return _estimator("xgboost", classify, values, seed, {})


def _estimator(library: str, classify: bool, values: Values, seed: int, extra: Mapping[str, Any]) -> Any:
    rest = {**values, **extra}
    rounds = rest.pop("n_estimators")
    kind = BoostedTreesClassifier if classify else BoostedTreesRegressor
    return kind(library=library, parameters=rest, n_estimators=rounds, random_state=seed)


BOOSTING_FAMILIES: tuple[Family, ...] = (
    BoostingFamily(
        name="lightgbm",
        tasks=ALL_TASKS,
        parameters={
            "learning_rate": FloatParameter(0.1, low=1e-6, high=1.0),
            "n_estimators": IntegerParameter(100, low=1, high=10_000),
            "num_leaves": IntegerParameter(31, low=2, high=10_000),
            "min_child_samples": IntegerParameter(20, low=1, high=100_000),
            "reg_lambda": FloatParameter(0.0, low=0.0, high=1e6),
            "subsample": FloatParameter(1.0, low=0.01, high=1.0),
            "colsample_bytree": FloatParameter(1.0, low=0.01, high=1.0),
        },
        prepare=preprocessing.native,
        estimator=_lightgbm,
    ),
    BoostingFamily(
        name="xgboost",
        tasks=ALL_TASKS,
        parameters={
            "learning_rate": FloatParameter(0.1, low=1e-6, high=1.0),
            "n_estimators": IntegerParameter(100, low=1, high=10_000),
            "max_depth": IntegerParameter(6, low=1, high=30),
            "min_child_weight": FloatParameter(1.0, low=0.0, high=1e6),
            "reg_lambda": FloatParameter(1.0, low=0.0, high=1e6),
            "subsample": FloatParameter(1.0, low=0.01, high=1.0),
            "colsample_bytree": FloatParameter(1.0, low=0.01, high=1.0),
        },
        prepare=preprocessing.native,
        estimator=_xgboost,
    ),
)
