"""Which marks for a missing value a CSV holds, found in its first rows."""

from dataclasses import dataclass, replace

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv import rows
from headrace.core.readers.csv.dialect import CsvDialect, sample_of
from headrace.core.readers.csv.notes import NoteCollector
from headrace.core.tables.row_blocks import TextBlock
from headrace.core.tables.source import ReadOptions
from headrace.core.values import missing_values

# What nobody would take for a value.
_PLAIN = frozenset(missing_values.COMMON) - {"?"}


@dataclass(frozen=True)
class MarkPolicy:
    """How the reader treats marks for a missing value.

    Attributes:
        eager: Those that it makes missing.
        listed: Columns in which it leaves them.
    """

    eager: tuple[str, ...]
    listed: tuple[str, ...]


def marks_of(
    block: TextBlock, *, dialect: CsvDialect, options: ReadOptions, name: str, told: NoteCollector
) -> MarkPolicy:
    """Find the marks that a file holds.

    Args:
        block: Its first rows.
        dialect: How they are written.
        options: Which texts may be marks, and the columns in which the contract lists some.
        name: The file's name, for messages.
        told: Takes what was decided.

    Returns:
        The marks; ``NA`` is none in a column of countries, unless the user or a contract chose the marks.
    """
    missing = options.missing_values
    sample = replace(block, data=sample_of(block.data))
    frame = rows.parse(sample, dialect=dialect, missing=("",), name=name, only=options.select_columns(dialect.kept))
    held = missing_values.find_marks(frame, missing)
    found = sorted({mark for marks in held.values() for mark in marks})
    listed = list(options.listed)
    if not listed and missing[: len(missing_values.COMMON)] == missing_values.COMMON:
        listed = missing_values.codes(frame, held) if "NA" in missing and not options.only else []
        for column in listed:
            if "NA" in held.get(column, ()):
                told.add(_code_note(column))
    eager = missing_values.eager(missing, found)
    told_of = [mark for mark in found if mark in eager and mark not in _PLAIN]
    plain = [mark for mark in told_of if any(mark in held[each] for each in held if each not in listed)]
    if plain:
        told.add(_note(plain, name))
    return MarkPolicy(eager, tuple(column for column in listed if column in frame.columns))


def _note(marks: list[str], name: str) -> Note:
    texts = ", ".join(quote(mark) for mark in marks)
    return Note(
        "info",
        "",
        "missing_marks",
        0,
        f"{texts} {'stand' if len(marks) > 1 else 'stands'} for a missing value in {name}.",
        "Say with --missing which texts do, if others do.",
    )


def _code_note(column: str) -> Note:
    return Note(
        "info",
        column,
        "na_code",
        0,
        f"'NA' is a value in the column {quote(column)}, which holds codes of countries or continents.",
        "Give --missing NA, beside other marks, if it stands for a missing value there.",
    )
