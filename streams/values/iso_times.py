"""Times and dates as JSON would hold them: ISO 8601, in UTC and without a zone, which the contract takes for UTC."""

from datetime import date, datetime, timedelta

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - written without a zone
_EPOCH_DAY = date(1970, 1, 1).toordinal()


def write_time(ticks: int, per_second: int) -> str:
    """Return a time as a text; fractions of a second only where there are any.

    Args:
        ticks: Time since 1970.
        per_second: Ticks of a second, a power of ten.

    Raises:
        OverflowError: If it is not in the years 1 to 9999.
    """
    seconds, rest = divmod(ticks, per_second)
    text = (_EPOCH + timedelta(seconds=seconds)).isoformat(sep=" ")
    return f"{text}.{rest:0{len(str(per_second)) - 1}d}" if rest else text


def write_date(days: int) -> str:
    """Return a date as a text.

    Args:
        days: Days since 1970.

    Raises:
        ValueError: If it is not in the years 1 to 9999, or an OverflowError.
    """
    return date.fromordinal(_EPOCH_DAY + days).isoformat()


def write_clock(ticks: int, per_second: int) -> str:
    """Return a time of day as a text.

    Args:
        ticks: Time since midnight.
        per_second: Ticks of a second, a power of ten.

    Raises:
        ValueError: If it is not within a day.
    """
    if not 0 <= ticks < 86_400 * per_second:
        raise ValueError("a time of day must be within a day")
    return write_time(ticks, per_second)[11:]
