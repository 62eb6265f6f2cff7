"""Windows of time: the spans for which monitors are computed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from headrace.core.base.errors import InputError, quote


@dataclass(frozen=True, order=True)
class TimeWindow:
    """A span of time, in UTC.

    Attributes:
        start: Its first moment.
        end: The first moment after it.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Raise if it is empty or has no time zone.

        Raises:
            InputError: If so.
        """
        if self.start.tzinfo is None or self.end.tzinfo is None or self.end <= self.start:
            raise InputError(
                "a window of time must begin before it ends, both with a time zone; got "
                f"{quote(self.start.isoformat())} and {quote(self.end.isoformat())}."
            )

    def as_json(self) -> dict[str, str]:
        """Return both moments as texts of RFC 3339."""
        return {"start": rfc3339(self.start), "end": rfc3339(self.end)}


def rfc3339(moment: datetime) -> str:
    """Return a moment as a text such as ``2026-03-01T00:00:00Z``."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def parse_moment(text: str) -> datetime:
    """Read a moment with a time zone, such as ``2026-03-01T00:00:00Z``.

    Raises:
        InputError: If the text is not such a moment.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f"a moment must be such as 2026-03-01T00:00:00Z; got {quote(text)} instead.")
    return moment.astimezone(UTC)


def parse_typed_moment(text: str) -> datetime:
    """Read a moment as a person types it: with a time zone, or a date alone, which means its midnight in UTC.

    Raises:
        InputError: If the text is neither.
    """
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        pass
    try:
        return parse_moment(text)
    except InputError as error:
        raise InputError(
            f"a moment must be such as 2026-03-01T00:00:00Z, or a date such as 2026-03-01 (midnight UTC); got "
            f"{quote(text)} instead."
        ) from error
