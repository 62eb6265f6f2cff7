"""The order of day and month in a column's dates, and notes on dates and on values that may be dates."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headrace.core.base.notes import Note
from headrace.core.contracts.profiling.column_trials import ColumnProfile
from headrace.core.contracts.profiling.conventions import WritingConventions
from headrace.core.values.timestamp_formats import swapped_form
from headrace.core.values.timestamps import SEPARATOR

_LAST_SOON = 2040
_DAYS, _SECONDS = (19_000_101, 21_001_231), (19_000_101_000_000, 21_001_231_235_959)
_FEWEST = 3
_TIME_NAME = re.compile(
    r"(?i)date|time|day|created|updated|modified|epoch|_at$|_ts$|^ts$|_on$|start|end|born|since|until|opened|closed"
)
_CLOCK = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?: ?[AaPp]\.?[Mm]\.?)?")
# Columns that may hold times as numbers: the unit, and the first and last value (1990 to 2060).
_HINTS = (
    ("seconds since 1970", 631_152_000, 2_840_140_800),
    ("milliseconds since 1970", 631_152_000_000, 2_840_140_800_000),
    ("microseconds since 1970", 631_152_000_000_000, 2_840_140_800_000_000),
    ("days of Excel (since 1899-12-30)", 32_874, 58_441),
)
_REMEDY = "Give --country, or edit the column's format in the contract."


@dataclass(frozen=True)
class DateOrders:
    """A column of dates, read with either order of day and month.

    Attributes:
        first: With the form that was found first.
        second: With day and month swapped.
    """

    first: ColumnProfile
    second: ColumnProfile

    @property
    def proven(self) -> ColumnProfile | None:
        """The reading that fits more values; None if both fit equally many."""
        if self.first.failed == self.second.failed:
            return None
        return min(self.first, self.second, key=lambda item: item.failed)

    def reading(self, *, month_first: bool) -> ColumnProfile:
        """Return the profile with the month first, or with the day first."""
        return self.first if is_month_first(self.first) == month_first else self.second


def is_month_first(item: ColumnProfile) -> bool:
    """Check whether a column's form has the month before the day."""
    return item.format.find("%m") < item.format.find("%d")


def swapped_column_form(item: ColumnProfile) -> str:
    """Return the form of a column of dates with day and month swapped; empty if it cannot be swapped."""
    return swapped_form(item.format) if item.dtype == "timestamp" else ""


def compact_column_form(item: ColumnProfile) -> str:
    """Return the form of whole numbers that may be dates such as 20240131; empty if they are not."""
    if item.dtype != "integer" or item.format or item.present < _FEWEST or item.failed:
        return ""
    for form, (low, high) in (("%Y%m%d", _DAYS), ("%Y%m%d%H%M%S", _SECONDS)):
        if low <= item.least and item.most <= high:
            return form
    return ""


def settle_order(pairs: Sequence[DateOrders], *, conventions: WritingConventions) -> Iterable[ColumnProfile]:
    """Yield the reading of each column: proven by its values, by the country, by other columns, or with a warning.

    Args:
        pairs: Columns that were read both ways round.
        conventions: What the user says about the table.
    """
    proven_orders = {is_month_first(pair.proven) for pair in pairs if pair.proven}
    common = proven_orders.pop() if len(proven_orders) == 1 else None
    for pair in pairs:
        if pair.proven:
            yield pair.proven
        elif conventions.month_first is not None:
            yield _with_note(
                pair.reading(month_first=conventions.month_first), "info", f"as is usual in {conventions.country}"
            )
        elif common is not None:
            yield _with_note(pair.reading(month_first=common), "info", "as in the table's other columns")
        else:
            yield _with_note(pair.reading(month_first=False), "warning", "as nothing in the table decides")


def _with_note(item: ColumnProfile, severity: str, why: str) -> ColumnProfile:
    first = "month" if is_month_first(item) else "day"
    sentence = f"Its dates can be read with the day or the month first; they are read with the {first} first, {why}."
    note = Note(severity, item.name, "day_or_month", item.present, sentence, _REMEDY)  # type: ignore[arg-type]
    return replace(item, notes=(*item.notes, note))


def add_date_hints(item: ColumnProfile) -> ColumnProfile:
    """Return the column with notes on its dates, or on values that may be dates.

    Args:
        item: The profile of the column.
    """
    notes = list(_about_dates(item) if item.dtype == "timestamp" else _about_others(item))
    return replace(item, notes=(*item.notes, *notes)) if notes else item


def _about_dates(item: ColumnProfile) -> Iterable[Note]:
    if SEPARATOR in item.format:
        forms = item.format.replace(SEPARATOR, " and ")
        yield Note("info", item.name, "date_forms", item.present, f"Its dates are written in several forms: {forms}.")
    if item.format in {"%Y%m%d", "%Y%m%d%H%M%S"}:
        sentence = "Each of its whole numbers is a date such as 20240131, so they are read as dates."
        yield Note("info", item.name, "compact_dates", item.present, sentence)
    if "%y" in item.format:
        late = isinstance(item.most, datetime) and item.most.year >= _LAST_SOON
        sentence = "Its years have two digits: 70 to 99 are read as 1970 to 1999, 00 to 69 as 2000 to 2069"
        sentence += f"; the latest is {item.most.year}." if late else "."
        remedy = "Write years with four digits, if some of them are of another century." if late else ""
        yield Note("warning" if late else "info", item.name, "two_digit_years", item.present, sentence, remedy)


def _about_others(item: ColumnProfile) -> Iterable[Note]:
    if item.dtype in {"integer", "number"} and item.present >= _FEWEST and _TIME_NAME.search(item.name):
        for what, low, high in _HINTS:
            if item.least is not None and low <= item.least and item.most <= high and item.distinct > 1:
                sentence = f"Its numbers may be times in {what}; they are read as numbers."
                remedy = "Give them as dates such as 2024-01-31 10:30:00, to have features made of them."
                yield Note("info", item.name, "times_as_numbers", item.present, sentence, remedy)
                return
    if item.dtype == "string" and item.head and all(_CLOCK.fullmatch(text) for text in item.head):
        sentence = "Its texts are times of day without a date, of which no features are made."
        remedy = "Give the date with them in one column, or minutes since midnight as a number."
        yield Note("info", item.name, "times_of_day", item.present, sentence, remedy)
