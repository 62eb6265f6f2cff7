"""The digest of a row: one number that depends on the row's values alone.

It decides on which side of a split a row falls and which rows are the same. The encoding (``hash_rows``, version 1) and
xxHash64 (https://xxhash.com) are both frozen: the same row has the same digest in any block, order and release.
"""

from collections.abc import Sequence
from typing import TypeVar

import polars as pl
import polars_hash

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

DIGEST = "_digest"


def row_digest(frame: Frame, columns: Sequence[str], *, seed: int = 0, name: str = DIGEST) -> Frame:
    """Add a column with the digest of some columns of each row.

    Args:
        frame: Table, eager or lazy.
        columns: Columns that count, in order; their names do not.
        seed: Another seed gives independent digests.
        name: Name of the new column.

    Returns:
        The table with a last column ``name`` of dtype UInt64, uniform over 0 to 2**64 - 1. Equal values give equal
        digests, whatever the width of an integer; a missing value is a value of its own.
    """
    return frame.with_columns(polars_hash.hash_rows(list(columns)).nchash.xxhash64(seed=seed).alias(name))
