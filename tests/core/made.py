"""Typed tables made for the tests of models."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from headrace.core.base.notes import Note
from headrace.core.contracts import contract_yaml
from headrace.core.contracts.contract import Column, Contract, Task
from headrace.core.contracts.table_inference.infer import InferredContract
from headrace.core.tables import parquet_table

CLASSES: dict[Task, tuple[str, ...] | None] = {
    "binary": ("no", "yes"),
    "multiclass": ("low", "middle", "high"),
    "regression": None,
    "anomaly": ("no", "yes"),
}
PLANS = ("basic", "plus", "premium")


def contract(task: Task = "binary") -> Contract:
    """A contract with two numbers, one column of each awkward kind, and a target."""
    classes = CLASSES[task]
    return Contract(
        name="made",
        task=task,
        columns=(
            Column("key", "integer", role="id"),
            Column("size", "number"),
            Column("age", "integer"),
            Column("plan", "string", categories=PLANS),
            Column("rooms", "integer", categories=("1", "2", "3")),
            Column("member", "boolean"),
            Column("constant", "number"),
            Column("empty", "number"),
            Column("target", "string" if classes else "number", role="target", categories=classes),
        ),
        positive="yes" if task in {"binary", "anomaly"} else "",
    )


def table(rows: int = 200, *, task: Task = "binary", seed: int = 0, noise: float = 0.5) -> pl.DataFrame:
    """A typed table of that contract, with missing values, whose target depends on size and plan.

    Of an anomaly task one row in ten has an odd size, age and plan, and three rows in four have no label.
    """
    draw = np.random.default_rng(seed)
    size, age = draw.normal(size=rows), draw.integers(18, 90, rows)
    plan, rooms = draw.integers(0, 3, rows), draw.integers(1, 4, rows)
    score = size + 0.8 * plan - 0.8 + noise * draw.normal(size=rows)
    classes = CLASSES[task]
    if task == "anomaly":
        odd = draw.random(rows) < 0.1
        size, age = np.where(odd, size + draw.choice([-6, 6], rows), size), np.where(odd, age + 60, age)
        label = np.where(draw.random(rows) < 0.25, np.where(odd, "yes", "no"), "")
        target = pl.Series(label).replace("", None)
    elif classes is None:
        target = pl.Series(1000 * score)
    else:
        edges = [0.0] if task == "binary" else [-0.5, 0.6]
        target = pl.Series([classes[index] for index in np.digitize(score, edges)], dtype=pl.String)
    holes = draw.random((rows, 3)) < 0.08
    return pl.DataFrame(
        {
            "key": np.arange(rows),
            "size": pl.Series(np.where(holes[:, 0], np.nan, size)).fill_nan(None),
            "age": age,
            "plan": pl.Series([None if hole else PLANS[i] for i, hole in zip(plan, holes[:, 1], strict=True)]),
            "rooms": pl.Series([None if hole else int(i) for i, hole in zip(rooms, holes[:, 2], strict=True)]),
            "member": draw.random(rows) < 0.5,
            "constant": np.full(rows, 3.0),
            "empty": pl.Series([None] * rows, dtype=pl.Float64),
            "target": target,
        }
    )


def only(names: list[str], *, task: Task = "binary") -> Contract:
    """The same contract, with those features alone."""
    whole = contract(task)
    columns = [
        column if column.role != "feature" or column.name in names else ignored(column) for column in whole.columns
    ]
    return replace(whole, columns=tuple(columns))


def ignored(column: Column) -> Column:
    """The same column, out of the model's sight."""
    return replace(column, role="ignore")


def write(frame: pl.DataFrame, folder: Path) -> Path:
    """Write a table artifact."""
    with parquet_table.TableWriter(folder, schema=frame.schema) as writer:
        writer.write(frame)
    return folder


def write_contract(made: Contract, path: Path) -> Path:
    """Write a contract."""
    path.write_text(contract_yaml.dump(made), encoding="utf-8")
    return path


def about(made: InferredContract, *columns: str) -> list[Note]:
    """What was noted of some columns, apart from ids."""
    return [note for note in made.notes if note.column in columns and note.rule != "id"]
