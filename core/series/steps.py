"""Steps of time: what lies between two rows of a series, in months or in microseconds."""

import calendar
import datetime as dt
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from headrace.core.base.errors import DataError, InputError
from headrace.core.contracts.fault_sentences import must_be
from headrace.core.contracts.series import STEP_TEXT

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_SIZES = {"s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": _DAY, "w": 7 * _DAY}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
# Steps per season that a step suggests: hours of a day, days of a week, weeks, months and quarters of a year.
_SEASONS = {"15m": 96, "30m": 48, "1h": 24, "1d": 7, "1w": 52, "1mo": 12, "1q": 4}


@dataclass(frozen=True)
class Step:
    """The time between two rows.

    Attributes:
        text: As a contract writes it, such as ``1mo``.
        months: Number of months; 0 for a fixed length.
        microseconds: Fixed length; 0 for months.
    """

    text: str
    months: int = 0
    microseconds: int = 0

    @classmethod
    def parse(cls, text: str) -> "Step":
        """Read a step.

        Raises:
            InputError: If it is not a number and a unit.
        """
        found = STEP_TEXT.fullmatch(text)
        if not found:
            raise InputError(must_be("step", "a number and s, m, h, d, w, mo, q or y, such as 1d", text))
        count, unit = int(found[1]), found[2]
        if unit in _MONTHS:
            return cls(text, months=count * _MONTHS[unit])
        return cls(text, microseconds=count * _SIZES[unit])

    @property
    def season(self) -> int:
        """Steps per season that is usual for this step; 1 if none is."""
        return _SEASONS.get(self.text, 1)

    def places(self, times: pl.Series) -> NDArray[np.float64]:
        """Count the steps (n,) from the first of n sorted times to each; a fraction for a time between two steps.

        Args:
            times: Naive timestamps in rising order, without gaps in the column.
        """
        if not self.months:
            since = (times - times[0]).dt.total_microseconds().to_numpy()
            return np.asarray(since / self.microseconds, dtype=np.float64)
        return self._months(times) / self.months

    def _months(self, times: pl.Series) -> NDArray[np.float64]:
        months = (times.dt.year().cast(pl.Int64) * 12 + times.dt.month().cast(pl.Int64)).to_numpy()
        within = (times - times.dt.month_start().dt.truncate("1d")).dt.total_microseconds().to_numpy()
        ends = (times.dt.month_end().dt.truncate("1d") == times.dt.truncate("1d")).to_numpy()
        day = within if not ends.all() else np.asarray(within % _DAY)
        # A row on another day of the month lies between two steps.
        return np.asarray(months - months[0] + (day - day[0]) / (31 * _DAY), dtype=np.float64)

    def advance(self, time: dt.datetime, steps: int) -> dt.datetime:
        """Return the time that lies a number of steps after another; the last day of a month stays the last one."""
        if not self.months:
            return time + dt.timedelta(microseconds=self.microseconds * steps)
        year, month = divmod(time.year * 12 + time.month - 1 + self.months * steps, 12)
        last = calendar.monthrange(year, month + 1)[1]
        is_last = time.day == calendar.monthrange(time.year, time.month)[1]
        return time.replace(year=year, month=month + 1, day=last if is_last else min(time.day, last))


def infer_step(times: pl.Series) -> Step:
    """Infer the step of sorted times of one series: their most frequent difference.

    Args:
        times: At least two naive timestamps (n,) in rising order, each once.

    Raises:
        DataError: If there are too few, or the most frequent difference is not a whole number of seconds.
    """
    if len(times) < 3:
        raise DataError(f"a step can be inferred from at least 3 times of one key; got {len(times)}; name the step.")
    between = times.diff().drop_nulls().dt.total_microseconds()
    most = int(between.mode().sort()[0])
    days = most / _DAY
    for text, low, high in (("1mo", 28, 31), ("1q", 90, 92), ("1y", 365, 366)):
        if low <= days <= high:
            return Step.parse(text)
    for unit in ("w", "d", "h", "m", "s"):
        if most % _SIZES[unit] == 0:
            return Step.parse(f"{most // _SIZES[unit]}{unit}")
    raise DataError(
        f"a step must be a whole number of seconds; the times lie {most / _SECOND:g} s apart; name the step."
    )
