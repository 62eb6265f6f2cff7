"""Finds and reports numbers and dates that seem to mean a missing value, such as -999 and 9999-12-31."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Column
from headrace.core.contracts.profiling.column_profile import HEAD_ROWS, ColumnProfile
from headrace.core.contracts.profiling.standing_rows import cast_of

_NINES = tuple(int("9" * count) for count in range(2, 11))
_LOW = (-1, -9, *(-number for number in _NINES), *(-number + 11 for number in _NINES if number > 99), -2147483648)
_HIGH = (*_NINES, *(number - 11 for number in _NINES if number > 99), 2147483647)
_FIRST_DAYS = (
    date(1, 1, 1), date(1753, 1, 1), date(1800, 1, 1), date(1899, 12, 30), date(1899, 12, 31), date(1900, 1, 1),
    date(1901, 1, 1), date(1970, 1, 1),
)  # fmt: skip
_LAST_DAYS = (
    date(2099, 12, 31), date(2100, 1, 1), date(2199, 12, 31), date(2262, 4, 11), date(2999, 12, 31), date(3000, 1, 1),
    date(4712, 12, 31), date(9999, 1, 1), date(9999, 12, 31),
)  # fmt: skip
_FEWEST = 2


def sentinel_notes(
    rows: pl.LazyFrame, profiles: Mapping[str, ColumnProfile], columns: Mapping[str, Column]
) -> list[Note]:
    """Return a warning for each value that looks like a sentinel.

    A value is suspicious if it is a common sentinel, is the least or the largest of its column, occurs in several
    rows, and is further from all others than they are from one another.

    Args:
        rows: Raw table.
        profiles: The profile of each column.
        columns: The contract's columns; ignored ones are skipped.

    Returns:
        A warning for each such value.
    """
    suspects = [
        (item, value)
        for name, item in profiles.items()
        if name in columns and columns[name].role in {"feature", "timestamp", "target"}
        for value in _suspects(item)
    ]
    if not suspects:
        return []
    raw = rows.collect_schema()
    sample = rows.select({item.name: None for item, _ in suspects}.keys()).head(HEAD_ROWS).collect()
    casts = {item.name: cast_of(item, raw, sample=sample) for item, _ in suspects}
    aggregates = []
    for position, (item, value) in enumerate(suspects):
        cast = pl.col(item.name)
        others = pl.when(cast != value).then(cast)  # a filter would be four times as slow
        aggregates += [
            (cast == value).sum().alias(f"{position}:count"),
            others.min().alias(f"{position}:least"),
            others.max().alias(f"{position}:most"),
        ]
    row = rows.select(**casts).select(aggregates).collect(engine="streaming").row(0, named=True)
    notes = []
    for position, (item, value) in enumerate(suspects):
        count, least, most = (row[f"{position}:{key}"] for key in ("count", "least", "most"))
        if count >= _FEWEST and least is not None and _is_far(value, least, most):
            notes.append(_note(item, value, count))
    return notes


def _suspects(item: ColumnProfile) -> list[Any]:
    """Return the least and the largest value, where they are common sentinels."""
    if item.dtype in {"integer", "number"}:
        pairs: tuple[tuple[Any, tuple[Any, ...]], ...] = ((item.least, _LOW), (item.most, _HIGH))
        return [
            value for value, sentinels in pairs if value is not None and item.distinct > _FEWEST and value in sentinels
        ]
    if item.dtype != "timestamp" or item.least is None:
        return []
    return [
        value
        for value, sentinels in ((item.least, _FIRST_DAYS), (item.most, _LAST_DAYS))
        if isinstance(value, datetime) and value.date() in sentinels
    ]


def _is_far(value: Any, least: Any, most: Any) -> bool:
    """Check whether a value is further from the others than they are from one another."""
    if value == -1:
        return bool(least >= 0 and most > _FEWEST)
    distance = least - value if value < least else value - most
    return bool(distance > most - least)


def _note(item: ColumnProfile, value: Any, count: int) -> Note:
    text = f"{value:%Y-%m-%d}" if isinstance(value, datetime) else f"{value:.0f}"
    return Note(
        "warning",
        item.name,
        "sentinel",
        count,
        f"{text} occurs in {count:,} rows of the column {quote(item.name)}, far from all other values: it seems to "
        "mean a missing value, but is kept as it is.",
        f"If it does, add '{text}' to missing_values in the contract, or give --missing-value {text} with all other "
        "marks.",
    )
