"""Sequences among the columns of a model matrix: numbered columns of one name, one for each time.

A table holds a sequence as columns ``NAME_1``, ``NAME_2`` and so on, in the order of time; windows of series hold
theirs as ``lag_2``, ``lag_3`` and so on, which count back from the latest value. Sequences of the same numbers are the
channels of one, as the three axes of an accelerometer are.
"""

import re
from collections.abc import Sequence

from headrace.core.series.windows import lag_name

FEWEST = 4
"""Fewest columns that are a sequence."""
_NUMBERED = re.compile(r"(.+)_([0-9]{1,5})")
_LAG = lag_name(0).removesuffix("_0")


def find_sequences(names: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the places of the columns of each channel (c) by time (t), the oldest first; empty if there is none.

    Args:
        names: Names (p) of the columns of numbers, in the order of the matrix.
    """
    found: dict[str, dict[int, int]] = {}
    for place, name in enumerate(names):
        matched = _NUMBERED.fullmatch(name)
        if matched:
            found.setdefault(matched[1], {})[int(matched[2])] = place
    whole = {name: places for name, places in found.items() if len(places) >= FEWEST and _is_whole(places)}
    if not whole:
        return ()
    longest = max(whole.values(), key=len)
    channels = [(name, places) for name, places in whole.items() if places.keys() == longest.keys()]
    return tuple(tuple(places[number] for number in sorted(places, reverse=name == _LAG)) for name, places in channels)


def _is_whole(places: dict[int, int]) -> bool:
    return max(places) - min(places) + 1 == len(places)
