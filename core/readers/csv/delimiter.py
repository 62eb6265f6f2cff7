"""Detects the delimiter of a CSV."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headrace.core.tables.source import MAX_ROW_BYTES

if TYPE_CHECKING:
    from _csv import Reader

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 50
LAYOUT_ROWS = 300
_BLANK_SHARE = 0.8


def rows_of(text: bytes, *, delimiter: str) -> "Reader":
    """Return a reader of CSV rows from the standard library: slow, but the reference for what a field is.

    Args:
        text: UTF-8.
        delimiter: The character between fields.
    """
    csv.field_size_limit(2 * MAX_ROW_BYTES)
    return csv.reader(io.StringIO(text.decode(), newline="\n"), delimiter=delimiter, skipinitialspace=True)


def readable(rows: "Reader") -> Iterator[list[str]]:
    """Yield the rows up to the first that is not CSV; the parser names that one."""
    try:
        yield from rows
    except csv.Error:
        return


def detect_delimiter(sample: bytes) -> str:
    """Return the delimiter that splits most rows alike; a comma if none splits them.

    Args:
        sample: Some whole rows, UTF-8.

    Returns:
        The one that splits all rows into as many fields as the first, if there is one; else the one that gives most
        rows the same number of fields. A blank is used only if no other delimiter splits any row.
    """
    best, best_score = DELIMITERS[0], (0.0, 0)
    for delimiter in DELIMITERS:
        share, width = _evenness(sample, delimiter, like_first=True)
        if width > 1 and (share, width) > best_score:
            best, best_score = delimiter, (share, width)
    if best_score[0] == 1.0:
        return best
    for delimiter in DELIMITERS:
        share, width = _evenness(sample, delimiter, like_first=False)
        if width > 1 and (share, width) > best_score:
            best, best_score = delimiter, (share, width)
    if best_score == (0.0, 0):
        share, width = _evenness(sample, " ", like_first=False)
        best = " " if width > 1 and share > _BLANK_SHARE and b"\n" in sample.strip() else best
    return best


def _evenness(sample: bytes, delimiter: str, *, like_first: bool) -> tuple[float, int]:
    """Return the share of rows with as many fields as the first, or as most, and that number of fields."""
    count = SAMPLE_ROWS if like_first else LAYOUT_ROWS
    rows = [len(row) for _, row in zip(range(count), readable(rows_of(sample, delimiter=delimiter)), strict=False)]
    widths = [width for width in rows if width]
    if not widths:
        return 0.0, 0
    split = Counter(width for width in widths if width > 1)
    width = widths[0] if like_first or not split else split.most_common(1)[0][0]
    return widths.count(width) / len(widths), width
