"""Small tables of text for a terminal."""

from collections.abc import Sequence
from typing import TypeVar

Row = TypeVar("Row")


def align_rows(head: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> str:
    """Align rows under their heads, each column as wide as its longest text; the last one is not padded.

    Args:
        head: Heads of the columns.
        rows: Rows of as many values.
        right: Indices of the right-aligned columns.
    """
    texts = [[str(value) for value in row] for row in [head, *rows]]
    widths = [max(len(row[place]) for row in texts) for place in range(len(head))]
    lines = []
    for row in texts:
        cells = [
            text.rjust(widths[place]) if place in right else text.ljust(widths[place]) for place, text in enumerate(row)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(f"  {line}" for line in lines)


def day(time: str) -> str:
    """Return a time in UTC to the minute, without the ``T``."""
    return time[:16].replace("T", " ")


def cut(text: str, limit: int = 60) -> str:
    """Return a text on one line, at most ``limit`` characters long."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def left_out(shown: int, total: int, *, skip: int = 0, what: str, how: str = "") -> str:
    """Return a line that says how many rows are not shown, and how to see them; empty if all are.

    Args:
        shown: Number of rows shown.
        total: Number of all rows.
        skip: Number of rows passed over before those shown.
        what: Name of the rows, such as ``tables``.
        how: How to see the others; empty for ``--skip`` and ``--limit``.
    """
    if shown >= total:
        return ""
    following = f"--skip {skip + shown} shows the next ones, " if skip + shown < total else ""
    return f"  {shown:,} of {total:,} {what}; {how or f'{following}--limit 0 shows all'}.\n"


def latest(rows: Sequence[Row], limit: int, skip: int = 0) -> Sequence[Row]:
    """Return the last rows of some.

    Args:
        rows: The rows, oldest first.
        limit: The most to return; 0 for all.
        skip: Number of the last rows to pass over first.
    """
    end = max(len(rows) - skip, 0)
    return rows[max(end - limit, 0) if limit else 0 : end]
