"""The digest of a row: one number that depends on the row's values only.

It decides on which side of a split a row falls, and which rows are equal. The encoding (``hash_rows``, version 1) and
xxHash64 (https://xxhash.com) are both frozen: the same row has the same digest in any block, order and release.
"""

from collections.abc import Sequence
from typing import TypeVar

import polars as pl
import polars_hash

from headrace.core.contracts.contract import Contract

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

DIGEST = "_digest"
KEY_DIGEST = "_key_digest"
GROUP_DIGEST = "_group_digest"
_MASK = 2**64 - 1


def row_digest(frame: Frame, columns: Sequence[str], *, name: str = DIGEST) -> Frame:
    """Add a column with the digest of some columns of each row.

    Args:
        frame: Table, eager or lazy.
        columns: Columns to digest, in order; their names have no influence.
        name: Name of the new column.

    Returns:
        The table with a last column ``name`` of dtype UInt64, uniform over 0 to 2**64 - 1. Equal values give equal
        digests, whatever the width of an integer; a missing value is a value of its own.
    """
    return frame.with_columns(polars_hash.hash_rows(list(columns)).nchash.xxhash64().alias(name))


def with_digests(frame: Frame, contract: Contract) -> Frame:
    """Add the digest of the whole row, ``_digest``, and of the contract's keys, ``_key_digest``, if any.

    Args:
        frame: Typed table.
        contract: The table's contract.

    Returns:
        The table with one or two more columns of dtype UInt64.
    """
    digested = row_digest(frame, [column.name for column in contract.typed_columns])
    return row_digest(digested, contract.keys, name=KEY_DIGEST) if contract.keys else digested


def reseed(digest: pl.Expr, seed: int) -> pl.Expr:
    """Return another digest for each seed, for splits of format 1: the product with an odd number, modulo 2**64.

    It is as uniform as the first. The factor is drawn by SplitMix64 (Steele, Lea and Flood 2014,
    doi:10.1145/2660193.2660195).
    """
    state = (seed + 0x9E3779B97F4A7C15) & _MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
    return digest * pl.lit((state ^ (state >> 31)) | 1, pl.UInt64)
