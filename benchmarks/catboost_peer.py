"""CatBoost as a family of the benchmark: as its library has it, with its own treatment of categories."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from headrace.core.models import preprocessing
from headrace.experiments.space.search_space import NumberRange


class Peer(BaseEstimator):
    """An estimator that hands categories on as texts."""

    def __init__(self, parameters: Mapping[str, Any], categories: Sequence[int], classify: bool, seed: int) -> None:
        self.parameters = parameters
        self.categories = categories
        self.classify = classify
        self.seed = seed

    def fit(self, rows: Any, target: Any) -> Self:
        """Fit it."""
        import catboost

        kind = catboost.CatBoostClassifier if self.classify else catboost.CatBoostRegressor
        fixed = {"random_seed": self.seed, "thread_count": 1, "verbose": False, "allow_writing_files": False}
        self.model_ = kind(iterations=150, cat_features=list(self.categories), **self.parameters, **fixed)
        self.model_.fit(self._as_objects(rows), target)
        if self.classify:
            self.classes_ = self.model_.classes_
        return self

    def predict(self, rows: Any) -> Any:
        """Predict values."""
        return self.model_.predict(self._as_objects(rows))

    def predict_proba(self, rows: Any) -> Any:
        """Predict probabilities."""
        return self.model_.predict_proba(self._as_objects(rows))

    def _as_objects(self, rows: Any) -> Any:
        if not self.categories:
            return rows
        found = np.asarray(rows).astype(object)
        found[:, list(self.categories)] = found[:, list(self.categories)].astype(str)
        return found


class _Family:
    """What the benchmark needs of a family."""

    space: ClassVar[dict[str, NumberRange]] = {
        "learning_rate": NumberRange(0.02, 0.2, log=True),
        "depth": NumberRange(3, 8, whole=True),
        "l2_leaf_reg": NumberRange(0.5, 20, log=True),
        "rsm": NumberRange(0.5, 1),
    }

    @staticmethod
    def build(columns: Any, *, task: str, parameters: Mapping[str, Any], seed: int) -> Pipeline:
        """An unfitted pipeline."""
        listed = sum(column.categories is not None for column in columns)
        whole = {name: int(value) if name == "depth" else value for name, value in parameters.items()}
        places = tuple(range(len(columns) - listed, len(columns)))
        return Pipeline(
            [("prepare", preprocessing.native(columns)), ("estimator", Peer(whole, places, task != "regression", seed))]
        )


CATBOOST = _Family()
