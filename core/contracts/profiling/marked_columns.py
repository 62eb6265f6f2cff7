"""A survey that treats missing-value marks as such, where the reader has left some in columns of texts."""

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import polars as pl

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.contracts.profiling.column_profile import ColumnProfile
from headrace.core.values import missing_values


class TableSurvey(Protocol):
    """Profiles the columns of a table, except those whose profile is already known."""

    def __call__(
        self, table: pl.LazyFrame, *, known_profiles: Mapping[str, ColumnProfile] | None = None
    ) -> dict[str, ColumnProfile]:
        """Return the profile of each column."""


_TEXTS = tuple(mark for mark in missing_values.DEFAULT if mark not in missing_values.NUMBERS)


def survey_with_marks(
    table: pl.LazyFrame, *, survey: TableSurvey, texts: Collection[str] = ()
) -> tuple[pl.LazyFrame, dict[str, ColumnProfile], list[Note]]:
    """Profile a table whose missing-value marks count as missing.

    Args:
        table: Raw table.
        survey: Profiles the columns of a table.
        texts: Columns of texts that hold no mark, whatever they say.

    Returns:
        The table with missing values for its marks, the profiles of its columns, and notes. A dash is a mark only in a
        column of numbers or dates; NA is not a mark in a column of countries.
    """
    profiles = survey(table)
    schema = table.collect_schema()
    columns = [item for name, item in profiles.items() if schema[name] == pl.String and name not in texts]
    suspects = [item.name for item in columns if _may_hold_marks(item)]
    with_marks = missing_values.columns_with_marks(table, suspects)
    if not with_marks:
        return table, profiles, []
    marks = {name: _but_codes(missing_values.DEFAULT, profiles[name]) for name in with_marks}
    # A column may turn out to hold numbers once its marks are gone, so it is profiled again without them.
    cleared = missing_values.clear_marks(table, marks)
    settled = {name: item for name, item in profiles.items() if name not in with_marks and is_plain(item)}
    updated = survey(cleared, known_profiles=settled)
    text_marks = {name: _but_codes(_TEXTS, profiles[name]) for name in with_marks if updated[name].dtype == "string"}
    if text_marks:
        marks |= text_marks
        cleared = missing_values.clear_marks(table, marks)
        updated = survey(cleared, known_profiles=settled)
    changed = [name for name in with_marks if updated[name].missing > profiles[name].missing]
    return cleared, updated, [_note(updated[name], updated[name].missing - profiles[name].missing) for name in changed]


def is_plain(item: ColumnProfile) -> bool:
    """Check whether a column was read without doubt or notation, so that another look would find nothing else."""
    return not (item.failed or item.infinite or item.format or item.unit or item.nearly_dtype or item.notes)


def _may_hold_marks(item: ColumnProfile) -> bool:
    if item.dtype != "string":
        return item.failed > 0
    return bool(item.nearly_dtype) or item.values is None or not set(missing_values.DEFAULT).isdisjoint(item.values)


def _but_codes(marks: Iterable[str], item: ColumnProfile) -> list[str]:
    """Return the marks, without NA for a column of countries; the empty text is missing anyway."""
    is_code = item.values is not None and missing_values.is_code_column(item.values)
    return [mark for mark in marks if not (is_code and mark == "NA")]


def _note(item: ColumnProfile, count: int) -> Note:
    return Note(
        "info",
        item.name,
        "missing_marks",
        count,
        f"{count:,} texts in the column {quote(item.name)}, such as '-' or 'n/a', mean a missing value.",
        "List them among the categories in the contract, if they are values.",
    )
