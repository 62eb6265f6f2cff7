"""Durations as people write them."""

import re

from headrace.core.base.errors import InputError, quote

SECONDS = {"s": 1, "m": 60, "h": 3600}
_PATTERN = re.compile(r"([1-9][0-9]{0,5})([smh])")


def seconds(text: str) -> float:
    """Read a time such as ``90s``, ``5m`` or ``2h``.

    Raises:
        InputError: If the text is not such a time.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise InputError(f"a time must be a number and s, m or h, such as 90s, 5m or 2h; got {quote(text)} instead.")
    return float(int(match[1]) * SECONDS[match[2]])
