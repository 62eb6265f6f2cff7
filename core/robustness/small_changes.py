"""How small a change of the inputs flips a decision: a coordinate search, with gradients where a model has them.

The search knows of the model only what it answers. For a limit it moves each column by itself in both directions, then
all at once, the most effective ones first, in groups of growing size; candidates of all rows go to the model together.
For a linear model that is the best attack there is; for others it is a good one, and the smallest change that it finds
is an upper bound. Where exact gradients are cheap (``gradients``), steps along their signs are tried too (projected
gradient descent, Madry et al. 2018, Towards Deep Learning Models Resistant to Adversarial Attacks, ICLR).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Column
from headrace.core.robustness import gradients
from headrace.core.robustness.decisions import DecisionModel
from headrace.core.robustness.input_columns import (
    NumberColumns,
    is_number,
    parse_category,
    select_alternatives,
)
from headrace.core.robustness.robustness_document import GATE_CHANGE, ColumnFlips, FlipShare, SmallChanges
from headrace.core.robustness.shares import wilson_interval
from headrace.core.splits.clusters import RowClusters

LIMITS = (0.01, GATE_CHANGE, 0.1)
"""Largest changes of each column, as shares of its range, whose effect is reported."""

_WIDER = (0.3, 1.0)
_ALONE = (0.1, 0.5, 1.0)
_MOST_GROUPS = 12
_HALVINGS = 6
_GRADIENT_STEPS = 6
_MOST_ALTERNATIVES = 8
_MOST_SHOWN = 10

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class ExaminedRows:
    """The rows that a search examines.

    Attributes:
        decisions: The model.
        frame: Typed table of n rows with the inputs.
        clusters: Rows that were sampled together.
        numbers: The columns of numbers (q) that may change.
        others: The columns of categories that may change.
    """

    decisions: DecisionModel
    frame: pl.DataFrame
    clusters: RowClusters
    numbers: NumberColumns
    others: tuple[Column, ...]


def count_candidates(numbers: int, alternatives: int) -> int:
    """Return the largest number of predictions that the search makes for one row.

    Args:
        numbers: Number of columns of numbers.
        alternatives: Number of other categories of all columns together.
    """
    limits = len(LIMITS) + len(_WIDER)
    per_limit = 2 * numbers + 2 * _MOST_GROUPS + _GRADIENT_STEPS
    return limits * per_limit + 2 * len(_ALONE) * numbers + alternatives + _HALVINGS


def find_small_changes(rows: ExaminedRows) -> SmallChanges:
    """Search changes that flip the decisions of n rows.

    Args:
        rows: The rows, n > 0.
    """
    search = _Search(rows)
    smallest = search.find_smallest()
    count, independent = rows.frame.height, rows.clusters.count
    median = float(np.median(smallest))
    return SmallChanges(
        rows=count,
        method="coordinate search and gradients" if search.has_gradients else "coordinate search",
        amount=rows.decisions.amount if rows.decisions.is_regression else None,
        columns=rows.numbers.names,
        flips=tuple(
            FlipShare(limit, wilson_interval(int((smallest <= limit).sum()), count, independent=independent))
            for limit in LIMITS
        ),
        median_change=median if np.isfinite(median) else None,
        weakest=tuple(_worst(search.measure_columns())),
        categories=tuple(_worst(search.measure_categories())),
    )


def find_flips(rows: ExaminedRows, limit: float) -> Booleans:
    """Return whether changes of at most ``limit`` flip the decision of each row (n,)."""
    return _Search(rows).find_smallest(limit) <= limit


def _worst(flips: Iterator[ColumnFlips]) -> list[ColumnFlips]:
    found = [one for one in flips if one.at_all > 0]
    return sorted(found, key=lambda one: (-(one.within_tenth or 0.0), -one.at_all, one.column))[:_MOST_SHOWN]


class _Search:
    """A search over n rows and q columns."""

    def __init__(self, rows: ExaminedRows) -> None:
        self._rows = rows
        self._before = rows.decisions.compute(rows.frame)
        self._values = rows.numbers.read(rows.frame)
        self._gradients = gradients.find(rows.decisions.model, rows.numbers.names)

    @property
    def has_gradients(self) -> bool:
        """Whether the model has gradients."""
        return self._gradients is not None

    def find_smallest(self, most: float = 1.0) -> Floats:
        """Return the smallest change found (n,) of all columns together; infinite where none flips the decision.

        Args:
            most: Largest change to try.
        """
        values = self._values
        flipped, changed = np.zeros(len(values), dtype=bool), values.copy()
        for limit in [limit for limit in (*LIMITS, *_WIDER) if limit <= most]:
            active = np.flatnonzero(~flipped)
            if len(active):
                flipped[active], changed[active] = self._search(active, limit)
        smallest = np.full(len(values), np.inf)
        # A change found within a limit counts as the smaller one to which it can be shortened.
        smallest[flipped] = self._shorten(np.flatnonzero(flipped), changed[flipped])
        return smallest

    def _search(self, active: Places, limit: float) -> tuple[Booleans, Floats]:
        """Return whether each active row (m,) flips within a limit, and its flipping values (m, q)."""
        values = self._values[active]
        best = values.copy()
        flipped = np.zeros(len(active), dtype=bool)
        moves, gains = self._measure_moves(active, limit)
        groups = [one for goal in range(len(gains)) for one in self._combine(values, moves[goal], gains[goal])]
        self._keep(active, groups, flipped, best)
        if self._gradients is not None:
            for changed in self._follow_gradients(active, limit, ~flipped):
                self._keep(active, [changed], flipped, best)
        return flipped, best

    def _keep(self, active: Places, tried: Sequence[Floats], flipped: Booleans, best: Floats) -> None:
        """Try several values (m, q) for each row that did not flip yet; keep the first that flips it."""
        todo = np.flatnonzero(~flipped)
        if not len(todo):
            return
        candidates = np.concatenate([values[todo] for values in tried])
        flips = self._flips(np.tile(active[todo], len(tried)), candidates).reshape(len(tried), len(todo))
        now, first = flips.any(axis=0), flips.argmax(axis=0)
        best[todo[now]] = candidates.reshape(len(tried), len(todo), -1)[first[now], now]
        flipped[todo[now]] = True

    def _flips(self, rows: Places, values: Floats) -> Booleans:
        outputs = self._rows.decisions.compute_changed(self._rows.frame, self._rows.numbers, rows, values)
        return self._rows.decisions.differ(outputs, self._before[rows])

    def _measure_moves(self, active: Places, limit: float) -> tuple[list[Floats], list[Floats]]:
        """Move each column alone.

        Returns:
            For each goal the better of both moves of each column (m, q), as new values, and how much nearer to another
            decision it comes (m, q); 0 where it comes no nearer.
        """
        numbers, decisions = self._rows.numbers, self._rows.decisions
        m, q = len(active), len(numbers.columns)
        values = self._values[active]
        moved = np.stack([numbers.limit(values + sign * limit * numbers.widths, values) for sign in (-1.0, 1.0)])
        rows, candidates = _single_changes(values, moved)
        outputs = decisions.compute_changed(self._rows.frame, numbers, active[rows], candidates)
        before = self._before[active]
        start = decisions.measure_margins(before, before)
        margins = decisions.measure_margins(outputs, before[rows])
        moves, gains = [], []
        for first, after in zip(start, margins, strict=True):
            nearer = first[np.newaxis, :, np.newaxis] - after.reshape(2, m, q)
            better = nearer.argmax(axis=0)[np.newaxis]
            moves.append(np.take_along_axis(moved, better, axis=0)[0])
            gains.append(np.maximum(np.take_along_axis(nearer, better, axis=0)[0], 0.0))
        return moves, gains

    def _combine(self, values: Floats, moves: Floats, gains: Floats) -> Iterator[Floats]:
        """Yield values (m, q) with the most effective moves together, in groups of growing size."""
        q = values.shape[1]
        order = np.argsort(-gains, axis=1, kind="stable")
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(q)[np.newaxis], axis=1)
        for size in np.unique(np.geomspace(1, q, _MOST_GROUPS).round().astype(int))[::-1]:
            yield np.where((rank < size) & (gains > 0), moves, values)

    def _follow_gradients(self, active: Places, limit: float, todo: Booleans) -> Iterator[Floats]:
        """Yield values (m, q) along the signs of the gradients of the distance to another decision."""
        numbers, decisions, gradient = self._rows.numbers, self._rows.decisions, self._gradients
        if gradient is None or not todo.any():
            return
        start = self._values[active]
        for direction in (1.0, -1.0) if decisions.is_regression else (1.0,):
            values = start.copy()
            for step in range(_GRADIENT_STEPS):
                matrix = decisions.model.encode(numbers.write(self._rows.frame[active], values))
                slopes = direction * gradient(matrix, self._before[active])
                length = limit if step == 0 else limit / 2
                values = values - length * numbers.widths * np.sign(slopes)
                values = np.clip(values, start - limit * numbers.widths, start + limit * numbers.widths)
                values = numbers.limit(values, start)
                yield values

    def _shorten(self, rows: Places, changed: Floats) -> Floats:
        """Return the size (m,) of the shortest flipping change on the way to one that flips, by halving."""
        numbers, values = self._rows.numbers, self._values[rows]
        low, high = np.zeros(len(rows)), np.ones(len(rows))
        best = changed.copy()
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            candidate = numbers.limit(values + middle[:, np.newaxis] * (changed - values), values)
            now = self._flips(rows, candidate)
            best[now] = candidate[now]
            high, low = np.where(now, middle, high), np.where(now, low, middle)
        sizes = np.abs(best - values) / numbers.widths
        largest: Floats = np.nan_to_num(sizes, nan=0.0).max(axis=1)
        return largest

    def measure_columns(self) -> Iterator[ColumnFlips]:
        """Yield for each column of numbers the share of rows that it alone flips."""
        numbers = self._rows.numbers
        n, q = self._values.shape
        everything = np.arange(n)
        flips: list[Booleans] = []
        for limit in _ALONE:
            moved = np.stack(
                [numbers.limit(self._values + sign * limit * numbers.widths, self._values) for sign in (-1.0, 1.0)]
            )
            rows, candidates = _single_changes(self._values, moved)
            flips.append(self._flips(everything[rows], candidates).reshape(2, n, q).max(axis=0))
        for place, name in enumerate(numbers.names):
            at_all = np.any([flip[:, place] for flip in flips], axis=0)
            yield ColumnFlips(name, float(at_all.mean()), float(flips[0][:, place].mean()))

    def measure_categories(self) -> Iterator[ColumnFlips]:
        """Yield for each column of categories the share of rows that another of its values flips."""
        frame, decisions = self._rows.frame, self._rows.decisions
        for column in self._rows.others:
            values = [parse_category(column, text) for text in (select_alternatives(column) or ())[:_MOST_ALTERNATIVES]]
            kind = frame.schema[column.name]
            changed = (frame.with_columns(pl.lit(value, dtype=kind).alias(column.name)) for value in values)
            flips = [decisions.differ(outputs, self._before) for outputs in decisions.compute_each(changed)]
            yield ColumnFlips(column.name, float(np.any(flips, axis=0).mean()))


def _single_changes(values: Floats, moved: Floats) -> tuple[Places, Floats]:
    """Return each change of one value as a row of its own.

    Args:
        values: Values (m, q).
        moved: Other values (2, m, q).

    Returns:
        The row (2 m q,) that each changed row comes from, and the changed rows (2 m q, q).
    """
    m, q = values.shape
    rows = np.tile(np.repeat(np.arange(m), q), 2)
    candidates = values[rows]
    candidates[np.arange(len(rows)), np.tile(np.arange(q), 2 * m)] = moved.reshape(-1)
    return rows, candidates


def select_columns(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    """Return the columns that a client controls and whose alternatives a contract lists: no numbers, no times."""
    return tuple(
        column
        for column in columns
        if column.controlled_by_client and not is_number(column) and select_alternatives(column)
    )
