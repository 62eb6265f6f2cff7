"""Models of scikit-learn that take float32: some compute in it, and a bundle computes in float64."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from sklearn.tree import BaseDecisionTree

from headrace.core.base.errors import InputError, quote
from headrace.model_import.signature import InputColumn

_ROUNDING = (
    BaseDecisionTree,
    *(RandomForestClassifier, RandomForestRegressor, ExtraTreesClassifier, ExtraTreesRegressor),
    *(GradientBoostingClassifier, GradientBoostingRegressor),
)


def check_precision(pipeline: Pipeline, columns: Sequence[InputColumn]) -> None:
    """Raise if a model that takes float32 may answer otherwise in float64.

    Trees round what they take to float32 themselves, so that it does not matter in front of them.

    Args:
        pipeline: The steps ``prepare`` and ``estimator`` over the model matrix.
        columns: The columns of the matrix.

    Raises:
        InputError: If it may.
    """
    narrow = [column.name for column in columns if column.is_single]
    if not narrow:
        return
    estimator = pipeline.named_steps["estimator"]
    others = [step for step in _leaves(pipeline.named_steps["prepare"]) if not _keeps_numbers(step)]
    if isinstance(estimator, _ROUNDING) and not others:
        return
    found = others[0] if others else estimator
    raise InputError(
        f"a model of scikit-learn that takes float32, as the column {quote(narrow[0])} of this one, must be trees "
        f"without other steps than imputers and encoders; a {type(found).__name__} computes in float32, in which its "
        "answers are others than in a bundle: fit it on float64, and log it again with a signature of doubles."
    )


def _leaves(step: Any) -> Iterator[Any]:
    if isinstance(step, Pipeline):
        inner = [one for _, one in step.steps]
    elif isinstance(step, ColumnTransformer):
        inner = [one for _, one, _ in step.transformers_]
    else:
        yield step
        return
    for one in inner:
        yield from _leaves(one)


def _keeps_numbers(step: Any) -> bool:
    if isinstance(step, SimpleImputer):
        return isinstance(step.missing_values, float) and np.isnan(step.missing_values)
    return isinstance(step, str | FunctionTransformer | OneHotEncoder | OrdinalEncoder)
