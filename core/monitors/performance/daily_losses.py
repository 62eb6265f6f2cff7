"""Sums of the losses of each day: what is kept of labelled rows, so that a year's history needs no row again.

It is the document ``losses.json`` of the monitoring store, whose schema is ``docs/losses.schema.json``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from headrace.core.base.errors import InputError, quote
from headrace.core.base.json_document import JsonDocument
from headrace.core.drift.output_profile import LossRecord, sum_losses
from headrace.core.statistics.weighted_metrics import EvaluatedRows

FORMAT = 1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DayLosses:
    """Sums of the losses of the rows of one day.

    Attributes:
        day: The day in UTC, such as ``2026-03-01``.
        rows: Number of labelled rows.
        losses: Sums by loss, the same as in the reference profile.
    """

    day: str
    rows: int
    losses: tuple[LossRecord, ...]


@dataclass(frozen=True)
class DailyLosses(JsonDocument):
    """Sums of a model's losses, by the day of the request.

    Attributes:
        format: Version of this document's form.
        digest: Digest of the version that answered.
        days: The days that have labelled rows, in order.
    """

    format: int
    digest: str
    days: tuple[DayLosses, ...] = ()

    expected: ClassVar[str] = "daily losses must be what a monitor writes, as docs/losses.schema.json says"
    remedy: ClassVar[str] = "delete the file and run the monitor again"

    def __post_init__(self) -> None:
        """Raise if the days are not dates in order, each once.

        Raises:
            InputError: If so.
        """
        days = [day.day for day in self.days]
        if days != sorted(set(days)) or not all(map(_is_day, days)):
            raise InputError(f"days must be such as 2026-03-01, in order and each once; got {quote(days)} instead.")

    @classmethod
    def of(cls, outcome: EvaluatedRows, days: Iterable[date], *, digest: str) -> Self:
        """Sum the losses of n labelled rows by day.

        Args:
            outcome: Predictions for the rows, with their actual values.
            days: The day (n,) of each row's request, in UTC.
            digest: Digest of the version that answered.
        """
        texts = np.array([day.isoformat() for day in days], dtype=np.str_)
        distinct, places = np.unique(texts, return_inverse=True)
        parts = [outcome.take(np.flatnonzero(places == place)) for place in range(len(distinct))]
        return cls(
            FORMAT,
            digest,
            tuple(DayLosses(str(day), len(part), sum_losses(part)) for day, part in zip(distinct, parts, strict=True)),
        )

    def __add__(self, other: "DailyLosses") -> "DailyLosses":
        """Return the sums of both sets of rows; no row may be in both.

        Raises:
            InputError: If they are of different versions of the model, or hold other losses.
        """
        if self.digest != other.digest:
            raise InputError(
                "losses are added of one version of a model only; got those of "
                f"{quote(self.digest[:12])} and {quote(other.digest[:12])}: keep a history for each version."
            )
        by_day = {day.day: day for day in self.days}
        for day in other.days:
            by_day[day.day] = _add(by_day[day.day], day) if day.day in by_day else day
        return DailyLosses(self.format, self.digest, tuple(by_day[day] for day in sorted(by_day)))

    def replace_days(self, other: "DailyLosses") -> "DailyLosses":
        """Return these sums with the days of the other in place of theirs: labels have come, or were corrected.

        Raises:
            InputError: If they are of different versions of the model.
        """
        counted = {day.day for day in other.days}
        rest = tuple(day for day in self.days if day.day not in counted)
        return DailyLosses(self.format, self.digest, rest) + other

    def series(self, loss: str) -> tuple[list[str], Floats, Floats]:
        """Return the days (n,), the sums (n,) of a loss over each, and the rows (n,) of each.

        Raises:
            InputError: If a day lacks the loss.
        """
        totals = []
        for day in self.days:
            total = next((record.total for record in day.losses if record.name == loss), None)
            if total is None:
                names = [record.name for record in day.losses]
                raise InputError(f"the losses of {day.day} must hold {quote(loss)}; they hold {quote(names)}.")
            totals.append(total)
        rows = np.array([day.rows for day in self.days], dtype=np.float64)
        return [day.day for day in self.days], np.array(totals, dtype=np.float64), rows


def _add(first: DayLosses, second: DayLosses) -> DayLosses:
    if [record.name for record in first.losses] != [record.name for record in second.losses]:
        raise InputError(f"losses are added of one task only; those of {first.day} differ in their names.")
    losses = tuple(
        LossRecord(one.name, one.total + two.total, one.squares + two.squares)
        for one, two in zip(first.losses, second.losses, strict=True)
    )
    return DayLosses(first.day, first.rows + second.rows, losses)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
