"""What can only be known of a whole table, gathered block by block in bounded memory."""

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
    """A random sample of rows: each has the same chance, and equal rows have it one by one.

    Which rows are drawn depends on their places in the table, not on how it is cut into blocks.
    """

    def __init__(self, rows: int, *, seed: int = 0) -> None:
        """Begin with no rows.

        Args:
            rows: Size of the sample.
            seed: Another seed draws other rows.
        """
        self._rows = rows
        self._draw = np.random.default_rng(seed)
        self._bound = 1.0
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the next rows."""
        drawn = self._draw.random(frame.height)
        near = np.flatnonzero(drawn <= self._bound)
        if near.size > self._rows:
            near = near[np.argpartition(drawn[near], self._rows)[: self._rows]]
        self._parts.append(frame[near].with_columns(pl.Series(_DRAWN, drawn[near])))
        if sum(part.height for part in self._parts) > 2 * self._rows:
            self._shrink()

    def frame(self) -> pl.DataFrame:
        """The sample, in random order."""
        self._shrink()
        return self._parts[0].drop(_DRAWN)

    def _shrink(self) -> None:
        kept = pl.concat(self._parts).sort(_DRAWN).head(self._rows)
        if kept.height == self._rows:
            self._bound = float(kept.item(-1, _DRAWN))
        self._parts = [kept]


class TableAccumulator:
    """Everything that was found in the blocks of one table."""

    def __init__(self, contract: Contract) -> None:
        """Begin with no rows.

        Args:
            contract: The table's contract.
        """
        self.counts = ViolationCounts()
        self.rows = DuplicateCounter()
        self.keys = DuplicateCounter()
        self._names = [column.name for column in contract.columns if column.role in {"feature", "target"}]
        size = max(_FEWEST_SAMPLE_ROWS, min(SAMPLE_ROWS, _SAMPLE_CELLS // len(self._names)))
        self._sample = RowSample(size)
        self._keyed = bool(contract.keys)

    def add(self, block: ValidatedBlock, digested: pl.DataFrame) -> None:
        """Take in one block.

        Args:
            block: The block as it was checked.
            digested: Its valid rows with the columns of ``digest.with_digests``.
        """
        self.counts += block.counts
        self.rows.add(digested.get_column(DIGEST))
        if self._keyed:
            self.keys.add(digested.get_column(KEY_DIGEST))
        self._sample.add(digested.select(self._names))

    def sample(self) -> pl.DataFrame:
        """At most 20,000 valid rows, features and target only."""
        return self._sample.frame()

    def facts(self) -> dict[str, Any]:
        """Rows read, valid and quarantined."""
        return {
            "read": self.counts.rows,
            "valid": self.counts.valid,
            "quarantined": self.counts.quarantined,
        }
