"""Simulated tables whose truth is known: how rows are drawn, and what is true of rows that nobody has seen.

What a fresh row's target will be is not drawn but weighed: a row counts once for each class, by that class's chance, so
that the truth has no noise of labels. Where inputs are few categories, all of them are listed and the truth is exact.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, softmax

from headrace.core.contract import Column, Contract, Task

Floats = NDArray[np.float64]
Inputs = Literal["few categories", "many categories", "numbers", "mixed"]
Target = Literal["two classes", "five classes", "normal", "heavy tails", "lognormal", "zero-inflated"]
Structure = Literal["independent", "copies", "groups", "keys", "time"]

TARGET, PERSON, WHEN = "target", "person", "when"
CLASSES: Mapping[str, tuple[str, ...]] = {"two classes": ("no", "yes"), "five classes": ("a", "b", "c", "d", "e")}
SIZES: Mapping[str, tuple[int, ...]] = {"few categories": (2, 3, 3), "many categories": (50, 20, 10, 5, 3, 2)}
_NUMBERS = 8
_SLOPE = 1.7  # of the log-odds: the best AUC is 0.83
_PERSON = 1.5  # how much a person's own effect weighs, where the score's is _SLOPE
_DRIFT = 0.8  # log-odds by which the positives grow over the whole period
_FIVE = np.log([0.35, 0.25, 0.2, 0.12, 0.08])
_DRAWS = 5  # of the target of each fresh row, for the mean absolute error
_START, _PERIOD = datetime(2024, 1, 1), timedelta(days=365)  # noqa: DTZ001 - a typed table's times are naive
_EVERY = 36_525  # rows of the sample by which intercepts are found


@dataclass(frozen=True)
class Table:
    """What a simulated table is like.

    Attributes:
        inputs: Columns that the model sees.
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
        fresh: Gives about so many fresh rows; of a drifting table those from a moment on.
    """

    frame: pl.DataFrame
    fresh: Callable[[int, str], Fresh]


@dataclass(frozen=True)
class _Rows:
    """Rows before their target is drawn: inputs, two scores of variance 1, effects of people, times (0 to 1)."""

    columns: dict[str, Any]
    first: Floats
    second: Floats
    person: Floats
    time: Floats


def contract(table: Table) -> Contract:
    """The contract that a person would write for the table."""
    levels = [Column(name, "string", categories=values) for name, values in _levels(table.inputs).items()]
    count = {"numbers": _NUMBERS, "mixed": _NUMBERS // 2}.get(table.inputs, 0)
    numbers = [Column(f"x{place}", "number") for place in range(count)]
    classes = CLASSES.get(table.target)
    target = Column(TARGET, "string" if classes else "number", "target", categories=classes)
    more = {
        "groups": [Column(PERSON, "integer", "group")],
        "keys": [Column(PERSON, "integer", "id")],
        "time": [Column(WHEN, "timestamp", "timestamp")],
    }.get(table.structure, [])
    return Contract(
        name="truth",
        task=table.task,
        columns=(*more, *numbers, *levels, target),
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
        pool = _typed(_inputs(table, _pool_size(rows, table.copies), rng), table, rng)
        frame = pool[rng.integers(0, pool.height, rows)]
        return Drawn(frame, lambda _, __: _of_pool(pool, table))
    frame = _typed(_inputs(table, rows, rng), table, rng)

    def fresh(count: int, since: str) -> Fresh:
        if table.structure == "independent" and table.inputs == "few categories":
            return _exact(table, rng)
        start = (datetime.fromisoformat(since) - _START) / _PERIOD if since else 0.0
        new = _inputs(table, count, rng, since=start)
        return _described(new, table, np.full(count, 1 / count), rng)

    return Drawn(frame, fresh)


def _levels(inputs: Inputs) -> dict[str, tuple[str, ...]]:
    sizes = SIZES["few categories" if inputs == "mixed" else inputs] if inputs != "numbers" else ()
    return {f"c{place}": tuple(f"v{i:02d}" for i in range(size)) for place, size in enumerate(sizes)}


@cache
def _level(inputs: Inputs, place: int, size: int) -> tuple[Floats, Floats]:
    """Shares of the levels of a column, and its two effects (2, size) of mean 0 and variance 1."""
    rng = np.random.default_rng([len(inputs), place, size])
    shares = 1 / np.sqrt(np.arange(1, size + 1))
    shares /= shares.sum()
    effects = rng.normal(size=(2, size))
    effects -= (effects @ shares)[:, None]
    return shares, effects / np.sqrt(np.square(effects) @ shares)[:, None]


def _inputs(table: Table, rows: int, rng: np.random.Generator, *, since: float = 0.0) -> _Rows:
    people = np.arange(rows)
    if table.structure in {"groups", "keys"}:
        shares = np.full(9, 1 / 9) if table.structure == "groups" else np.array([0.6, 0.25, 0.15])
        sizes = rng.choice(np.arange(1, len(shares) + 1), size=rows, p=shares)
        people = np.repeat(people, sizes)[:rows]
    own = rng.normal(size=rows)[people]
    columns: dict[str, Any] = {PERSON: people + 1} if table.structure in {"groups", "keys"} else {}
    time = since + (1 - since) * rng.random(rows)
    if table.structure == "time":
        passed = pl.Series((time * (_PERIOD / timedelta(microseconds=1))).astype(np.int64)).cast(pl.Duration("us"))
        columns[WHEN] = pl.Series([_START], dtype=pl.Datetime("us")).new_from_index(0, rows) + passed
    scores: list[tuple[Floats, Floats]] = []
    count = {"numbers": _NUMBERS, "mixed": _NUMBERS // 2}.get(table.inputs, 0)
    if count:
        made = rng.normal(size=(rows, count))
        if table.structure in {"groups", "keys"}:
            made = 0.9 * rng.normal(size=(rows, count))[people] + np.sqrt(1 - 0.81) * made
        slopes = np.stack([np.linspace(1, 0, count), np.linspace(0, 1, count) * (-1.0) ** np.arange(count)])
        slopes /= np.linalg.norm(slopes, axis=1, keepdims=True)
        scores.append((made @ slopes[0], made @ slopes[1]))
        columns |= {f"x{place}": values for place, values in enumerate(made.T.copy())}
        if table.inputs == "mixed":
            columns["x1"] = pl.Series(np.where(rng.random(rows) < 0.1, np.nan, made[:, 1])).fill_nan(None)
    for place, (name, values) in enumerate(_levels(table.inputs).items()):
        shares, effects = _level(table.inputs, place, len(values))
        codes = rng.choice(len(values), size=rows, p=shares)[people]
        columns[name] = pl.Series(np.array(values)[codes], dtype=pl.String)
        scores.append((effects[0][codes], effects[1][codes]))
    first, second = (np.sum([pair[i] for pair in scores], axis=0) / np.sqrt(len(scores)) for i in (0, 1))
    return _Rows(columns, first, second, own, time)


def _score(rows: _Rows, table: Table) -> Floats:
    """The score by which the target goes: it turns with time, and people have one of their own."""
    score = rows.first
    if table.structure == "time":
        score = (1 - 0.5 * rows.time) * rows.first + 0.5 * rows.time * rows.second
    return score if table.signal else np.zeros_like(score)


def _log_odds(rows: _Rows, table: Table) -> Floats:
    odds = _SLOPE * _score(rows, table)
    if table.structure in {"groups", "keys"}:
        odds = odds + _PERSON * rows.person
    if table.structure == "time":
        odds = odds + _DRIFT * rows.time
    return odds


@cache
def _intercept(table: Table) -> float:
    """What makes the positives as rare as they are to be."""
    rng = np.random.default_rng(_EVERY)
    odds = _log_odds(_inputs(table, _EVERY, rng), table)
    share = 1 / (1 + table.negatives)
    return float(brentq(lambda shift: expit(shift + odds).mean() - share, -30, 30))


def _chances(rows: _Rows, table: Table) -> Floats:
    """Chance of each class (n, k)."""
    if table.target == "two classes":
        positive = expit(_intercept(table) + _log_odds(rows, table))
        return np.stack([1 - positive, positive], axis=1)
    turns = 2 * np.pi * np.arange(len(_FIVE)) / len(_FIVE)
    both = np.outer(rows.first, np.cos(turns)) + np.outer(rows.second, np.sin(turns))
    return np.asarray(softmax(_FIVE + (_SLOPE if table.signal else 0.0) * both, axis=1))


def _number(rows: _Rows, table: Table, rng: np.random.Generator, draws: int) -> tuple[Floats, Floats, Floats]:
    """Mean and variance (n,) of a number, and draws of it (draws, n)."""
    score = _score(rows, table)
    if table.structure in {"groups", "keys"}:
        score = score + rows.person
    shape = (draws, len(score))
    if table.target in {"normal", "heavy tails"}:
        noise = rng.normal(size=shape) if table.target == "normal" else rng.standard_t(3, size=shape) / np.sqrt(3)
        mean = 10 + 2 * score
        return mean, np.full(len(score), 4.0), mean + 2 * noise
    inflated = table.target == "zero-inflated"
    centre, spread = (1 + 0.4 * score, 0.6) if inflated else (1 + 0.7 * score, 0.7)
    mean = np.exp(centre + spread**2 / 2)
    square = np.exp(2 * centre + 2 * spread**2)
    drawn = np.exp(centre + spread * rng.normal(size=shape))
    if inflated:
        share = expit(1.2 * score - 0.4)
        mean, square, drawn = share * mean, share * square, np.where(rng.random(shape) < share, drawn, 0.0)
    return mean, square - np.square(mean), drawn


def _typed(rows: _Rows, table: Table, rng: np.random.Generator) -> pl.DataFrame:
    """The typed table, its target drawn."""
    classes = CLASSES.get(table.target)
    if classes is None:
        target = pl.Series(_number(rows, table, rng, 1)[2][0])
    else:
        bounds = _chances(rows, table).cumsum(axis=1)
        codes = (rng.random(len(bounds))[:, None] > bounds[:, :-1]).sum(axis=1)
        target = pl.Series(np.array(classes)[codes], dtype=pl.String)
    return pl.DataFrame({**rows.columns, TARGET: target}).select(column.name for column in contract(table).columns)


def _described(rows: _Rows, table: Table, weights: Floats, rng: np.random.Generator) -> Fresh:
    frame = pl.DataFrame(rows.columns)
    if table.task == "regression":
        mean, variance, drawn = _number(rows, table, rng, _DRAWS)
        return Fresh(frame, weights, mean=mean, variance=variance, drawn=drawn)
    return Fresh(frame, weights, chances=_chances(rows, table))


def _exact(table: Table, rng: np.random.Generator) -> Fresh:
    """All combinations of few categories, each with its share."""
    levels = _levels(table.inputs)
    codes = np.array(list(product(*(range(len(values)) for values in levels.values()))))
    weights, first, second = np.ones(len(codes)), np.zeros(len(codes)), np.zeros(len(codes))
    columns: dict[str, Any] = {}
    for place, (name, values) in enumerate(levels.items()):
        shares, effects = _level(table.inputs, place, len(values))
        own = codes[:, place]
        weights *= shares[own]
        first, second = first + effects[0][own], second + effects[1][own]
        columns[name] = pl.Series(np.array(values)[own], dtype=pl.String)
    more = 400 if table.task == "regression" else 1  # draws of the target, for the mean absolute error
    first, second = (np.tile(values / np.sqrt(len(levels)), more) for values in (first, second))
    rows = _Rows({name: pl.concat([v] * more) for name, v in columns.items()}, first, second, first * 0, first * 0)
    return _described(rows, table, np.tile(weights / more, more), rng)


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
    found = brentq(lambda ratio: ratio * -np.expm1(-1 / ratio) - (1 - copies), 1e-3, 1e6)
    return max(2, round(found * rows))
