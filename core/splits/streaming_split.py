"""A table that comes in blocks divided into its parts, in memory that does not grow with it.

Most rows are divided when they come. Held back are the first ``SMALL_ROWS`` rows; of later ones those that may
repeat an earlier row, so that their copies must be numbered; and those whose draw is near the cut of their class. What
they need is known at the end. The sides are those of ``split.assign``; the rows that were held back stand last.

In memory are one block of what is held back (the rest lies in a temporary folder), a bitmap of 32 MiB, 16 bytes for
each different row that may have copies, and the draws near the cuts, some 13 for each square root of the rows.
"""

import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.contracts.contract import Contract
from headrace.core.splits import split, split_plan
from headrace.core.splits.draws import COPY, DRAW, REPEATED, UNIT, with_draws
from headrace.core.splits.split import MADE, TEST
from headrace.core.splits.split_plan import SplitPlan
from headrace.core.splits.strata import Draws, whole_cut
from headrace.core.splits.strata_cuts import StrataCuts, band, count_strata, settled_groups
from headrace.core.validation.duplicates import DuplicateCounter
from headrace.core.validation.row_digest import DIGEST, KEY_DIGEST

Flags = NDArray[np.bool_]

_CELL_BITS = 28
_HELD_CELLS = 4_000_000
_LONGEST_STRETCH = 3  # doublings


