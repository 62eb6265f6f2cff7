"""Numbers and dates that seem to stand for a missing value, such as -999 and 9999-12-31: they are told, not changed."""

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


def sentinel_notes(rows: pl.LazyFrame, facts: Mapping[str, ColumnProfile], columns: Mapping[str, Column]) -> list[Note]:
    """What is to be told of values that look like marks.

    A value is suspicious if it is one that people use as a mark, is the least or the largest of its column, stands in
    several rows, and is further from all others than they are from one another.

    Args:
        rows: Raw table.
        facts: What is known of its columns.
        columns: The contract's; those that are ignored are not looked at.

    Returns:
        A warning for each such value.
    """
    doubted = [
        (item, value)
        for name, item in facts.items()
        if name in columns and columns[name].role in {"feature", "timestamp", "target"}
        for value in _suspects(item)
    ]
    if not doubted:
        return []
    raw = rows.collect_schema()
    sample = rows.select({item.name: None for item, _ in doubted}.keys()).head(HEAD_ROWS).collect()
    casts = {item.name: cast_of(item, raw, sample=sample) for item, _ in doubted}
    wanted = []
    for place, (item, value) in enumerate(doubted):
        cast = pl.col(item.name)
        others = pl.when(cast != value).then(cast)  # a filter would be four times as slow
        wanted += [
            (cast == value).sum().alias(f"{place}:count"),
            others.min().alias(f"{place}:least"),
            others.max().alias(f"{place}:most"),
        ]
    row = rows.select(**casts).select(wanted).collect(engine="streaming").row(0, named=True)
    told = []
    for place, (item, value) in enumerate(doubted):
        count, least, most = (row[f"{place}:{what}"] for what in ("count", "least", "most"))
        if count >= _FEWEST and least is not None and _is_far(value, least, most):
            told.append(_note(item, value, count))
    return told


def _suspects(item: ColumnProfile) -> list[Any]:
    """The least and the largest value, where people use it as a mark."""
    if item.dtype in {"integer", "number"}:
        pairs: tuple[tuple[Any, tuple[Any, ...]], ...] = ((item.least, _LOW), (item.most, _HIGH))
        return [value for value, known in pairs if value is not None and item.distinct > _FEWEST and value in known]
    if item.dtype != "timestamp" or item.least is None:
        return []
    return [
        value
        for value, known in ((item.least, _FIRST_DAYS), (item.most, _LAST_DAYS))
        if isinstance(value, datetime) and value.date() in known
    ]


def _is_far(value: Any, least: Any, most: Any) -> bool:
    """Whether a value is further from the others than they are from one another."""
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
        f"{text} stands in {count:,} rows of the column {quote(item.name)}, far from all other values: it seems to "
        "stand for a missing value, but is taken as it is.",
        f"If it does, add '{text}' to missing_values in the contract, or give --missing {text} beside all other marks.",
    )
