"""A linear regression with coefficients of its own for each step of a forecast: the direct strategy.

Source: Ben Taieb, Bontempi, Atiya and Sorjamaa 2012, A review and comparison of strategies for multi-step ahead time
series forecasting, Expert Systems with Applications 39 (section 2.2).
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from sklearn.utils.validation import check_is_fitted, validate_data

from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn
from headrace.core.models import preprocessing
from headrace.core.models.family import Family, Values
from headrace.core.models.hyperparameters import FloatParameter
from headrace.core.series.windows import STEP

Floats = NDArray[np.float64]


class DirectRidge(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Ridge regressions, one for each code in the last column; one for all rows without such a column.

    A code that the training rows lack, and a code of -1, get the mean coefficients of all others.

    Args:
        steps: Number of codes, which the last column holds as 0 to ``steps`` - 1; 0 if there is no such column.
        alpha: Strength of the penalty.

    Attributes:
        coef_: Coefficients (q, steps + 1) of the columns before the last; the last ones are for unknown codes.
        intercept_: Intercepts (steps + 1,).
    """

    def __init__(self, steps: int = 0, alpha: float = 1.0) -> None:
        self.steps = steps
        self.alpha = alpha

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 - scikit-learn's names
        """Fit on a matrix (n, q) or (n, q + 1) and numbers (n,)."""
        rows, values = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        columns, codes = self._divide(rows)
        coefficients: Floats = np.full((columns.shape[1], self.steps + 1), np.nan)
        intercepts: Floats = np.full(self.steps + 1, np.nan)
        for code in np.unique(codes):
            chosen = codes == code
            ridge = Ridge(alpha=self.alpha).fit(columns[chosen], values[chosen])
            coefficients[:, code], intercepts[code] = ridge.coef_, ridge.intercept_
        known = ~np.isnan(intercepts)
        coefficients[:, ~known] = coefficients[:, known].mean(axis=1, keepdims=True)
        intercepts[~known] = intercepts[known].mean()
        self.coef_, self.intercept_ = coefficients, intercepts
        return self

    def predict(self, X: Any) -> Floats:  # noqa: N803 - as above
        """Predict numbers (n,) for a matrix of the same columns."""
        check_is_fitted(self)
        columns, codes = self._divide(validate_data(self, X, dtype=np.float64, reset=False))
        found: Floats = (columns @ self.coef_ + self.intercept_)[np.arange(len(codes)), codes]
        return found

    def _divide(self, rows: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """Return the columns (n, q) and the code (n,) of each row."""
        if not self.steps:
            return rows, np.zeros(len(rows), dtype=np.int64)
        codes = rows[:, -1]
        known = (codes >= 0) & (codes < self.steps)
        return rows[:, :-1], np.where(known, codes, self.steps).astype(np.int64)


def _without_step(columns: Sequence[MatrixColumn]) -> tuple[int | None, list[int]]:
    """Return the place of the step's column, if there is one, and the places of the others."""
    place = next((at for at, column in enumerate(columns) if column.name == STEP and column.categories), None)
    return place, [at for at in range(len(columns)) if at != place]


def prepare(columns: Sequence[MatrixColumn]) -> ColumnTransformer:
    """Build the transformer: numbers scaled, categories one-hot, and the step's code as the last column."""
    place, others = _without_step(columns)
    if place is None:
        return preprocessing.scale(columns, dense=True)
    inner = preprocessing.scale([columns[at] for at in others], dense=True)
    parts = [(name, step, [others[at] for at in inside]) for name, step, inside in inner.transformers]
    codes = [np.arange(len(columns[place].categories or ()), dtype=np.float64)]
    encoder = OrdinalEncoder(categories=codes, handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float64)
    return ColumnTransformer([*parts, ("step", encoder, [place])])


def _estimator(_: bool, values: Values, __: int) -> Any:
    return DirectRidge(alpha=values["alpha"])


class _DirectLinear(Family):
    """The family, whose estimator must know the number of steps."""

    def build(self, columns: Sequence[MatrixColumn], *, task: Task, parameters: Values, seed: int) -> Pipeline:
        """Build the unfitted pipeline; see ``Family``."""
        pipeline = super().build(columns, task=task, parameters=parameters, seed=seed)
        place, _ = _without_step(columns)
        if place is not None:
            pipeline[-1].set_params(steps=len(columns[place].categories or ()))
        return pipeline


DIRECT_LINEAR: Family = _DirectLinear(
    name="direct_linear",
    tasks=("regression",),
    parameters={"alpha": FloatParameter(1.0, low=1e-9, high=1e9)},
    prepare=prepare,
    estimator=_estimator,
)
