"""Finds category lists that are incomplete: many of their values occur once or twice, so others will come."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.contract import Column

_CLOSED = 20
_RARE = 2
_RARE_SHARE = 0.25
_ONCE_SHARE = 0.005


@dataclass(frozen=True)
class ValueCounts:
    """How often the values of a column occur.

    Attributes:
        rows: Rows with a value.
        once: Values that occur in one row.
        rare: Values that occur in one or two rows.
    """

    rows: int
    once: int
    rare: int


def open_incomplete_lists(rows: pl.LazyFrame, columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return the columns; those with an incomplete list of categories get ``unseen: accept`` and the reason.

    The probability that the next row holds a new value is about the share of rows whose value was seen once (I. J.
    Good, The population frequencies of species, Biometrika 40, 1953). A list of more than 20 is open where that is
    over one in 200, or where a quarter of its values occur once or twice.

    Args:
        rows: Raw table.
        columns: The suggested columns.
    """
    listed = [
        column
        for column in columns.values()
        if column.role == "feature" and column.dtype == "string" and len(column.categories or ()) > _CLOSED
    ]
    opened = dict(columns)
    for name, counts in _count_values(rows, [column.name for column in listed]).items():
        total = len(opened[name].categories or ())
        if counts.once > _ONCE_SHARE * counts.rows or counts.rare > _RARE_SHARE * total:
            rare = f"{counts.rare:,} of its {total:,} texts"
            why = f"{rare} were seen once or twice, so others will come: they are accepted."
            opened[name] = replace(
                opened[name], unseen="accept", description=_join_sentences(opened[name].description, why)
            )
    return opened


def _join_sentences(first: str, second: str) -> str:
    return f"{first} {second}" if first else second


def _count_values(rows: pl.LazyFrame, names: list[str]) -> dict[str, ValueCounts]:
    counts_by_name = {}
    for name in names:
        frequencies = rows.group_by(name).len("\0rows").filter(pl.col(name).is_not_null()).select("\0rows")
        counts = frequencies.collect(engine="streaming").to_series()
        counts_by_name[name] = ValueCounts(int(counts.sum()), int((counts == 1).sum()), int((counts <= _RARE).sum()))
    return counts_by_name


def open_notes(columns: Mapping[str, Column]) -> list[Note]:
    """Return a note for each incomplete list of categories."""
    return [
        Note(
            "info",
            column.name,
            "open_categories",
            0,
            f"The column {quote(column.name)} has many rare texts. {column.description}",
            "Set unseen: refuse in the contract, if the list is complete.",
        )
        for column in columns.values()
        if column.unseen == "accept"
    ]
