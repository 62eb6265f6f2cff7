"""Notes on what was skipped in a CSV, collected while it is read."""

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note
from headrace.core.readers.csv.dialect import CsvDialect

_MOST_SHOWN = 3


class NoteCollector:
    """Collects notes from the threads that read.

    Attributes:
        hints: What the reader knows about columns beyond their values; see ``parquet_table.hints``.
    """

    def __init__(self) -> None:
        self.hints: dict[str, Any] = {}
        self._notes: list[Note] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, *notes: Note) -> None:
        """Add notes."""
        with self._lock:
            self._notes.extend(notes)

    def count(self, rule: str, file: str, rows: int) -> None:
        """Count lines that were skipped or corrected, by a rule of ``_COUNTED``."""
        with self._lock:
            self._counts[rule, file] += rows

    def notes(self) -> list[Note]:
        """Return all notes, each once."""
        with self._lock:
            count_notes = [_count_note(rule, file, rows) for (rule, file), rows in self._counts.items() if rows]
            return list(dict.fromkeys([*self._notes, *count_notes]))


def _count_note(rule: str, file: str, rows: int) -> Note:
    what = "lines" if rows != 1 else "line"
    verb = "were" if rows != 1 else "was"
    sentence, remedy = _COUNTED[rule]
    return Note("info", "", rule, rows, sentence.format(rows=f"{rows:,}", what=what, verb=verb, file=file), remedy)


_COUNTED = {
    "comment_lines": (
        "{rows} comment {what} of {file} {verb} skipped.",
        "Give --comment with the start of a comment line, if they are rows.",
    ),
    "repeated_header": (
        "{rows} {what} of {file} that {verb} the header again {verb} skipped.",
        "No action is needed.",
    ),
    "empty_fields": (
        "{rows} {what} of {file} ended with more delimiters than the header; the empty fields were skipped.",
        "No action is needed.",
    ),
}


def layout_notes(dialect: CsvDialect, *, file: str) -> Iterable[Note]:
    """Yield notes on the beginning of a file.

    Args:
        dialect: The dialect of the file.
        file: Its name.
    """
    layout = dialect.layout
    if layout is None:
        return
    if layout.passed:
        count = len(layout.passed)
        examples = ", ".join(quote(line, 40) for line in layout.passed[:_MOST_SHOWN])
        more = f" and {count - _MOST_SHOWN} more" if count > _MOST_SHOWN else ""
        yield Note(
            "info",
            "",
            "lines_before_header",
            count,
            f"{count} {'lines' if count > 1 else 'line'} before the table in {file} {'were' if count > 1 else 'was'} "
            f"skipped: {examples}{more}.",
            "Give --skip-lines with the number of lines before the header, if the table begins elsewhere.",
        )
    if dialect.units:
        units = ", ".join(f"{name}: {unit}" for name, unit in list(dialect.units.items())[:8])
        yield Note(
            "info", "", "units_row", 1, f"The line below the header of {file} names units and is not a row: {units}.",
            "Correct the file, if it is a row.",
        )  # fmt: skip
    yield from _columns_left_out(dialect, file)
    if dialect.replaced:
        yield Note(
            "info",
            "",
            "names_replaced",
            0,
            f"The given names replace the header of {file}, {quote(list(dialect.replaced), 80)}.",
            "Give --no-header, if that line is a row.",
        )


def _columns_left_out(dialect: CsvDialect, file: str) -> Iterable[Note]:
    for position in dialect.counter:
        yield Note(
            "info", "", "index_column", 0,
            f"Column {position + 1} of {file} has no name and numbers the rows; it was left out.",
            "Name it in the header, or with --column-names, to keep it.",
        )  # fmt: skip
    for position in dialect.named:
        name = dialect.names[position]
        yield Note(
            "info", name, "unnamed_column", 0,
            f"Column {position + 1} of {file} has no name; it is named {name}.",
            "Name it in the header, or with --column-names.",
        )  # fmt: skip
