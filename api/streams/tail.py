"""Look at the events of a topic."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.streams.views.event_view import EventView


def tail(
    topic: str, *, from_beginning: bool = False, last: int = 0, rows: int = 0, until_end: bool = False
) -> Iterator["EventView"]:
    """Yield the committed events of a topic as they come, as ``headrace tail`` shows them.

    No group is joined, and nothing is committed.

    Args:
        topic: ``kafka://HOST:PORT/TOPIC``, or a folder.
        from_beginning: Whether to begin with the first event there is; else with those that come from now on.
        last: How many of the latest events to begin with, 0 to 100,000.
        rows: Number of events after which to end; 0 for no end.
        until_end: Whether to end when all is read that was there at the start.

    Yields:
        The events: ``time``, ``partition``, ``offset``, ``key``, ``value``, ``headers``, what they are (``kind``), and
        ``document``, ``label``, ``probability`` or ``reason`` where they have one.

    Raises:
        InputError: If an option is wrong, or the client of Kafka is not installed.
        MissingError: If there is no such topic.
        StoreError: If the topic is not reached, or may not be read.
    """
    from headrace.streams.topic_address import parse_topic  # noqa: PLC0415 - importing the API costs milliseconds
    from headrace.streams.topic_following import FollowedPart, follow_topic  # noqa: PLC0415 - as above

    part = FollowedPart(from_beginning=from_beginning, last=last, rows=rows, until_end=until_end)
    return (event for events in follow_topic(parse_topic(topic), part) for event in events)
