"""What can only be known of a whole table, gathered block by block in bounded memory."""

from typing import Any

import polars as pl

from headrace.core.check import Block
from headrace.core.contract import Contract
from headrace.core.counts import Counts
from headrace.core.digest import DIGEST, KEY_DIGEST
from headrace.core.duplicates import Duplicates

SAMPLE_ROWS = 20_000
_SAMPLE_CELLS = 10_000_000
_FEWEST_SAMPLE_ROWS = 1_000


class Sample:
    """A random sample of rows that depends on their content alone: those with the smallest digests."""

    def __init__(self, rows: int) -> None:
        """Begin with no rows.

        Args:
            rows: Size of the sample.
        """
        self._rows = rows
        self._bound: int | None = None
        self._parts: list[pl.DataFrame] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Take in some rows with their digests."""
        self._parts.append(frame if self._bound is None else frame.filter(pl.col(DIGEST) < self._bound))
        if sum(part.height for part in self._parts) > 2 * self._rows:
            self._shrink()

    def frame(self) -> pl.DataFrame:
        """The sample, ordered by digest, without it."""
        self._shrink()
        return self._parts[0].drop(DIGEST)

    def _shrink(self) -> None:
        kept = pl.concat(self._parts).sort(DIGEST).head(self._rows)
        if kept.height == self._rows:
            self._bound = int(kept.item(-1, DIGEST))
        self._parts = [kept]


class Tally:
    """Everything that was found in the blocks of one table."""

    def __init__(self, contract: Contract) -> None:
        """Begin with no rows.

        Args:
            contract: The table's contract.
        """
        self.counts = Counts()
        self.rows = Duplicates()
        self.keys = Duplicates()
        self._names = [column.name for column in contract.columns if column.role in {"feature", "target"}]
        size = max(_FEWEST_SAMPLE_ROWS, min(SAMPLE_ROWS, _SAMPLE_CELLS // len(self._names)))
        self._sample = Sample(size)
        self._keyed = bool(contract.keys)

    def add(self, block: Block, digested: pl.DataFrame) -> None:
        """Take in one block.

        Args:
            block: The block as it was checked.
            digested: Its valid rows with the columns of ``digest.with_digests``.
        """
        self.counts += block.counts
        self.rows.add(digested.get_column(DIGEST))
        if self._keyed:
            self.keys.add(digested.get_column(KEY_DIGEST))
        self._sample.add(digested.select(*self._names, DIGEST))

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
