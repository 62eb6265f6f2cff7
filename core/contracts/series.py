"""The section ``series`` of a contract: what a forecast is made from, and for which times."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from headrace.core.contracts.fault_sentences import must_be, raise_first

Gaps = Literal["refuse", "missing", "previous"]

STEP_TEXT = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d|w|mo|q|y)")
MOST_LENGTH = 2_000
MOST_HORIZON = 500


@dataclass(frozen=True)
class Series:
    """How the rows of a contract come from series: each row is one window and one time after it.

    Attributes:
        time: Timestamp of a row; in the contract's own table, the time that is predicted.
        target: Column of the series that is forecast.
        step: Time from one row of a key to the next: a number and ``s``, ``m``, ``h``, ``d``, ``w``, ``mo``, ``q`` or
            ``y``.
        length: Number of the latest rows of a key that a forecast is made from.
        horizon: Number of steps that are forecast.
        season: Steps after which a season repeats; 1 for none.
        keys: Columns that tell the series of one table apart.
        known: Columns whose values are known beforehand for the times that are forecast.
        gaps: What a missing time or value means: ``refuse``, ``missing`` (it stays missing for the model) or
            ``previous`` (the value before it).
    """

    time: str
    target: str
    step: str
    length: int
    horizon: int
    season: int = 1
    keys: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    gaps: Gaps = "refuse"

    def __post_init__(self) -> None:
        """Raise if no series could satisfy it.

        Raises:
            InputError: If a value is unknown or contradicts another.
        """
        raise_first("series", series_faults(self))


def series_faults(series: Series) -> Iterator[str]:
    """Yield a sentence for each error in a section ``series``, taken alone."""
    if not STEP_TEXT.fullmatch(series.step):
        yield must_be("step", "a number and s, m, h, d, w, mo, q or y, such as 1d", series.step)
    for name, most in (("length", MOST_LENGTH), ("horizon", MOST_HORIZON), ("season", MOST_LENGTH)):
        value = getattr(series, name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            yield must_be(name, f"a whole number from 1 to {most}", value)
            return
    if series.length < max(2, series.season):
        yield must_be("length", f"at least {max(2, series.season)}, two steps and a season", series.length)
    names = [series.time, series.target, *series.keys, *series.known]
    if len(set(names)) < len(names):
        yield must_be("time, target, keys and known", "different columns", names)
    if series.gaps not in get_args(Gaps):
        yield must_be("gaps", "one of " + ", ".join(get_args(Gaps)), series.gaps)
