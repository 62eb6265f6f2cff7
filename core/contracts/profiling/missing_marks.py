"""A survey that takes marks for a missing value as such, where the reader has left some in columns of texts."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.profiling.column_profile import ColumnProfile
from headrace.core.values import missing_values


class TableSurvey(Protocol):
    """Finds out what the columns of a table hold, but for those of which enough is known."""

    def __call__(
        self, table: pl.LazyFrame, *, known: Mapping[str, ColumnProfile] | None = None
    ) -> dict[str, ColumnProfile]:
        """Survey the columns that are not known."""


_TEXTS = tuple(mark for mark in missing_values.DEFAULT if mark not in missing_values.NUMBERS)


def survey_with_marks(
    table: pl.LazyFrame, *, survey: TableSurvey
) -> tuple[pl.LazyFrame, dict[str, ColumnProfile], list[Note]]:
    """Survey a table whose marks count as missing.

    Args:
        table: Raw table.
        survey: Finds out what the columns of a table hold.

    Returns:
        The table with missing values for its marks, the facts of its columns, and what is to be told. A dash is a mark
        in a column of numbers or dates only, and NA none in a column of countries.
    """
    facts = survey(table)
    texts = table.collect_schema()
    doubted = [name for name, item in facts.items() if texts[name] == pl.String and _may_hold_marks(item)]
    held = missing_values.columns_with_marks(table, doubted)
    if not held:
        return table, facts, []
    marks = {name: _but_codes(missing_values.DEFAULT, facts[name]) for name in held}
    clear = missing_values.clear_marks(table, marks)
    others = {name: item for name, item in facts.items() if name not in held and is_plain(item)}
    again = survey(clear, known=others)
    still = {name: _but_codes(_TEXTS, facts[name]) for name in held if again[name].dtype == "string"}
    if still:
        marks |= still
        clear = missing_values.clear_marks(table, marks)
        again = survey(clear, known=others)
    changed = [name for name in held if again[name].missing > facts[name].missing]
    return clear, again, [_note(again[name], again[name].missing - facts[name].missing) for name in changed]


def is_plain(item: ColumnProfile) -> bool:
    """Whether a column was read without a doubt or a notation, so that no other look could find another."""
    return not (item.failed or item.infinite or item.format or item.unit or item.almost or item.notes)


def _may_hold_marks(item: ColumnProfile) -> bool:
    if item.dtype != "string":
        return item.failed > 0
    return bool(item.almost) or item.values is None or not set(missing_values.DEFAULT).isdisjoint(item.values)


def _but_codes(marks: Iterable[str], item: ColumnProfile) -> list[str]:
    """The marks, without NA for a column of countries; the empty text is missing anyhow."""
    code = item.values is not None and missing_values.is_code_column(item.values)
    return [mark for mark in marks if not (code and mark == "NA")]


def _note(item: ColumnProfile, count: int) -> Note:
    return Note(
        "info",
        item.name,
        "missing_marks",
        count,
        f"{count:,} texts in the column {quote(item.name)}, such as '-' or 'n/a', stand for a missing value.",
        "List them among the categories in the contract, if they are values.",
    )
