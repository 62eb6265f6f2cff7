"""Lines of a text file in which one of some values stands."""

import re
from collections.abc import Sequence
from pathlib import Path

# A shorter value stands in too many places by chance: it only counts beside the name of its column.
SHORTEST = 5
_LONGEST_LINE = 1 << 20


def matches(path: Path, *, column: str, values: Sequence[str]) -> int:
    """How many lines hold a value: as a word, or as the column's value in JSON.

    Args:
        path: The file; what is no UTF-8 in it is passed over.
        column: Name of the column.
        values: The values.
    """
    pattern = _pattern(column, values)
    with path.open(encoding="utf-8", errors="replace") as stream:
        found = 0
        while line := stream.readline(_LONGEST_LINE):
            found += bool(pattern.search(line))
        return found


def _pattern(column: str, values: Sequence[str]) -> re.Pattern[str]:
    every = "|".join(map(re.escape, values))
    parts = [rf'"{re.escape(column)}"\s*:\s*"?(?:{every})(?![\w.])']
    long = "|".join(re.escape(value) for value in values if len(value) >= SHORTEST)
    if long:
        parts.append(rf"(?<![\w.])(?:{long})(?![\w])")
    return re.compile("|".join(parts))
