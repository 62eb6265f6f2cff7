"""What a person should know of their data, in a few lines."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note, from_json

if TYPE_CHECKING:
    from headrace.pipelines.local.summary import Summary

MOST_LINES = 10
_WIDTH = 110
_MOST_LINES_OF_ONE = 3
_MOST_NAMES = 4
_MARKS = {"warning": "!", "info": "·"}
_OF_THE_CLASS = ("precision", "recall", "f1", "pr_auc")


def findings(summary: "Summary") -> list[str]:
    """What was found in a run, worst first, in at most ten lines and an empty one; nothing if there is nothing."""
    notes = from_json(finding.model_dump() for finding in summary.findings)
    found = lines(notes, rest=f"in {Path(summary.report).name or 'the report'}")
    return [*found, ""] if found else []


def positive(summary: "Summary") -> list[str]:
    """Of which class the metrics tell; nothing if they tell of no one class."""
    named = [name for name in _OF_THE_CLASS if name in summary.metrics]
    if not summary.positive or not named:
        return []
    return [f"  {', '.join(named[:-1])} and {named[-1]} are those of the class {quote(summary.positive)}"]


def lines(notes: Sequence[Note], *, rest: str) -> list[str]:
    """Notes for a terminal, worst first, those of one rule together, in at most ten lines.

    Args:
        notes: The notes, worst first.
        rest: Where the others are told.
    """
    if not notes:
        return []
    warnings = sum(note.severity == "warning" for note in notes)
    told, left = (
        [f"  findings  {_count_text(warnings, 'warning')}, {_count_text(len(notes) - warnings, 'note')}"],
        len(notes),
    )
    for group in _groups(notes):
        text = _wrap_group(group)
        last = left == len(group)
        if len(told) + len(text) + (not last) > MOST_LINES:
            break
        told += text
        left -= len(group)
    return [*told, f"    and {left} more {rest}"] if left else told


def _count_text(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _groups(notes: Iterable[Note]) -> list[list[Note]]:
    """The notes of one rule and severity together, in the order of the first of each."""
    found: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        found.setdefault((note.severity, note.rule), []).append(note)
    return list(found.values())


def _wrap_group(group: Sequence[Note]) -> list[str]:
    first, others = group[0], group[1:]
    names = [quote(note.column) for note in others[:_MOST_NAMES]]
    more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
    likewise = f" Likewise ({first.rule.replace('_', ' ')}): {', '.join(names)}{more}." if others else ""
    remedy = f" {first.remedy}" if all(note.remedy == first.remedy for note in others) else ""
    return textwrap.wrap(
        f"{first.sentence}{likewise}{remedy}".rstrip(),
        _WIDTH,
        initial_indent=f"    {_MARKS[first.severity]} ",
        subsequent_indent="      ",
        max_lines=_MOST_LINES_OF_ONE,
        placeholder=" …",
    )
