"""Replaces personal values by keyed hashes: equal values stay equal, and cannot be read.

The hash is HMAC-SHA-256 (RFC 2104) under ``HEADRACE_HASH_KEY``, in hexadecimal, cut to 32 digits. Without a key it is
plain SHA-256, which is weaker: anyone who can list the possible values can find the one that was hashed.
"""

import hashlib
import hmac
from collections.abc import Iterable

import polars as pl
import polars_hash  # noqa: F401 - registers the namespace `chash`

from headrace.core.base import settings

DIGITS = 32


def hashed_text(value: str, *, key: bytes) -> str:
    """Return the hash of one value.

    Args:
        value: The value as text.
        key: Secret key; empty for plain SHA-256.
    """
    digest = hmac.digest(key, value.encode(), "sha256") if key else hashlib.sha256(value.encode()).digest()
    return digest.hex()[:DIGITS]


def hash_columns(frame: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
    """Return the frame with some columns hashed as text, with the environment's key; missing values stay missing.

    Args:
        frame: Table of n rows.
        columns: Names of the columns; each becomes a text column.
    """
    key = settings.hash_key().decode()
    digests = []
    for name in columns:
        text = pl.col(name).cast(pl.String)
        chash = text.chash  # type: ignore[attr-defined]
        digests.append((chash.hmac_sha256(key=key) if key else chash.sha2_256()).str.head(DIGITS).alias(name))
    return frame.with_columns(digests) if digests else frame
