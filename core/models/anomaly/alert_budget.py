"""How many alerts people can look at: a budget for a number of rows, or for a day."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from headrace.core.base.errors import DataError, InputError, quote

if TYPE_CHECKING:
    import polars as pl

DEFAULT_BUDGET = "10"
_PER_ROWS = 1000
_SECONDS_OF_A_DAY = 86_400.0


@dataclass(frozen=True)
class AlertBudget:
    """How many alerts people can look at.

    Attributes:
        count: Number of alerts, above 0.
        per: ``rows`` for every 1,000 rows, or ``day``.
    """

    count: float
    per: Literal["rows", "day"] = "rows"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a budget: ``10`` alerts for every 1,000 rows, or ``20/day``.

        Raises:
            InputError: If it is another text, or not above 0, or more than each of 1,000 rows.
        """
        number, _, per = (text.strip() or DEFAULT_BUDGET).partition("/")
        try:
            count = float(number)
        except ValueError:
            count = math.nan
        most = math.inf if per else float(_PER_ROWS)
        if per not in {"", "day"} or not 0 < count < math.inf or count > most:
            raise InputError(
                "the alert budget must be a number of alerts per 1,000 rows, above 0 and at most 1000, such as 10, or "
                f"per day, such as 20/day; got {quote(text)} instead."
            )
        return cls(count, "day" if per else "rows")

    def __str__(self) -> str:
        """Return the budget in words."""
        return f"{self.count:g} alerts per {'day' if self.per == 'day' else '1,000 rows'}"

    def share(self, times: "pl.Series | None") -> float:
        """Return the share of rows that may be alerts.

        Args:
            times: Timestamps (n,) of the rows that the threshold is chosen on; None without a time column.

        Raises:
            InputError: If the budget is per day and there are no times.
            DataError: If the rows lie at one time, so that their number per day is not known.
        """
        if self.per == "rows":
            return self.count / _PER_ROWS
        if times is None:
            raise InputError(
                "a budget of alerts per day needs the contract's time_column; name one with --time-column, or give the "
                "budget per 1,000 rows."
            )
        daily = rows_per_day(times)
        if daily is None:
            raise DataError(
                f"a budget of alerts per day needs rows at different times; all {times.len()} are at one; give the "
                "budget per 1,000 rows."
            )
        return min(1.0, self.count / daily)


def rows_per_day(times: "pl.Series") -> float | None:
    """Return the mean number of rows in a day of timestamps (n,); None if they lie at one time."""
    import polars as pl  # noqa: PLC0415 - a command reads a budget without it

    present = times.drop_nulls().cast(pl.Datetime("us"))
    if present.len() < 2:
        return None
    ends = present.dt.epoch("us")
    seconds = (int(ends.max()) - int(ends.min())) / 1e6  # type: ignore[arg-type]
    # The last row opens a gap too, as long as the others on average.
    return (present.len() - 1) / seconds * _SECONDS_OF_A_DAY if seconds > 0 else None
