"""Counts the lines of a text file that contain one of some values."""

import re
from collections.abc import Sequence
from pathlib import Path

# A shorter value occurs by chance in too many places: it counts only beside the name of its column.
SHORTEST = 5
_LONGEST_LINE = 1 << 20


def matches(path: Path, *, column: str, values: Sequence[str]) -> int:
    """Return the number of lines with a value: as a word, or as the column's value in JSON.

    Args:
        path: The file; bytes that are not UTF-8 are replaced.
        column: Name of the column.
        values: The values.
    """
    pattern = _pattern(column, values)
    with path.open(encoding="utf-8", errors="replace") as stream:
        count = 0
        while line := stream.readline(_LONGEST_LINE):
            count += bool(pattern.search(line))
        return count


def _pattern(column: str, values: Sequence[str]) -> re.Pattern[str]:
    alternatives = "|".join(map(re.escape, values))
    parts = [rf'"{re.escape(column)}"\s*:\s*"?(?:{alternatives})(?![\w.])']
    long = "|".join(re.escape(value) for value in values if len(value) >= SHORTEST)
    if long:
        parts.append(rf"(?<![\w.])(?:{long})(?![\w])")
    return re.compile("|".join(parts))
