"""Statistics that need the whole table, accumulated block by block in bounded memory."""

from typing import Any

import numpy as np
import polars as pl

from headrace.core.contracts.contract import Contract
from headrace.core.validation.block import ValidatedBlock
from headrace.core.validation.duplicates import DuplicateCounter
from headrace.core.validation.row_digest import DIGEST, KEY_DIGEST
from headrace.core.validation.violation_counts import ViolationCounts

SAMPLE_ROWS = 20_000
_SAMPLE_CELLS = 10_000_000
_FEWEST_SAMPLE_ROWS = 1_000
_DRAWN = "_drawn"


class RowSample:
    """A random sample of rows, in which each row has the same chance, independent of equal rows.

    The sample depends on the positions of rows in the table, not on how it is cut into blocks. Each row draws a number,
    and the rows with the smallest numbers are kept.
    """

    def __init__(self, rows: int, *, seed: int = 0) -> None:
        """Start without rows.

        Args:
            rows: Size of the sample.
            seed: Seed of the draw.
        """
        self._rows = rows
        self._draw = np.random.default_rng(seed)
        self._bound = 1.0
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Add the next rows (n)."""
        drawn = self._draw.random(frame.height)
        # A number above the bound can no longer be among the smallest.
        candidates = np.flatnonzero(drawn <= self._bound)
        if candidates.size > self._rows:
            candidates = candidates[np.argpartition(drawn[candidates], self._rows)[: self._rows]]
        self._parts.append(frame[candidates].with_columns(pl.Series(_DRAWN, drawn[candidates])))
        # Sorting waits for twice the size, so that its cost per row stays constant.
        if sum(part.height for part in self._parts) > 2 * self._rows:
            self._shrink()

    def frame(self) -> pl.DataFrame:
        """Return the sample, in random order."""
        self._shrink()
        return self._parts[0].drop(_DRAWN)

    def _shrink(self) -> None:
        smallest = pl.concat(self._parts).sort(_DRAWN).head(self._rows)
        if smallest.height == self._rows:
            self._bound = float(smallest.item(-1, _DRAWN))
        self._parts = [smallest]


class TableAccumulator:
    """The counts, digests and sample of all blocks of one table."""

    def __init__(self, contract: Contract) -> None:
        """Start without rows.

        Args:
            contract: The table's contract.
        """
        self.counts = ViolationCounts()
        self.rows = DuplicateCounter()
        self.keys = DuplicateCounter()
        self._names = [column.name for column in contract.columns if column.role in {"feature", "target"}]
        size = max(_FEWEST_SAMPLE_ROWS, min(SAMPLE_ROWS, _SAMPLE_CELLS // max(1, len(self._names))))
        self._sample = RowSample(size)
        self._keyed = bool(contract.keys)

    def add(self, block: ValidatedBlock, digested: pl.DataFrame) -> None:
        """Add one block.

        Args:
            block: The validated block.
            digested: Its valid rows (n) with the columns of ``row_digest.with_digests``.
        """
        self.counts += block.counts
        self.rows.add(digested.get_column(DIGEST))
        if self._keyed:
            self.keys.add(digested.get_column(KEY_DIGEST))
        self._sample.add(digested.select(self._names))

    def sample(self) -> pl.DataFrame:
        """Return at most 20,000 valid rows, features and target only."""
        return self._sample.frame()

    def facts(self) -> dict[str, Any]:
        """Return the numbers of rows read, valid and quarantined."""
        return {
            "read": self.counts.rows,
            "valid": self.counts.valid,
            "quarantined": self.counts.quarantined,
        }
