"""Finds the missing-value marks of a CSV in its first rows."""

from dataclasses import dataclass, replace

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv import rows
from headrace.core.readers.csv.dialect import CsvDialect, sample_of
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.row_blocks import TextBlock
from headrace.core.tables.source import ReadOptions
from headrace.core.values import missing_values

# Marks that cannot be mistaken for a value.
_PLAIN = frozenset(missing_values.COMMON) - {"?"}


@dataclass(frozen=True)
class MarkPolicy:
    """How the reader treats missing-value marks.

    Attributes:
        eager: Marks that it turns into missing values.
        listed: Columns in which it keeps marks as values.
    """

    eager: tuple[str, ...]
    listed: tuple[str, ...]


def marks_of(
    block: TextBlock, *, dialect: CsvDialect, options: ReadOptions, name: str, collector: NoteCollector
) -> MarkPolicy:
    """Find the marks that a file holds.

    Args:
        block: Its first rows.
        dialect: The dialect of the file.
        options: Which texts may be marks, and the columns in which the contract lists some.
        name: The file's name, for messages.
        collector: Receives notes on the decisions.

    Returns:
        The marks; ``NA`` is not a mark in a column of countries, unless the user or a contract chose the marks.
    """
    missing = options.missing_values
    sample = replace(block, data=sample_of(block.data))
    frame = rows.parse(sample, dialect=dialect, missing=("",), name=name, only=options.select_columns(dialect.kept))
    marks_by_column = missing_values.find_marks(frame, missing)
    present = sorted({mark for marks in marks_by_column.values() for mark in marks})
    listed = list(options.listed)
    if not listed and missing[: len(missing_values.COMMON)] == missing_values.COMMON:
        listed = missing_values.codes(frame, marks_by_column) if "NA" in missing and not options.only else []
        for column in listed:
            if "NA" in marks_by_column.get(column, ()):
                collector.add(_code_note(column))
    eager = missing_values.reader_marks(missing, present)
    notable = [mark for mark in present if mark in eager and mark not in _PLAIN]
    reported = [
        mark for mark in notable if any(mark in marks_by_column[each] for each in marks_by_column if each not in listed)
    ]
    if reported:
        collector.add(_note(reported, name))
    return MarkPolicy(eager, tuple(column for column in listed if column in frame.columns))


def _note(marks: list[str], name: str) -> Note:
    texts = ", ".join(quote(mark) for mark in marks)
    return Note(
        "info",
        "",
        "missing_marks",
        0,
        f"{texts} {'mean' if len(marks) > 1 else 'means'} a missing value in {name}.",
        "Give --missing-value with all such texts, if others do.",
    )


def _code_note(column: str) -> Note:
    return Note(
        "info",
        column,
        "na_code",
        0,
        f"'NA' is a value in the column {quote(column)}, which holds codes of countries or continents.",
        "Give --missing-value NA, with all other marks, if it means a missing value there.",
    )
