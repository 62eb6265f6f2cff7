"""Follows a topic for someone who looks at it: events in batches, as they come, until an end."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.core.base.errors import InputError, StoreError
from headrace.streams.open_reader import open_reader
from headrace.streams.topic_address import TopicAddress
from headrace.streams.topic_reader import ReadFrom, TopicReader
from headrace.streams.views.event_view import EventView, view_events

MOST_LAST = 100_000
_POLL_ROWS = 500
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class FollowedPart:
    """Which events of a topic are looked at.

    Attributes:
        from_beginning: Whether to begin with the first event there is; else only what comes from now on.
        last: How many of the latest events to begin with, 0 to 100,000, by their time.
        rows: Number of events after which to end; 0 for no end.
        until_end: Whether to end when all is read that was there at the start.
    """

    from_beginning: bool = False
    last: int = 0
    rows: int = 0
    until_end: bool = False

    def __post_init__(self) -> None:
        """Raise if the values do not go together.

        Raises:
            InputError: If they do not.
        """
        require_numbers(last=self.last, rows=self.rows)
        if self.from_beginning and self.last:
            raise InputError("a topic is read from its beginning, or from its last events; leave one of them out.")
        if not 0 <= self.last <= MOST_LAST or self.rows < 0:
            raise InputError(
                f"last must be 0 to {MOST_LAST:,}, and rows 0 or more; got {self.last} and {self.rows} instead."
            )
        if self.until_end and not self.from_beginning and not self.last:
            raise InputError(
                "an end needs a beginning before it: read the topic from its beginning, or its last events; only what "
                "comes from now on has no end."
            )


def require_numbers(**values: float) -> None:
    """Raise if a value is not a number.

    Args:
        **values: Values by name.

    Raises:
        InputError: If so.
    """
    for name, value in values.items():
        if not isinstance(value, int | float):
            raise InputError(f"{name} must be a number; got {value!r} instead.")


def require_open(address: TopicAddress, *, is_open: bool) -> None:
    """Raise if a look at a topic was interrupted before that was open.

    Args:
        address: The topic.
        is_open: Whether it was open.

    Raises:
        StoreError: If not.
    """
    if not is_open:
        raise StoreError(f"{address.place} must answer before events are shown; it had not when this was interrupted.")


def follow_topic(address: TopicAddress, part: FollowedPart) -> Iterator[list[EventView]]:
    """Yield events as they come; an empty list once the topic is open, and after a fraction of a second without events.

    It joins no group, commits nothing, and sees committed events only.

    Args:
        address: The topic.
        part: Which of its events.

    Raises:
        InputError: If the client of Kafka is not installed.
        MissingError: If there is no such topic.
        StoreError: If the topic is not reached, or may not be read.
    """
    # Each event of a transaction of its own has a marker behind it that takes an offset, too.
    start: ReadFrom = "beginning" if part.from_beginning else "end"
    with open_reader(address, start=start, last=2 * part.last) as reader:
        yield []
        left = part.rows
        for events in _read(reader, part):
            found = events[:left] if part.rows else events
            left -= len(found)
            yield found
            if part.rows and left <= 0:
                return


def _read(reader: TopicReader, part: FollowedPart) -> Iterator[list[EventView]]:
    if part.last:
        yield _read_last(reader, part.last)
    while not (part.until_end and reader.at_end):
        yield list(view_events(reader.poll(rows=_POLL_ROWS, seconds=_POLL_SECONDS)))


def _read_last(reader: TopicReader, last: int) -> list[EventView]:
    """Return the last events of all that is there, in the order of their times."""
    kept: list[tuple[float, int, int, EventView]] = []
    while not reader.at_end:
        for event in view_events(reader.poll(rows=_POLL_ROWS, seconds=0)):
            time = event.time.timestamp() if event.time else 0.0
            heapq.heappush(kept, (time, event.offset, event.partition, event))
            if len(kept) > last:
                heapq.heappop(kept)
    return [event for *_, event in sorted(kept, key=lambda one: one[:3])]
