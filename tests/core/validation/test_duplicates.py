"""Equal digests are counted exactly, in memory and on disk."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from headrace.core.validation.duplicates import DuplicateCounter


@pytest.mark.parametrize("in_memory", [10, 999, 10_000, 1_000_000])
def test_the_count_is_exact(in_memory: int) -> None:
    """Copies within a block, across blocks and at both ends of the range are found, wherever the digests are held."""
    draw = np.random.default_rng(3)
    unique = draw.integers(0, 2**64, 20_000, dtype=np.uint64)
    unique[:2] = 0, 2**64 - 1
    assert np.unique(unique).size == unique.size
    digests = draw.permutation(np.concatenate([unique, unique[:3_000], unique[:3_000], unique[:2]]))
    counted = DuplicateCounter(in_memory=in_memory)
    for block in np.array_split(digests, 40):
        counted.add(pl.Series(block))
    assert counted.count() == 6_002
    assert counted.count() == 6_002


def test_nothing_repeats_nothing() -> None:
    """No rows have no copies."""
    assert DuplicateCounter().count() == 0


def test_the_disk_is_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put on disk goes with the object."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    counted = DuplicateCounter(in_memory=1)
    counted.add(pl.Series([1, 2, 2], dtype=pl.UInt64))
    assert len(list(tmp_path.iterdir())) == 1
    assert counted.count() == 1
    del counted
    assert list(tmp_path.iterdir()) == []