class HeldRows:
    """Rows put aside: a block of them in memory, what is more in a temporary folder that goes with the object."""

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: list[pl.DataFrame] = []
        self._folder: Path | None = None
        self._parts: list[Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Put rows of one schema aside."""
        if not frame.height:
            return
        self._waiting.append(frame)
        if sum(part.height for part in self._waiting) * frame.width > _HELD_CELLS:
            self._spill()

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows in the order in which they came, block by block; as often as wanted."""
        for path in self._parts:
            yield pl.read_parquet(path, glob=False)
        if self._waiting:
            yield pl.concat(self._waiting)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="headrace-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._parts):05d}.parquet"
        pl.concat(self._waiting).write_parquet(path, compression="lz4", statistics=False)
        self._parts.append(path)
        self._waiting = []


class SeenDigests:
    """Which digests were surely not there before: a bitmap, in which two of 2**28 may look the same."""

    def __init__(self) -> None:
        """Begin with none."""
        self._cells = np.zeros(2 ** (_CELL_BITS - 3), np.uint8)

    def maybe(self, digests: pl.Series) -> Flags:
        """Whether each of some digests may have come before; from now on all of them have."""
        cells = digests.to_numpy() >> np.uint64(64 - _CELL_BITS)
        places = (cells >> np.uint64(3)).astype(np.int64)
        bits = np.left_shift(np.uint8(1), (cells & np.uint64(7)).astype(np.uint8))
        again = (self._cells[places] & bits) != 0
        np.bitwise_or.at(self._cells, places, bits)
        return np.asarray(again | ~pl.Series(cells).is_first_distinct().to_numpy())


class CopyNumbers:
    """Numbers the copies of rows that come in blocks."""

    def __init__(self, units: NDArray[np.uint64], before: NDArray[np.int64]) -> None:
        """Begin with none of them numbered.

        Args:
            units: Different digests, sorted.
            before: How many rows of each have a number already.
        """
        self._units = units
        self._next = before.copy()

    def numbers(self, units: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The numbers of the next rows, from 0 on for each digest; all digests are known ones."""
        places = np.searchsorted(self._units, units)
        within = pl.DataFrame({"place": places}).select(pl.int_range(pl.len()).over("place"))
        numbers = self._next[places] + within.to_series().to_numpy()
        self._next += np.bincount(places, minlength=len(self._next))
        return np.asarray(numbers)


class StreamingSplit:
    """The rows of one table, block by block, each with its side.

    Attributes:
        plan: The plan; with what the table decided once all rows came.
    """

    def __init__(self, contract: Contract, plan: SplitPlan, *, counted: DuplicateCounter | None = None) -> None:
        """Begin with no rows.

        Args:
            contract: The table's contract.
            plan: How to split; one by time has its cut.
            counted: Where the caller counts the digests of the same rows (of the keys, if the contract has some),
                all of them before ``rest`` is used; None to count them here.
        """
        self.plan = plan
        self._contract = contract
        self._numbered = split.are_copies_numbered(contract, plan)
        repeats = bool(contract.keys) and plan.method != "group"
        self._counting = counted is None and (self._numbered or repeats)
        self._counted = counted or DuplicateCounter()
        self._seen = SeenDigests() if self._numbered else None
        self._rows = 0
        self._classes: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._test: dict[str, int] = {}
        self._sides: set[bool] = set()
        self._held = HeldRows()

    def add(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Take in a block.

        Args:
            frame: Typed rows; digests that ``digest.with_digests`` added are used.

        Returns:
            The rows with ``_test``; it is missing where a row is held back.
        """
        if self.plan.method == "time" or self.plan.format == 1:
            return split.assign(frame, self._contract, plan=self.plan)
        table = split.with_unit(frame, self._contract, plan=self.plan)
        if self._counting:
            self._counted.add(table.get_column(KEY_DIGEST if self._contract.keys else DIGEST))
        table = with_draws(table, digest=UNIT, copy="", seed=self.plan.seed, name=DRAW)
        test = (table.get_column(DRAW) < whole_cut(self.plan.test_size)).to_numpy()
        waits = self._may_repeat(table) | self._is_early(test)
        waits |= self._is_near(table, test, waits)
        side = pl.Series(TEST, test)
        if waits.any():
            self._held.add(table.filter(waits).drop(set(MADE) - {UNIT}, strict=False))
            side = side.set(pl.Series(waits), None)
        return table.with_columns(side).drop(*MADE, strict=False)

    def rest(self) -> Iterator[pl.DataFrame]:
        """The rows that were held back, with ``_test``; after all rows came, and only once."""
        if self._is_balanced() and not self.plan.cut:
            self.plan = self._settle_plan()
        elif self.plan.method == "group" and len(self._sides) < 2:
            draws = [piece.get_column(DRAW).to_numpy() for piece in self._draw_held_rows()]
            if draws:
                self.plan = settled_groups(self.plan, np.concatenate(draws))
        for piece in self._draw_held_rows():
            yield split.drop_helper_columns(piece, split.side(self._contract, plan=self.plan))

    def _is_balanced(self) -> bool:
        return split_plan.is_balanced(self.plan, self._contract, rows=self._rows)

    def _may_repeat(self, table: pl.DataFrame) -> Flags:
        if self._seen is None:
            return np.zeros(table.height, np.bool_)
        return self._seen.maybe(table.get_column(UNIT)) & self._is_free(table)

    def _is_early(self, test: Flags) -> Flags:
        """Rows of a table that may yet be small, and, by group, rows before both sides have a group."""
        early: Flags = np.zeros(len(test), np.bool_)
        early[: max(split_plan.SMALL_ROWS - self._rows, 0)] = True
        self._rows += len(test)
        if self.plan.method == "group" and len(self._sides) < 2 and len(test):
            first = next(iter(self._sides), bool(test[0]))
            other = np.flatnonzero(test != first)
            early[: other[0] if len(other) else None] = True
            self._sides |= {first} if not len(other) else {True, False}
        return early

    def _is_near(self, table: pl.DataFrame, test: Flags, waits: Flags) -> Flags:
        """Rows on whose side the cut of their stratum has a say; the others are counted by class and side."""
        near = np.zeros(table.height, np.bool_)
        if self.plan.strata:
            alone = table.with_columns(pl.lit(value=False).alias(REPEATED))
            given = split.drop_helper_columns(alone, split.side(self._contract, plan=self.plan))
            return np.asarray(given.get_column(TEST).to_numpy() != test)
        if self.plan.method != "stratified" or self.plan.format == 1:
            return near
        target = table.get_column(self._contract.target.name)
        draws = table.get_column(DRAW).to_numpy()
        first = self._rows - table.height
        begin = 0
        while begin < table.height:
            stretch = _stretch(first + begin)
            end = min(stretch.stop - first, table.height)
            near[begin:end] = self._is_near_in_stretch(target[begin:end], draws[begin:end])
            if first + end == stretch.stop:
                self._before = dict(self._classes)
            begin = end
        _add(self._test, target.filter(pl.Series(test & ~near & ~waits)))
        return near

    def _is_near_in_stretch(self, target: pl.Series, draws: Draws) -> Flags:
        """Those of some rows (n,) of one stretch that the cut may part, by what is known where the stretch begins."""
        near = np.zeros(len(draws), np.bool_)
        labels = _add(self._classes, target)
        if not labels:
            return near
        bands = np.array([band(self.plan.test_size, self._before.get(label, 0)) for label in labels])
        candidates = np.flatnonzero((draws >= bands[:, 0].min()) & (draws <= bands[:, 1].max()))
        classes = target.gather(candidates)
        if classes.null_count():
            candidates, classes = candidates[classes.is_not_null().to_numpy()], classes.drop_nulls()
        mine = bands[classes.cast(pl.String).cast(pl.Enum(labels)).to_physical().to_numpy()]
        near[candidates] = (draws[candidates] >= mine[:, 0]) & (draws[candidates] <= mine[:, 1])
        return near

    def _settle_plan(self) -> SplitPlan:
        """The plan with its cuts, from what was counted and what is held back."""
        name, share = self._contract.target.name, self.plan.test_size
        if self._contract.task == "regression":
            values = [piece.get_column(name) for piece in self._held.frames()]
            rows = count_strata(pl.concat(values), self._contract, share=share) if values else {}
        else:
            rows = {label: self._classes[label] for label in sorted(self._classes)}
        found = StrataCuts(share, rows, test=dict(self._test))
        for piece in self._draw_held_rows():
            found.add(piece, name)
        return found.settle_plan(self.plan)

    def _draw_held_rows(self) -> Iterator[pl.DataFrame]:
        """The rows that were held back with their draws, the number of each copy taken into account."""
        balanced = bool(self._contract.keys) and self._is_balanced()
        copies = self._copies() if self._numbered else None
        for piece in self._held.frames():
            repeated = np.zeros(piece.height, np.bool_)
            if balanced and self._counted.count():
                repeated = self._counted.totals(piece.get_column(UNIT).to_numpy()) > 1
            numbers = np.zeros(piece.height, np.int64)
            if copies is not None:
                free = self._is_free(piece)
                numbers[free] = copies.numbers(piece.get_column(UNIT).to_numpy()[free])
            table = piece.with_columns(pl.Series(REPEATED, repeated), pl.Series(COPY, numbers))
            yield with_draws(table, digest=UNIT, copy=COPY, seed=self.plan.seed, name=DRAW)

    def _copies(self) -> CopyNumbers | None:
        """Numbers for what is held back: behind those rows of the same digest that were divided when they came.

        None where no row repeats another.
        """
        if not self._counted.count():
            return None
        units, held = np.empty(0, np.uint64), np.empty(0, np.int64)
        for piece in self._held.frames():
            more = piece.get_column(UNIT).to_numpy()[self._is_free(piece)]
            units, places = np.unique(np.concatenate([units, more]), return_inverse=True)
            held = np.bincount(places, np.concatenate([held, np.ones(len(more), np.int64)])).astype(np.int64)
        return CopyNumbers(units, self._counted.totals(units) - held)

    def _is_free(self, table: pl.DataFrame) -> Flags:
        """Rows that are drawn for themselves, because they have no group."""
        group = split_plan.group_column(self._contract) if self.plan.method == "group" else None
        alone = table.get_column(group.name).is_null().to_numpy() if group else np.ones(table.height, np.bool_)
        return np.asarray(alone)


def _stretch(row: int) -> range:
    """The rows, that one among them, which are judged by the same counts of classes, taken where the stretch begins.

    Stretches depend on the rows' places in the table, not on its blocks, and grow with it up to a limit.
    """
    doubled = min(max(row // split_plan.SMALL_ROWS, 1).bit_length() - 1, _LONGEST_STRETCH)
    size = split_plan.SMALL_ROWS * 2**doubled
    return range(row - row % size, row - row % size + size)


def _add(rows: dict[str, int], target: pl.Series) -> list[str]:
    """Count rows (n,) by class, those without one left out, and tell which classes they have."""
    counts = (target.drop_nulls() if target.null_count() else target).value_counts()
    labels = counts.to_series(0).cast(pl.String).to_list()
    for label, count in zip(labels, counts.to_series(1).to_list(), strict=True):
        rows[label] = rows.get(label, 0) + count
    return labels
