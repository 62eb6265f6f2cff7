"""The split of a table that arrives in blocks, in memory that does not grow with it.

Most rows get their side when they arrive. Held back until the end are the first ``SMALL_ROWS`` rows; of later ones
those that may repeat an earlier row, since their copies must be numbered; and those whose draw is near the cut of their
class. The sides are those of ``split.assign``; the rows that were held back come last.

Memory holds one block of the rows that are held back (the rest is in a temporary folder), a bitmap of 32 MiB, 16 bytes
for each different row that may have copies, and the draws near the cuts, some 13 times the square root of the rows.
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
from headrace.core.splits.strata_cuts import StrataCuts, band, count_strata, settle_groups
from headrace.core.validation.duplicates import DuplicateCounter
from headrace.core.validation.row_digest import DIGEST, KEY_DIGEST

Flags = NDArray[np.bool_]

_CELL_BITS = 28
_HELD_CELLS = 4_000_000
_LONGEST_STRETCH = 3  # doublings


class HeldRows:
    """Rows held back: a block of them in memory, the rest in a temporary folder that is removed with the object."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._in_memory: list[pl.DataFrame] = []
        self._folder: Path | None = None
        self._parts: list[Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Hold back rows (n) of one schema."""
        if not frame.height:
            return
        self._in_memory.append(frame)
        if sum(part.height for part in self._in_memory) * frame.width > _HELD_CELLS:
            self._spill()

    def frames(self) -> Iterator[pl.DataFrame]:
        """Iterate over the rows in the order of their arrival, block by block; can be repeated."""
        for path in self._parts:
            yield pl.read_parquet(path, glob=False)
        if self._in_memory:
            yield pl.concat(self._in_memory)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="headrace-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        path = self._folder / f"{len(self._parts):05d}.parquet"
        pl.concat(self._in_memory).write_parquet(path, compression="lz4", statistics=False)
        self._parts.append(path)
        self._in_memory = []


class SeenDigests:
    """Digests that occurred before: a bitmap of 2**28 cells, in which two digests may share a cell."""

    def __init__(self) -> None:
        """Begin without rows."""
        # 32 MiB whatever the table: a shared cell only holds a row back in vain, it never divides one wrongly.
        self._cells = np.zeros(2 ** (_CELL_BITS - 3), np.uint8)

    def mark(self, digests: pl.Series) -> Flags:
        """Return whether each of some digests (n,) may have occurred before, and mark all of them."""
        cells = digests.to_numpy() >> np.uint64(64 - _CELL_BITS)
        places = (cells >> np.uint64(3)).astype(np.int64)
        bits = np.left_shift(np.uint8(1), (cells & np.uint64(7)).astype(np.uint8))
        marked = (self._cells[places] & bits) != 0
        # `|=` would keep one bit only where several digests fall into the same byte.
        np.bitwise_or.at(self._cells, places, bits)
        return np.asarray(marked | ~pl.Series(cells).is_first_distinct().to_numpy())


class CopyNumbers:
    """Number the copies of rows that arrive in blocks."""

    def __init__(self, units: NDArray[np.uint64], before: NDArray[np.int64]) -> None:
        """Begin with the copies that have a number already.

        Args:
            units: Different digests (n,), sorted.
            before: Number of rows of each (n,) that have a number already.
        """
        self._units = units
        self._next = before.copy()

    def numbers(self, units: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Number the next rows (m,), from 0 on for each digest; all digests must be among ``units``."""
        places = np.searchsorted(self._units, units)
        within = pl.DataFrame({"place": places}).select(pl.int_range(pl.len()).over("place"))
        numbers = self._next[places] + within.to_series().to_numpy()
        self._next += np.bincount(places, minlength=len(self._next))
        return np.asarray(numbers)


class StreamingSplit:
    """Assign the rows of one table to sides, block by block.

    Attributes:
        plan: The plan; with what the table decides once all rows have arrived.
    """

    def __init__(self, contract: Contract, plan: SplitPlan, *, duplicates: DuplicateCounter | None = None) -> None:
        """Begin without rows.

        Args:
            contract: The table's contract.
            plan: How to split; a plan by time has its cut.
            duplicates: Counter of the caller for the digests of the same rows (of the keys, if the contract has some),
                complete before ``finish`` is called; None to count them here.
        """
        self.plan = plan
        self._contract = contract
        self._numbered = split.are_copies_numbered(contract, plan)
        repeats = bool(contract.keys) and plan.method != "group"
        self._counting = duplicates is None and (self._numbered or repeats)
        self._counted = duplicates or DuplicateCounter()
        self._seen = SeenDigests() if self._numbered else None
        self._rows = 0
        self._classes: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._test: dict[str, int] = {}
        self._sides: set[bool] = set()
        self._held = HeldRows()

    def add(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Assign the rows of a block.

        Args:
            frame: Typed rows (n); digests that ``row_digest.with_digests`` added are used.

        Returns:
            The rows (n) with a last column ``_test``; it is missing where a row is held back.
        """
        if self.plan.method == "time" or self.plan.format == 1:
            return split.assign(frame, self._contract, plan=self.plan)
        table = split.with_unit(frame, self._contract, plan=self.plan)
        if self._counting:
            self._counted.add(table.get_column(KEY_DIGEST if self._contract.keys else DIGEST))
        table = with_draws(table, digest=UNIT, copy="", seed=self.plan.seed, name=DRAW)
        test = (table.get_column(DRAW) < whole_cut(self.plan.test_size)).to_numpy()
        # A possible copy waits: its draw depends on its number among equal rows.
        waits = self._may_repeat(table) | self._is_early(test)
        waits |= self._is_near(table, test, waits)
        side = pl.Series(TEST, test)
        if waits.any():
            self._held.add(table.filter(waits).drop(set(MADE) - {UNIT}, strict=False))
            side = side.set(pl.Series(waits), None)
        return table.with_columns(side).drop(*MADE, strict=False)

    def finish(self) -> Iterator[pl.DataFrame]:
        """Iterate over the rows that were held back, with ``_test``; after all rows have arrived, and only once."""
        # Only now are all counts known, on which the exact cuts depend.
        if self._is_balanced() and not self.plan.cut:
            self.plan = self._settle_plan()
        elif self.plan.method == "group" and len(self._sides) < 2:
            draws = [piece.get_column(DRAW).to_numpy() for piece in self._draw_held_rows()]
            if draws:
                self.plan = settle_groups(self.plan, np.concatenate(draws))
        for piece in self._draw_held_rows():
            yield split.drop_helper_columns(piece, split.is_test(self._contract, plan=self.plan))

    def _is_balanced(self) -> bool:
        return split_plan.is_balanced(self.plan, self._contract, rows=self._rows)

    def _may_repeat(self, table: pl.DataFrame) -> Flags:
        if self._seen is None:
            return np.zeros(table.height, np.bool_)
        return self._seen.mark(table.get_column(UNIT)) & self._is_free(table)

    def _is_early(self, test: Flags) -> Flags:
        """Return the rows (n,) of a table that may yet be small; by group, those before both sides have a group."""
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
        """Return the rows (n,) whose side depends on the cut of their stratum; count the others by class and side."""
        near = np.zeros(table.height, np.bool_)
        # The cuts are given, by an earlier run: only rows whose side they change must wait.
        if self.plan.strata:
            alone = table.with_columns(pl.lit(value=False).alias(REPEATED))
            by_cut = split.drop_helper_columns(alone, split.is_test(self._contract, plan=self.plan))
            return np.asarray(by_cut.get_column(TEST).to_numpy() != test)
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
        """Return the rows (n,) of one stretch that the cut may separate, by the counts at the stretch's begin."""
        near = np.zeros(len(draws), np.bool_)
        labels = _add(self._classes, target)
        if not labels:
            return near
        bands = np.array([band(self.plan.test_size, self._before.get(label, 0)) for label in labels])
        candidates = np.flatnonzero((draws >= bands[:, 0].min()) & (draws <= bands[:, 1].max()))
        classes = target.gather(candidates)
        if classes.null_count():
            candidates, classes = candidates[classes.is_not_null().to_numpy()], classes.drop_nulls()
        of_row = bands[classes.cast(pl.String).cast(pl.Enum(labels)).to_physical().to_numpy()]
        near[candidates] = (draws[candidates] >= of_row[:, 0]) & (draws[candidates] <= of_row[:, 1])
        return near

    def _settle_plan(self) -> SplitPlan:
        """Return the plan with its cuts, from the counts and the rows that are held back."""
        # A regression's strata are quantiles; nothing less than all its held values gives their edges.
        name, share = self._contract.target.name, self.plan.test_size
        if self._contract.task == "regression":
            values = [piece.get_column(name) for piece in self._held.frames()]
            rows = count_strata(pl.concat(values), self._contract, share=share) if values else {}
        else:
            rows = {label: self._classes[label] for label in sorted(self._classes)}
        cuts = StrataCuts(share, rows, test=dict(self._test))
        for piece in self._draw_held_rows():
            cuts.add(piece, name)
        return cuts.settle_plan(self.plan)

    def _draw_held_rows(self) -> Iterator[pl.DataFrame]:
        """Iterate over the rows that were held back with their draws, by the number of each copy."""
        balanced = bool(self._contract.keys) and self._is_balanced()
        # Computed before the pieces are read: the numbers continue those of the rows that were divided at once.
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
        """Return numbers for the rows held back, after the divided rows of the same digest; None without copies."""
        if not self._counted.count():
            return None
        units, held_counts = np.empty(0, np.uint64), np.empty(0, np.int64)
        for piece in self._held.frames():
            more = piece.get_column(UNIT).to_numpy()[self._is_free(piece)]
            units, places = np.unique(np.concatenate([units, more]), return_inverse=True)
            held_counts = np.bincount(places, np.concatenate([held_counts, np.ones(len(more), np.int64)])).astype(
                np.int64
            )
        return CopyNumbers(units, self._counted.totals(units) - held_counts)

    def _is_free(self, table: pl.DataFrame) -> Flags:
        """Return the rows (n,) that are drawn independently, because they have no group."""
        group = split_plan.group_column(self._contract) if self.plan.method == "group" else None
        alone = table.get_column(group.name).is_null().to_numpy() if group else np.ones(table.height, np.bool_)
        return np.asarray(alone)


def _stretch(row: int) -> range:
    """Return the stretch of a row: rows that are judged by the same counts of classes, those at its begin.

    Stretches depend on the rows' places in the table, not on its blocks, and grow with it up to a limit.
    """
    doubled = min(max(row // split_plan.SMALL_ROWS, 1).bit_length() - 1, _LONGEST_STRETCH)
    size = split_plan.SMALL_ROWS * 2**doubled
    return range(row - row % size, row - row % size + size)


def _add(rows: dict[str, int], target: pl.Series) -> list[str]:
    """Count rows (n,) by class, without those that have none, and return the classes."""
    counts = (target.drop_nulls() if target.null_count() else target).value_counts()
    labels = counts.to_series(0).cast(pl.String).to_list()
    for label, count in zip(labels, counts.to_series(1).to_list(), strict=True):
        rows[label] = rows.get(label, 0) + count
    return labels
