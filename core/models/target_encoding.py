"""Columns of very many categories as one number each, for trees: the mean of the target in a category, shrunk.

Means of a row's own category that held its own target would tell the estimator what it is to learn. So the rows of the
fit get means of the other four fifths (cross-fitting), and later rows those of all. Source: D. Micci-Barreca, A
preprocessing scheme for high-cardinality categorical attributes in classification and prediction problems, 2001.
"""

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold
from sklearn.preprocessing import OrdinalEncoder, TargetEncoder

from headrace.core.contracts.contract import Task
from headrace.core.features.matrix_layout import MatrixColumn

MANY_CATEGORIES = 255
"""More than these are encoded by the target: as many as trees can divide into two sets."""
_TARGETS: dict[Task, str] = {"binary": "binary", "regression": "continuous"}
_PARTS = 5


def many_categories(columns: Sequence[MatrixColumn], task: Task) -> list[int]:
    """Return the places of the columns that are encoded by the target, of two classes or numbers; none for other tasks.

    Args:
        columns: Columns of the matrix.
        task: Kind of task.
    """
    if task not in _TARGETS:
        return []
    return [place for place, column in enumerate(columns) if len(column.categories or ()) > MANY_CATEGORIES]


def encode_by_target(prepare: Any, columns: Sequence[MatrixColumn], *, task: Task, seed: int) -> Any:
    """Return the preprocessing of a family of trees, with columns of very many categories encoded by the target, last.

    Trees that compare the places of categories in a list need many splits to tell them apart. One-hot columns stay. A
    missing category has a mean of its own if the training rows have one; one that they lack has that of all rows.

    Args:
        prepare: Unfitted transformer of the matrix; one that encodes no categories as whole numbers stays as it is.
        columns: Columns of the matrix.
        task: Kind of task.
        seed: Seed of the division of the rows.
    """
    many = many_categories(columns, task)
    if not many or not _is_ordinal(prepare):
        return prepare
    parts = [(name, step, [one for one in places if one not in many]) for name, step, places in prepare.transformers]
    parts_of_rows = KFold(_PARTS, shuffle=True, random_state=seed)
    encode = TargetEncoder(target_type=_TARGETS[task], cv=parts_of_rows)
    prepare.set_params(transformers=[*(part for part in parts if part[2]), ("many_categories", encode, many)])
    return prepare


def _is_ordinal(prepare: Any) -> bool:
    if not isinstance(prepare, ColumnTransformer):
        return False
    return any(isinstance(step, OrdinalEncoder) for _, step, _ in prepare.transformers)
