"""What was left out, guessed, rounded, set aside or is suspicious: one note each, which travels to the report.

A step that decides something about the data without asking says so by a ``Note``. Notes travel as plain dictionaries
under the key ``notes`` of an artifact's metadata, and end in the run's summary (``findings``), at the terminal, in the
report and on the model card. They hold no values of personal data, no paths of the machine and no times: equal inputs
give equal notes.
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
# Metadata of all its inputs reach a step in one argument of a command, which may hold 128 KiB.
MOST_BYTES = 16_384
MORE = "more"


@dataclass(frozen=True)
class Note:
    """One thing that a person should know about their data, and what they may do about it.

    Attributes:
        severity: ``warning`` for what may make the result wrong, ``info`` for what is only good to know.
        column: The column; empty for the table as a whole.
        rule: What it is about, in lower case with underscores, such as ``ignored`` or ``decimal_comma``.
        count: How many rows it concerns, or how many columns where it is about columns.
        sentence: What was found and what was done, as a sentence with its full stop. The column's name is put before
            it where it does not name the column.
        remedy: What a person may do about it, as a sentence with its full stop; empty if nothing.
    """

    severity: NoteSeverity
    column: str
    rule: str
    count: int
    sentence: str
    remedy: str = ""

    def __post_init__(self) -> None:
        """Name the column; refuse a severity that is none, and a note that says nothing.

        Raises:
            InputError: If there is one.
        """
        if self.severity not in SEVERITIES:
            raise InputError(f"the severity of a note must be one of {list(SEVERITIES)}; got {quote(self.severity)}.")
        if not self.rule or not self.sentence:
            raise InputError("a note must have a rule and a sentence, but one of them is empty; give both.")
        if self.column and quote(self.column) not in self.sentence:
            sentence = f"Column {quote(self.column)}: {in_lower_case(self.sentence)}"
            object.__setattr__(self, "sentence", sentence)

    def as_json(self) -> dict[str, Any]:
        """The attributes by name, as plain values."""
        return asdict(self)


def in_lower_case(text: str) -> str:
    """A sentence as it goes on behind a colon: its first letter is small, unless the word is an acronym."""
    return text[:1].lower() + text[1:] if text[1:2].islower() or text[1:2] == " " else text


def as_json(notes: Iterable[Note], *, most_bytes: int = MOST_BYTES) -> list[dict[str, Any]]:
    """Notes as plain values, worst first.

    Args:
        notes: Notes in the order in which they were found.
        most_bytes: About how large they may be as JSON; the default is what an artifact's metadata may hold.

    Returns:
        At most 200 of them; where there are more, the last one says how many are missing.
    """
    ordered = worst_first(notes)
    sizes = itertools.accumulate(len(json.dumps(note.as_json())) for note in ordered)
    fitting = sum(size <= most_bytes for size in sizes)
    return [note.as_json() for note in worst_first(ordered, most=max(fitting, 1))]


def from_json(plain: Iterable[Mapping[str, Any]]) -> tuple[Note, ...]:
    """Notes from plain values.

    Args:
        plain: What ``as_json`` made. Counts may have become floats, as they do in a platform's metadata.

    Raises:
        InputError: If one of them is no note.
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
    """Notes in the order in which a person should read them, each once, and no more than a page can hold.

    Args:
        notes: Notes in the order in which they were found; within a severity they keep it.
        most: How many are returned. Of more, the last one says how many are missing.
    """
    order = sorted(dict.fromkeys(notes), key=lambda note: SEVERITIES.index(note.severity))
    if len(order) <= most:
        return tuple(order)
    rest = order[most - 1 :]
    missing = sum(note.count if note.rule == MORE else 1 for note in rest)
    sentence = f"There are {missing} more such notes, which are not listed."
    return (*order[: most - 1], Note(rest[0].severity, "", MORE, missing, sentence))


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
    "worst_first",
]
