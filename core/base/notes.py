"""Notes on what was left out, assumed, rounded, quarantined or is suspicious; they are passed on to the report.

A step that decides something about the data reports it as a ``Note``. Notes are passed as plain dictionaries under the
key ``notes`` of an artifact's metadata, and end up in the run's summary (``findings``), at the terminal, in the report
and on the model card. They contain no personal values, no paths of the machine and no times, so that equal inputs give
equal notes.
"""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from headrace.core.base.errors import InputError, quote

NoteSeverity = Literal["warning", "info"]

# Worst first.
SEVERITIES: tuple[NoteSeverity, ...] = get_args(NoteSeverity)
MOST_NOTES = 200
# The metadata of all its inputs reach a step in a single command argument, which is limited to 128 KiB.
MOST_BYTES = 16_384
MORE = "more"


@dataclass(frozen=True)
class Note:
    """One thing that a user should know about their data, and what they can do about it.

    Attributes:
        severity: ``warning`` for what may make the result wrong, ``info`` for what is only good to know.
        column: The column; empty for the table as a whole.
        rule: Its subject, in lower case with underscores, such as ``ignored`` or ``decimal_comma``.
        count: Number of rows concerned, or of columns if it is about columns.
        sentence: What was found and what was done, as a sentence with its full stop. The column's name is prepended
            if it does not name the column.
        remedy: What the user can do about it, as a sentence with its full stop; empty if nothing.
    """

    severity: NoteSeverity
    column: str
    rule: str
    count: int
    sentence: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Add the column's name; raise if the severity is unknown or the note is empty.

        Raises:
            InputError: If the severity is unknown or the note is empty.
        """
        if self.severity not in SEVERITIES:
            raise InputError(f"the severity of a note must be one of {list(SEVERITIES)}; got {quote(self.severity)}.")
        if not self.rule or not self.sentence:
            raise InputError("a note must have a rule and a sentence, but one of them is empty; give both.")
        if self.column and quote(self.column) not in self.sentence:
            sentence = f"Column {quote(self.column)}: {in_lower_case(self.sentence)}"
            object.__setattr__(self, "sentence", sentence)

    def as_json(self) -> dict[str, Any]:
        """Return the attributes by name, as plain values."""
        return asdict(self)


def in_lower_case(text: str) -> str:
    """Return a sentence as it continues after a colon: with a small first letter, except for an acronym."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def as_json(notes: Iterable[Note], *, most_bytes: int = MOST_BYTES) -> list[dict[str, Any]]:
    """Return notes as plain values, worst first.

    Args:
        notes: Notes in the order in which they were found.
        most_bytes: Approximate limit of their size as JSON; the default fits into an artifact's metadata.

    Returns:
        At most 200 notes; if there are more, the last one says how many are missing.
    """
    return [note.as_json() for note in select_fitting(notes, most_bytes=most_bytes)]


def select_fitting(notes: Iterable[Note], *, most_bytes: int) -> tuple[Note, ...]:
    """Return the notes that fit into a number of bytes as JSON, worst first.

    Args:
        notes: Notes in the order in which they were found.
        most_bytes: Approximate limit of their size.

    Returns:
        At most 200 notes; if there are more, the last one says how many are missing.
    """
    ordered = worst_first(notes)
    sizes = itertools.accumulate(len(json.dumps(note.as_json())) for note in ordered)
    fitting = sum(size <= most_bytes for size in sizes)
    return worst_first(ordered, most=max(fitting, 1))


def from_json(plain: Iterable[Mapping[str, Any]]) -> tuple[Note, ...]:
    """Return notes from plain values.

    Args:
        plain: The result of ``as_json``. Counts may have become floats, as in a platform's metadata.

    Raises:
        InputError: If one of them is not a note.
    """
    try:
        return tuple(
            Note(
                severity=item["severity"],
                column=str(item["column"]),
                rule=str(item["rule"]),
                count=int(item["count"]),
                sentence=str(item["sentence"]),
                remedy=str(item.get("remedy", "")),
            )
            for item in plain
        )
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"a note must have severity, column, rule, count and sentence; {error!r}.") from error


def worst_first(notes: Iterable[Note], *, most: int = MOST_NOTES) -> tuple[Note, ...]:
    """Return notes in the order in which to read them, each once, and no more than a page can hold.

    Args:
        notes: Notes in the order in which they were found, which is kept within a severity.
        most: Largest number of notes; if there are more, the last one says how many are missing.
    """
    ordered = sorted(dict.fromkeys(notes), key=lambda note: SEVERITIES.index(note.severity))
    if len(ordered) <= most:
        return tuple(ordered)
    rest = ordered[most - 1 :]
    missing = sum(note.count if note.rule == MORE else 1 for note in rest)
    sentence = f"There are {missing} more such notes, which are not listed."
    return (*ordered[: most - 1], Note(rest[0].severity, "", MORE, missing, sentence))


__all__ = [
    "MORE",
    "MOST_BYTES",
    "MOST_NOTES",
    "SEVERITIES",
    "Note",
    "NoteSeverity",
    "as_json",
    "from_json",
    "in_lower_case",
    "select_fitting",
    "worst_first",
]
