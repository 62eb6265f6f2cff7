"""Small tables, and models fitted on them, whose robustness is known."""

from dataclasses import replace

import numpy as np
import polars as pl

from headrace.core.contracts.contract import Column, Contract, RowFeature, Task
from headrace.core.features import matrix_layout, model_matrix
from headrace.core.models import families, fitting
from headrace.core.models.fitted_model import Model
from headrace.core.robustness.measure import RobustnessPlan
from headrace.core.robustness.robustness_document import ColumnRange

WIDTH = 4.0


def contract(task: Task = "binary", **changes: dict[str, object]) -> Contract:
    """A contract of two numbers, a whole number, a category and a target; ``changes`` are by the name of a column."""
    classes = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": None}[task]
    columns = (
        Column("heat", "number", minimum=-10, maximum=10),
        Column("load", "number", minimum=-10, maximum=10),
        Column("count", "integer", minimum=0, maximum=20),
        Column("kind", "string", categories=("mild", "wild")),
        Column("target", "string" if classes else "number", role="target", categories=classes),
    )
    changed = tuple(replace(column, **changes.get(column.name, {})) for column in columns)  # type: ignore[arg-type]
    return Contract(name="made", task=task, columns=changed, positive="yes" if task == "binary" else "")


def table(rows: int = 300, *, task: Task = "binary", seed: int = 0) -> pl.DataFrame:
    """A typed table whose target depends on heat alone, with a little noise."""
    draw = np.random.default_rng(seed)
    heat, load = draw.uniform(-2, 2, rows), draw.uniform(-2, 2, rows)
    score = heat + 0.1 * draw.normal(size=rows)
    target = {
        "binary": lambda: pl.Series(np.where(score > 0, "yes", "no")),
        "multiclass": lambda: pl.Series([("a", "b", "c")[place] for place in np.digitize(score, [-0.7, 0.7])]),
        "regression": lambda: pl.Series(100 * score),
    }[task]()
    return pl.DataFrame(
        {
            "heat": heat,
            "load": load,
            "count": draw.integers(0, 9, rows),
            "kind": pl.Series([("mild", "wild")[place] for place in draw.integers(0, 2, rows)]),
            "target": target,
        }
    )


def fit(family: str, made: Contract, frame: pl.DataFrame) -> Model:
    """A model of a family, fitted on a table."""
    matrix = Model(None, made, family, {}, 0, {}).encode(frame)
    target = model_matrix.encode_target(frame, made)
    pipeline = families.FAMILIES[family].build(matrix_layout.columns(made), task=made.task, parameters={}, seed=0)
    fitting.fit(pipeline, matrix, target)
    return Model(pipeline, made, family, {}, 0, {"rows": frame.height})


def plan(*names: str, amount: float = 0.0) -> RobustnessPlan:
    """A plan in which each column has the same range."""
    ranges = {name: ColumnRange(-WIDTH / 2, WIDTH / 2) for name in names or ("heat", "load", "count")}
    return RobustnessPlan("quick", ranges, amount)


def with_ratio(made: Contract) -> Contract:
    """The same contract with the ratio of heat and load as a row feature."""
    return replace(made, features=(RowFeature("ratio", "ratio", ("heat", "load")),))
