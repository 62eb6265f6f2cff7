"""The inputs of simulated tables, with the scores by which their targets will go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Task

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Inputs = Literal["few categories", "many categories", "numbers", "mixed"]
Target = Literal["two classes", "five classes", "normal", "heavy tails", "lognormal", "zero-inflated"]
Structure = Literal["independent", "copies", "groups", "keys", "time"]

PERSON, WHEN = "person", "when"
START, PERIOD = datetime(2024, 1, 1), timedelta(days=365)  # noqa: DTZ001 - a typed table's times are naive
_SIZES: Mapping[str, tuple[int, ...]] = {
    "few categories": (2, 3, 3),
    "many categories": (50, 20, 10, 5, 3, 2),
    "mixed": (2, 3, 3),
}
_NUMBERS: Mapping[str, int] = {"numbers": 8, "mixed": 4}
_ROWS_OF_A_PERSON: Mapping[str, Floats] = {"groups": np.full(9, 1 / 9), "keys": np.array([0.6, 0.25, 0.15])}
_LIKENESS = 0.9  # correlation, to the root, of a person's numbers
_MISSING = 0.1


@dataclass(frozen=True)
class Table:
    """What a simulated table is like.

    Attributes:
        inputs: Columns that the model sees; ``mixed`` has missing values.
        target: What is predicted.
        signal: Whether the inputs have to do with the target.
        negatives: Negative rows for each positive one (two classes).
        structure: How rows hang together: ``copies`` are drawn with replacement from a finite pool; ``groups`` are
            people with 1 to 9 rows and an effect of their own; ``keys`` the same with 1 to 3 rows and a key that
            repeats; ``time`` drifts.
        copies: Share of rows that are copies of another, for ``copies``.
    """

    inputs: Inputs
    target: Target = "two classes"
    signal: bool = True
    negatives: int = 1
    structure: Structure = "independent"
    copies: float = 0.0

    @property
    def task(self) -> Task:
        """The task of its contract."""
        kinds: dict[str, Task] = {"two classes": "binary", "five classes": "multiclass"}
        return kinds.get(self.target, "regression")

    @property
    def of_people(self) -> bool:
        """Whether several rows are of one person."""
        return self.structure in _ROWS_OF_A_PERSON


@dataclass(frozen=True)
class Rows:
    """Rows before their target is drawn.

    Attributes:
        columns: Inputs by name, each of n values.
        first: A score of mean 0 and variance 1 (n,).
        second: Another (n,), independent of it.
        person: The effect of each row's person (n,), normal.
        time: When each row is (n,), 0 to 1 of the whole period.
    """

    columns: dict[str, Any]
    first: Floats
    second: Floats
    person: Floats
    time: Floats


def numbers(table: Table) -> list[str]:
    """Names of the columns of numbers."""
    return [f"x{place}" for place in range(_NUMBERS.get(table.inputs, 0))]


def levels(table: Table) -> dict[str, tuple[str, ...]]:
    """Categories by name of the column."""
    sizes = _SIZES.get(table.inputs, ())
    return {f"c{place}": tuple(f"v{level:02d}" for level in range(size)) for place, size in enumerate(sizes)}


def drawn(table: Table, rows: int, rng: np.random.Generator, *, since: float = 0.0) -> Rows:
    """Draw rows.

    Args:
        table: What they are like.
        rows: How many.
        rng: Where chance comes from.
        since: From when on (0 to 1), for a table that drifts.
    """
    people = _people(table, rows, rng)
    person = rng.normal(size=rows)[people]
    time = since + (1 - since) * rng.random(rows)
    columns: dict[str, Any] = {PERSON: people + 1} if table.of_people else {}
    if table.structure == "time":
        passed = pl.Series((time * (PERIOD / timedelta(microseconds=1))).astype(np.int64)).cast(pl.Duration("us"))
        columns[WHEN] = pl.Series([START], dtype=pl.Datetime("us")).new_from_index(0, rows) + passed
    scores = []
    if numbers(table):
        made = _numbers(table, rows, people, rng)
        scores.append(_slopes(made.shape[1]) @ made.T)
        columns |= dict(zip(numbers(table), made.T.copy(), strict=True))
        if table.inputs == "mixed":
            columns["x1"] = pl.Series(np.where(rng.random(rows) < _MISSING, np.nan, made[:, 1])).fill_nan(None)
    for place, (name, values) in enumerate(levels(table).items()):
        shares, effects = _level(table.inputs, place, len(values))
        codes = rng.choice(len(values), size=rows, p=shares)[people]
        columns[name] = pl.Series(np.array(values)[codes], dtype=pl.String)
        scores.append(effects[:, codes])
    first, second = np.sum(scores, axis=0) / np.sqrt(len(scores))
    return Rows(columns, first, second, person, time)


def listed(table: Table, *, times: int = 1) -> tuple[Rows, Floats]:
    """All combinations of the categories of independent rows, each so many times, with the share of each row."""
    named = levels(table)
    codes = np.tile(np.array(list(product(*(range(len(values)) for values in named.values())))), (times, 1))
    weights, both = np.full(len(codes), 1 / times), np.zeros((2, len(codes)))
    columns: dict[str, Any] = {}
    for place, (name, values) in enumerate(named.items()):
        shares, effects = _level(table.inputs, place, len(values))
        weights *= shares[codes[:, place]]
        both += effects[:, codes[:, place]]
        columns[name] = pl.Series(np.array(values)[codes[:, place]], dtype=pl.String)
    nothing = np.zeros(len(codes))
    first, second = both / np.sqrt(len(named))
    return Rows(columns, first, second, nothing, nothing), weights


def _people(table: Table, rows: int, rng: np.random.Generator) -> Codes:
    """Whose row each is, from 0."""
    if not table.of_people:
        return np.arange(rows)
    shares = _ROWS_OF_A_PERSON[table.structure]
    sizes = rng.choice(np.arange(1, len(shares) + 1), size=rows, p=shares)
    return np.repeat(np.arange(rows), sizes)[:rows]


def _numbers(table: Table, rows: int, people: Codes, rng: np.random.Generator) -> Floats:
    """Normal numbers (n, c), alike in the rows of one person."""
    made = rng.normal(size=(rows, len(numbers(table))))
    if not table.of_people:
        return made
    own = rng.normal(size=made.shape)[people]
    return np.asarray(_LIKENESS * own + np.sqrt(1 - _LIKENESS**2) * made)


@cache
def _slopes(count: int) -> Floats:
    """How two scores go by numbers (2, count)."""
    falling = np.linspace(1, 0, count)
    slopes = np.stack([falling, falling[::-1] * (-1.0) ** np.arange(count)])
    return np.asarray(slopes / np.linalg.norm(slopes, axis=1, keepdims=True))


@cache
def _level(inputs: Inputs, place: int, size: int) -> tuple[Floats, Floats]:
    """Shares of the levels of a column, and its two effects (2, size) of mean 0 and variance 1."""
    rng = np.random.default_rng([len(inputs), place, size])
    shares = 1 / np.sqrt(np.arange(1, size + 1))
    shares /= shares.sum()
    effects = rng.normal(size=(2, size))
    effects -= (effects @ shares)[:, None]
    return shares, effects / np.sqrt(np.square(effects) @ shares)[:, None]
