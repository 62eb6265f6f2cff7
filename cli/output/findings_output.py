"""Findings about the data of a run, in a few lines."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headrace.core.base.errors import quote
from headrace.core.base.notes import Note, from_json

if TYPE_CHECKING:
    from headrace.pipelines.local.summary import Summary

MOST_LINES = 10
LINE_WIDTH = 110
_MOST_LINES_OF_ONE = 3
_MOST_NAMES = 4
_MARKS = {"warning": "!", "info": "·"}
_OF_THE_CLASS = ("precision", "recall", "f1", "pr_auc")


def findings(summary: "Summary") -> list[str]:
    """Return the findings of a run, worst first, in at most ten lines and an empty one; nothing if there are none."""
    notes = from_json(finding.model_dump() for finding in summary.findings)
    shown = format_notes(notes, rest=f"in {Path(summary.report).name or 'the report'}")
    return [*shown, ""] if shown else []


def positive_class_line(summary: "Summary") -> list[str]:
    """Return a line that names the class of the class metrics; nothing if there are no such metrics."""
    named = [name for name in _OF_THE_CLASS if name in summary.metrics]
    if not summary.positive or not named:
        return []
    return [f"  {', '.join(named[:-1])} and {named[-1]} are those of the class {quote(summary.positive)}"]


def format_notes(notes: Sequence[Note], *, rest: str) -> list[str]:
    """Format notes for a terminal, worst first, those of one rule together, in at most ten lines.

    Args:
        notes: The notes, worst first.
        rest: Where the others are listed.
    """
    if not notes:
        return []
    warnings = sum(note.severity == "warning" for note in notes)
    shown, remaining = (
        [f"  findings  {_count_text(warnings, 'warning')}, {_count_text(len(notes) - warnings, 'note')}"],
        len(notes),
    )
    for group in _groups(notes):
        text = _wrap_group(group)
        last = remaining == len(group)
        if len(shown) + len(text) + (not last) > MOST_LINES:
            break
        shown += text
        remaining -= len(group)
    return [*shown, f"    and {remaining} more {rest}"] if remaining else shown


def _count_text(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _groups(notes: Iterable[Note]) -> list[list[Note]]:
    """Group notes by rule and severity, in the order of the first of each."""
    groups: dict[tuple[str, str], list[Note]] = {}
    for note in notes:
        groups.setdefault((note.severity, note.rule), []).append(note)
    return list(groups.values())


def _wrap_group(group: Sequence[Note]) -> list[str]:
    first, others = group[0], group[1:]
    names = [quote(note.column) for note in others[:_MOST_NAMES]]
    more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
    likewise = f" Likewise ({first.rule.replace('_', ' ')}): {', '.join(names)}{more}." if others else ""
    remedy = f" {first.remedy}" if all(note.remedy == first.remedy for note in others) else ""
    return textwrap.wrap(
        f"{first.sentence}{likewise}{remedy}".rstrip(),
        LINE_WIDTH,
        initial_indent=f"    {_MARKS[first.severity]} ",
        subsequent_indent="      ",
        max_lines=_MOST_LINES_OF_ONE,
        placeholder=" …",
    )
