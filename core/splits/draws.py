"""The number drawn for each row that decides on its side of a split: from the row's digest, copy number and a seed.

Two rounds of a Feistel network (Luby and Rackoff 1988, doi:10.1137/0217022) over the integers modulo the prime
2**31 - 1, with cubes as round functions: for one copy number and seed it is a permutation, so that different
digests get different draws; draws of different copies and seeds are practically independent. The numbers stay below
2**63, so that every engine with 64-bit integers computes the same ones, without overflow.
"""

from typing import TypeVar

import narwhals as nw

T = TypeVar("T")

_PRIME = 2**31 - 1
_HALF = 2**31
WHOLE = _HALF * _PRIME
"""Upper bound of draws: a draw is an integer from 0 to ``WHOLE - 1``."""

UNIT, COPY, DRAW, REPEATED = "_unit", "_copy", "_draw", "_repeated"
"""Helper columns of a table: digest to draw by, number of the copy, draw, whether its key occurs in more rows."""

_MASK = 2**64 - 1


def with_draws(frame: T, *, digest: str, copy: str, seed: int, name: str) -> T:
    """Add a column of draws.

    Args:
        frame: Table of any engine that narwhals supports, eager or lazy.
        digest: Column of digests, integers uniform over 0 to 2**64 - 1.
        copy: Column with the number of the copy, 0 for the first of equal rows; empty if all are 0.
        seed: Seed of the draws, 0 to 2**64 - 1.
        name: Name of the new column.

    Returns:
        The table with a last column ``name`` of dtype Int64, uniform over 0 to ``WHOLE - 1``.
    """
    first, step, second = _keys(seed)
    left, right, mixed = (f"{name}_{part}" for part in ("left", "right", "mixed"))
    value, table = nw.col(digest), nw.from_native(frame)  # type: ignore[call-overload]
    # Polars divides unsigned integers twice as fast; not every engine has them.
    whole = nw.UInt64 if table.collect_schema()[digest] == nw.UInt64 else nw.Int64
    shifted = nw.col(right) + first
    if copy:
        shifted = shifted + nw.col(copy).cast(whole) * step
    table = table.with_columns(
        # The division leaves no remainder, so that an engine that divides in float64 is exact too.
        ((value - value % 2**33) // 2**33).cast(whole).alias(left),
        (value % _HALF).cast(whole).alias(right),
    )
    table = table.with_columns((shifted % _PRIME).alias(mixed))
    table = table.with_columns(((nw.col(left) + _cube(nw.col(mixed))) % _PRIME).alias(left))
    table = table.with_columns(((nw.col(left) + second) % _PRIME).alias(mixed))
    drawn = ((nw.col(right) + _cube(nw.col(mixed))) % _PRIME) * _HALF + nw.col(left)
    table = table.with_columns(drawn.cast(nw.Int64).alias(name))
    result: T = table.drop(left, right, mixed).to_native()
    return result


def _cube(value: nw.Expr) -> nw.Expr:
    return (value * value) % _PRIME * value % _PRIME


def _keys(seed: int) -> tuple[int, int, int]:
    """Derive three keys of 31 bits from a seed, none of them 0, by SplitMix64.

    Source: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195.
    """
    keys = []
    for place in range(1, 4):
        state = (seed + place * 0x9E3779B97F4A7C15) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        keys.append((state ^ (state >> 31)) % (_PRIME - 1) + 1)
    return keys[0], keys[1], keys[2]
