"""Fixed assignment of keys to the two versions of a test, which any language can repeat.

A key is what keeps its version: a client, an account, a device. Its place is the SHA-256 (FIPS 180-4) of the UTF-8
bytes of ``TEST/KEY``, of which the first 13 hexadecimal digits are read as a whole number and divided by 2**52, which
float64 holds exactly. A key gets the candidate if its place is below the candidate's share, else the baseline::

    place = parseInt(sha256(test + "/" + key).slice(0, 13), 16) / 2 ** 52       // JavaScript
    version = place < share ? candidate : baseline

A larger share moves keys to the candidate and none back, and no assignment moves fewer. Places in one test say nothing
of those in another, since the name of the test is hashed too; it has no slash, so that no two pairs are one text.
"""

import hashlib
import math
import re

import polars as pl
import polars_hash  # noqa: F401 - registers the namespace `chash`

from headrace.core.base.errors import InputError, quote

LEAST_SHARE = 0.001
_DIGITS = 13
_PLACES = 16**_DIGITS
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


def check_test_name(name: str) -> None:
    """Raise unless a text can name a test.

    Raises:
        InputError: If it is not 1 to 100 letters, digits, dots, hyphens and underscores, beginning with a letter or a
            digit.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            "the name of a test must be up to 100 letters, digits, dots, hyphens and underscores, beginning with a "
            f"letter or a digit; got {quote(name)} instead."
        )


def check_share(share: float) -> None:
    """Raise unless a number can be the candidate's share of the keys.

    Raises:
        InputError: If it is below 0.001 or above 0.999.
    """
    if not LEAST_SHARE <= share <= 1 - LEAST_SHARE:
        raise InputError(
            f"the candidate's share of the keys must be from {LEAST_SHARE:g} to {1 - LEAST_SHARE:g}; got {share:g} "
            "instead."
        )


def find_place(key: str | int, *, test: str) -> float:
    """Return the place of a key in a test: at least 0 and below 1, uniform over keys.

    Args:
        key: The key; a whole number stands for its decimal digits.
        test: Name of the test.
    """
    return float(int(hashlib.sha256(f"{test}/{key}".encode()).hexdigest()[:_DIGITS], 16) / _PLACES)


def is_candidate(key: str | int, *, test: str, share: float) -> bool:
    """Return whether a key gets the candidate.

    Args:
        key: The key; a whole number stands for its decimal digits.
        test: Name of the test.
        share: The candidate's share of the keys, 0 to 1.
    """
    return find_place(key, test=test) < share


def candidate_expression(key: str, *, test: str, share: float) -> pl.Expr:
    """Return ``is_candidate`` of a column as an expression, equal for every key; missing for a missing key.

    Args:
        key: Name of a column of texts or whole numbers.
        test: Name of the test.
        share: The candidate's share of the keys, as ``check_share`` allows.
    """
    # Lower-case hexadecimal digits sort as the numbers that they stand for, and a place below the share is one below
    # its next whole number of 2**-52.
    limit = f"{math.ceil(share * _PLACES):0{_DIGITS}x}"
    text = pl.lit(f"{test}/") + pl.col(key).cast(pl.String)
    return text.chash.sha2_256() < pl.lit(limit)  # type: ignore[attr-defined,no-any-return]


def check_key_column(frame: pl.DataFrame, key: str) -> None:
    """Raise unless each row of a table has a key that can be assigned.

    Raises:
        InputError: If there is no such column, its values are neither texts nor whole numbers, or one is missing.
    """
    if key not in frame.columns:
        known = ", ".join(frame.columns[:20])
        raise InputError(f"the key must be a column of the table; got {quote(key)}, and the columns are {known}.")
    dtype = frame.schema[key]
    if dtype not in {*_INTEGERS, pl.String}:
        raise InputError(
            f"keys must be texts or whole numbers, which have one spelling; column {quote(key)} holds {dtype} instead: "
            "convert it first."
        )
    missing = frame[key].null_count()
    if missing:
        raise InputError(
            f"every row must have a key; {missing:,} of {frame.height:,} rows have no value in column {quote(key)}: "
            "remove them."
        )
