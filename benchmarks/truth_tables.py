"""Simulated tables whose truth is known: how rows are drawn, and what is true of rows that nobody has seen.

What a fresh row's target will be is not drawn but weighed: a row counts once for each class, by that class's chance, so
that the truth has no noise of labels. Where inputs are few categories, all of them are listed and the truth is exact.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
import truth_inputs
import truth_targets
from scipy.optimize import brentq
from truth_inputs import PERIOD, PERSON, START, WHEN, Floats, Rows, Table
from truth_targets import CLASSES

from headrace.core.contracts.contract import Column, Contract

TARGET = "target"
_DRAWS = 5  # of the target of each fresh row, for the mean absolute error
_TIMES = 400  # the same where all rows are listed


@dataclass(frozen=True)
class Fresh:
    """Rows that no model has seen, with what is true of them.

    Attributes:
        rows: Typed table (m rows) of the inputs.
        weights: How much each counts (m,), 1 in all.
        chances: Chance of each class (m, k); None for a regression.
        mean: Expected target (m,), for a regression.
        variance: Its variance (m,).
        drawn: Targets drawn for each row (d, m).
    """

    rows: pl.DataFrame
    weights: Floats
    chances: Floats | None = None
    mean: Floats | None = None
    variance: Floats | None = None
    drawn: Floats | None = None


@dataclass(frozen=True)
class Drawn:
    """A table, and how to get fresh rows of the population that it is of.

    Attributes:
        frame: Typed table (n rows).
        fresh: Gives about so many fresh rows; of a drifting table those from an ISO timestamp on.
    """

    frame: pl.DataFrame
    fresh: Callable[[int, str], Fresh]


def contract(table: Table) -> Contract:
    """The contract that a person would write for the table."""
    classes = CLASSES.get(table.target)
    special = {
        "groups": [Column(PERSON, "integer", "group")],
        "keys": [Column(PERSON, "integer", "id")],
        "time": [Column(WHEN, "timestamp", "timestamp")],
    }
    return Contract(
        name="truth",
        task=table.task,
        columns=(
            *special.get(table.structure, []),
            *(Column(name, "number") for name in truth_inputs.numbers(table)),
            *(Column(name, "string", categories=values) for name, values in truth_inputs.levels(table).items()),
            Column(TARGET, "string" if classes else "number", "target", categories=classes),
        ),
        keys=(PERSON,) if table.structure == "keys" else (),
        positive="yes" if table.task == "binary" else "",
        time_column=WHEN if table.structure == "time" else "",
    )


def draw(table: Table, rows: int, rng: np.random.Generator) -> Drawn:
    """Draw a table.

    Args:
        table: What it is like.
        rows: How many rows.
        rng: Where chance comes from; also that of the fresh rows.
    """
    if table.structure == "copies":
        pool = _typed(truth_inputs.drawn(table, _pool_size(rows, table.copies), rng), table, rng)
        return Drawn(pool[rng.integers(0, pool.height, rows)], lambda _, __: _of_pool(pool, table))
    frame = _typed(truth_inputs.drawn(table, rows, rng), table, rng)

    def fresh(count: int, since: str) -> Fresh:
        if table.structure == "independent" and table.inputs == "few categories":
            return _described(
                *truth_inputs.listed(table, times=_TIMES if table.task == "regression" else 1), table, rng
            )
        start = (datetime.fromisoformat(since) - START) / PERIOD if since else 0.0
        new = truth_inputs.drawn(table, count, rng, since=start)
        return _described(new, np.full(count, 1 / count), table, rng)

    return Drawn(frame, fresh)


def _typed(rows: Rows, table: Table, rng: np.random.Generator) -> pl.DataFrame:
    """The typed table, its target drawn."""
    classes = CLASSES.get(table.target)
    if classes is None:
        target = pl.Series(truth_targets.numbers(rows, table, rng, draws=1)[2][0])
    else:
        bounds = truth_targets.chances(rows, table).cumsum(axis=1)
        codes = (rng.random(len(bounds))[:, None] > bounds[:, :-1]).sum(axis=1)
        target = pl.Series(np.array(classes)[codes], dtype=pl.String)
    return pl.DataFrame({**rows.columns, TARGET: target}).select(column.name for column in contract(table).columns)


def _described(rows: Rows, weights: Floats, table: Table, rng: np.random.Generator) -> Fresh:
    frame = pl.DataFrame(rows.columns)
    if table.task == "regression":
        mean, variance, drawn = truth_targets.numbers(rows, table, rng, draws=_DRAWS)
        return Fresh(frame, weights, mean=mean, variance=variance, drawn=drawn)
    return Fresh(frame, weights, chances=truth_targets.chances(rows, table))


def _of_pool(pool: pl.DataFrame, table: Table) -> Fresh:
    """Each row of a finite pool, as it is."""
    weights, known = np.full(pool.height, 1 / pool.height), pool.get_column(TARGET)
    classes = CLASSES.get(table.target)
    if classes is None:
        values = known.to_numpy().astype(np.float64)
        return Fresh(pool.drop(TARGET), weights, mean=values, variance=0 * values, drawn=values[None, :])
    chances = np.stack([(known == name).to_numpy().astype(np.float64) for name in classes], axis=1)
    return Fresh(pool.drop(TARGET), weights, chances=chances)


def _pool_size(rows: int, copies: float) -> int:
    """How large a pool must be for that share of the rows, drawn with replacement, to be copies of another."""
    found = float(brentq(lambda ratio: ratio * -np.expm1(-1 / ratio) - (1 - copies), 1e-3, 1e6))
    return max(2, round(found * rows))
