"""The budget of a search: a number of trials, or a time."""

import re
from dataclasses import dataclass

from headrace.core.base.durations import SECONDS
from headrace.core.base.errors import InputError, quote

_PATTERN = re.compile(r"([1-9][0-9]{0,5})([smh]?)")


@dataclass(frozen=True)
class SearchBudget:
    """A number of trials, or a time.

    Attributes:
        trials: Number of trials; 0 for no limit.
        seconds: Time of the search, with the fit of its best model on all rows; 0 for no limit.
    """

    trials: int = 0
    seconds: float = 0.0


def parse(text: str) -> SearchBudget:
    """Read a budget such as ``20`` (trials), ``90s``, ``5m`` or ``1h``.

    Raises:
        InputError: If the text has another form.
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise InputError(
            f"a budget must be a number of trials such as 20, or a time such as 90s, 5m or 1h; got {quote(text)}."
        )
    number, unit = int(match[1]), match[2]
    return SearchBudget(seconds=number * SECONDS[unit]) if unit else SearchBudget(trials=number)
