"""Conversion of texts to timestamps, by strftime directives; years outside the calendar are failures."""

import polars as pl

from headrace.core.base.notes import Note
from headrace.core.values.month_names import in_english

# Polars reads the first far faster than one with fractions of a second.
ISO_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
)
# Separates the forms of a column with several.
SEPARATOR = " | "
_PER_SECOND = {"ms": 10**3, "us": 10**6, "ns": 10**9}
# Seconds and days from 1970 to the first moment of the year 1 and to the last of 9999.
_SECONDS = (-62_135_596_800, 253_402_300_799)
# From the year 1000, the first of four digits, in microseconds.
_WRITTEN = (-30_610_224_000_000_000, 253_402_300_799_999_999)
_DAYS = (-719_162, 2_932_896)


def parse_time(text: pl.Expr, form: str, *, bound: bool = True) -> pl.Expr:
    """Return timestamps from text, naive (zones are converted to UTC); missing where the text does not fit.

    Args:
        text: Column of texts.
        form: Their form, or several separated by `` | ``; a later one applies where the earlier ones do not fit. Years
            of two digits are 1970 to 2069, as in Polars. Month names may be of any common language.
        bound: Whether four-digit years before 1000 or after 9999 become missing; if not, call ``with_years``
            afterwards, which is faster on a whole column.
    """
    forms = form.split(SEPARATOR)
    if len(forms) == 1 and not bound and not _is_described(form):
        return _plainly(text, form)
    parsed = _parse(text, forms[0])
    for other in forms[1:]:
        parsed = pl.coalesce(parsed, _parse(pl.when(parsed.is_null()).then(text), other))
    return parsed


def _parse(text: pl.Expr, form: str) -> pl.Expr:
    parsed = _within(_plainly(text, form), form)
    if "%b" in form or "%B" in form:
        full = form.replace("%b", "%B")
        parsed = pl.coalesce(parsed, _within(_plainly(in_english(pl.when(parsed.is_null()).then(text)), full), form))
    elif "%p" in form:
        normalized = pl.when(parsed.is_null()).then(text).str.replace(r"(?i)\s*([ap])\.?\s?m\.?$", " ${1}m")
        parsed = pl.coalesce(parsed, _within(_plainly(normalized, form), form))
    return parsed


def _is_described(form: str) -> bool:
    return any(directive in form for directive in ("%b", "%B", "%p"))


def with_years(times: pl.Series) -> pl.Series:
    """Return times that were read from texts, missing where the year does not have four digits.

    Args:
        times: Timestamps (n,).
    """
    numbers = times.to_physical()
    least, most = numbers.min(), numbers.max()
    if least is None or (_WRITTEN[0] <= least and most <= _WRITTEN[1]):  # type: ignore[operator]
        return times
    return times.set(~numbers.is_between(*_WRITTEN), None)


def _plainly(text: pl.Expr, form: str) -> pl.Expr:
    """Return texts of one form as times, of any year."""
    parsed = text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC" if form.endswith("z") else None)
    return parsed.dt.replace_time_zone(None)


def _within(times: pl.Expr, form: str) -> pl.Expr:
    return pl.when(times.to_physical().is_between(*_WRITTEN)).then(times) if "%Y" in form else times


def beyond_note(name: str, count: int) -> Note:
    """Return the note that times of a column are missing because they are outside the calendar.

    Args:
        name: The column.
        count: Number of such times.
    """
    sentence = (
        f"{count} of its times are before the year 1 or after 9999, such as a database's infinity; they are missing."
    )
    return Note("warning", name, "times_beyond", count, sentence, "Write such times as missing values.")


def limit_years(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Return dates or times within the years 1 to 9999; others, such as a database's infinity, are missing.

    Args:
        value: Column of dates or times.
        dtype: Its type.
    """
    low, high = _DAYS
    if isinstance(dtype, pl.Datetime):
        low, high = (second * _PER_SECOND[dtype.time_unit] for second in _SECONDS)
        low, high = max(low, -(2**63)), min(high + _PER_SECOND[dtype.time_unit] - 1, 2**63 - 1)
    return pl.when(value.to_physical().is_between(low, high)).then(value)
