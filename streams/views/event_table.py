"""Events as lines of a table, whose widths only grow."""

from datetime import UTC, date, datetime

from headrace.streams.views.event_view import EventView
from headrace.streams.views.flow_counts import FlowCounts
from headrace.streams.views.safe_text import describe_bytes, fit, measure, pad

_HEADS = ("time", "part", "offset", "key", "event")
_RIGHT = (1, 2)
_WIDEST_KEY = 24
_LEAST_TEXT = 20
_GAP = "  "


class EventTable:
    """Writes lines."""

    def __init__(self, width: int, today: date) -> None:
        """Initialize.

        Args:
            width: Columns of a line.
            today: Day whose events show their time without the date, in UTC.
        """
        self._width, self._today = width, today
        self._widths = [12, 4, 6, 8]

    @property
    def head(self) -> str:
        """The heads of the columns."""
        return self._join(list(_HEADS))

    def line(self, event: EventView) -> str:
        """Return an event on one line that is safe to print.

        Args:
            event: The event.
        """
        *cells, _ = describe_cells(event, 1, today=self._today)
        return self._join([*cells, event.describe()])

    def _join(self, cells: list[str]) -> str:
        *first, text = cells
        self._widths = [max(width, measure(cell)) for width, cell in zip(self._widths, first, strict=True)]
        room = self._width - sum(self._widths) - len(_GAP) * len(first)
        padded = [pad(cell, self._widths[place], right=place in _RIGHT) for place, cell in enumerate(first)]
        return _GAP.join([*padded, fit(text, max(room, _LEAST_TEXT))]).rstrip()


def describe_cells(event: EventView, width: int, *, today: date | None = None) -> tuple[str, str, str, str, str]:
    """Return time, partition, offset, key and what an event says, as texts that are safe to print.

    Args:
        event: The event.
        width: Most columns of the last one.
        today: Day whose events show their time without the date; None for today in UTC.
    """
    key = "-" if event.key is None else fit(describe_bytes(event.key), _WIDEST_KEY)
    time = _describe_time(event, today or utc_today())
    return time, str(event.partition), str(event.offset), key, fit(event.describe(), width)


def _describe_time(event: EventView, today: date) -> str:
    if event.time is None:
        return "-"
    if event.time.date() == today:
        return f"{event.time:%H:%M:%S}.{event.time.microsecond // 1000:03d}"
    return f"{event.time:%Y-%m-%d %H:%M:%S}"


def describe_flow(counts: FlowCounts, now: float | None = None) -> str:
    """Return counts in one line that is safe to print.

    Args:
        counts: The counts.
        now: The time by the clock of the counts, to tell the rate; None for no rate.
    """
    parts = [f"{counts.events:,} event{'s' if counts.events != 1 else ''}"]
    if now is not None:
        parts[0] += f", {counts.rate(now):,.0f} a second"
    if counts.labels:
        answers = sum(counts.labels.values())
        shares = [f"{fit(label, 20)} {count / answers:.1%}" for label, count in counts.labels.most_common(4)]
        parts.append(", ".join(shares))
    if rejects := counts.kinds["dead letter"]:
        reasons = ", ".join(f"{fit(reason, 20)} {count:,}" for reason, count in counts.reasons.most_common(6))
        parts.append(f"{rejects:,} dead letter{'s' if rejects != 1 else ''} ({reasons})")
    if tombstones := counts.kinds["tombstone"]:
        parts.append(f"{tombstones:,} tombstone{'s' if tombstones != 1 else ''}")
    return "; ".join(parts)


def utc_today() -> date:
    """Return the day in UTC."""
    return datetime.now(UTC).date()
