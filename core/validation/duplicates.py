"""Counts equal digests exactly, in memory that does not grow with the table."""

import shutil
import tempfile
import weakref
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

IN_MEMORY = 1_000_000
_BUCKET_BITS = 6
BUCKETS = 2**_BUCKET_BITS


class DuplicateCounter:
    """Counts the digests that repeat an earlier one.

    Up to a million digests stay in memory. Beyond that all are written to disk, into 64 files by their first bits, and
    each file is counted by itself, since equal digests are in one file. The files are deleted with the object.
    """

    def __init__(self, *, in_memory: int = IN_MEMORY) -> None:
        """Start without rows.

        Args:
            in_memory: Largest number of digests to keep in memory.
        """
        self._limit = in_memory
        self._chunks: list[NDArray[np.uint64]] = []
        self._in_memory_rows = 0
        self._folder: Path | None = None
        self._count: int | None = None

    def add(self, digests: pl.Series) -> None:
        """Add the digests (n,) of some rows, of dtype UInt64, uniform over its range."""
        self._count = None
        self._chunks.append(digests.to_numpy())
        self._in_memory_rows += digests.len()
        if self._in_memory_rows > self._limit:
            self._spill()

    def count(self) -> int:
        """Return the number of rows that repeat an earlier one."""
        if self._count is None:
            self._count = self._count_all()
        return self._count

    def _count_all(self) -> int:
        if self._folder is None:
            return _count_repeats(np.concatenate(self._chunks)) if self._chunks else 0
        self._spill()
        return sum(_count_repeats(np.fromfile(path, np.uint64)) for path in sorted(self._folder.iterdir()))

    def totals(self, digests: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return how many rows have each of the given digests (n,); counts (n,), digests in any order."""
        if self._folder is None:
            return (
                _totals(np.sort(np.concatenate(self._chunks)), digests) if self._chunks else np.zeros(len(digests), int)
            )
        self._spill()
        counts = np.zeros(len(digests), np.int64)
        buckets = digests >> np.uint64(64 - _BUCKET_BITS)
        for bucket in np.unique(buckets).tolist():
            path, in_bucket = self._folder / f"{bucket:02d}", buckets == bucket
            if path.exists():
                counts[in_bucket] = _totals(np.sort(np.fromfile(path, np.uint64)), digests[in_bucket])
        return counts

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="headrace-"))
            # Also runs when the interpreter exits, so that no files are left behind.
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        if not self._chunks:
            return
        digests = np.sort(np.concatenate(self._chunks))
        self._chunks, self._in_memory_rows = [], 0
        bounds = np.arange(1, BUCKETS, dtype=np.uint64) << np.uint64(64 - _BUCKET_BITS)
        for bucket, piece in enumerate(np.split(digests, np.searchsorted(digests, bounds))):
            with (self._folder / f"{bucket:02d}").open("ab") as stream:
                piece.tofile(stream)


def _count_repeats(digests: NDArray[np.uint64]) -> int:
    ordered = np.sort(digests)
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))


def _totals(ordered: NDArray[np.uint64], digests: NDArray[np.uint64]) -> NDArray[np.int64]:
    right, left = (np.searchsorted(ordered, digests, side=side) for side in ("right", "left"))
    return np.asarray(right - left)
