"""A live view of a topic in a notebook."""

import importlib
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.core.base.errors import InputError

if TYPE_CHECKING:
    from headrace.streams.views.event_view import EventView
    from headrace.streams.views.flow_counts import FlowCounts

_UPDATE_SECONDS = 0.5
_MOST_SHOWN = 200
_WIDTH = 160


@dataclass(frozen=True, repr=False)
class WatchedTopic:
    """What was seen of a topic.

    Attributes:
        topic: Its address.
        counts: Events by kind, dead letters by reason, answers by label.
        latest: The latest events, the last one first.
    """

    topic: str
    counts: "FlowCounts"
    latest: tuple["EventView", ...] = field(default=())

    def __repr__(self) -> str:
        """Return one line: topic and counts."""
        from headrace.streams.views.event_table import describe_flow  # noqa: PLC0415 - importing the API costs milliseconds

        return f"<WatchedTopic {self.topic}: {describe_flow(self.counts)}>"


def watch(
    topic: str,
    *,
    seconds: float = 0.0,
    from_beginning: bool = False,
    last: int = 0,
    rows: int = 0,
    until_end: bool = False,
    shown: int = 10,
) -> WatchedTopic:
    """Show the events of a topic as they come, with rates and shares of labels, until interrupted.

    In Jupyter a table and a picture are replaced twice a second; elsewhere lines are printed. Interrupting the kernel,
    or Ctrl-C, ends it in order. No group is joined, and nothing is committed.

    Args:
        topic: ``kafka://HOST:PORT/TOPIC``, or a folder.
        seconds: Time after which to end; 0 for no end.
        from_beginning: Whether to begin with the first event there is; else with those that come from now on.
        last: How many of the latest events to begin with, 0 to 100,000.
        rows: Number of events after which to end; 0 for no end.
        until_end: Whether to end when all is read that was there at the start.
        shown: Events in the table, 1 to 200.

    Returns:
        What was seen.

    Raises:
        InputError: If an option is wrong, or the client of Kafka is not installed.
        MissingError: If there is no such topic.
        StoreError: If the topic is not reached, or may not be read.
    """
    from headrace.streams.topic_address import parse_topic  # noqa: PLC0415 - importing the API costs milliseconds
    from headrace.streams.topic_following import FollowedPart, follow_topic, require_numbers, require_open  # noqa: PLC0415 - as above
    from headrace.streams.views.flow_counts import FlowCounts  # noqa: PLC0415 - as above

    require_numbers(seconds=seconds, last=last, rows=rows, shown=shown)
    if not 1 <= shown <= _MOST_SHOWN or seconds < 0:
        raise InputError(f"shown must be 1 to 200, and seconds 0 or more; got {shown} and {seconds} instead.")
    part = FollowedPart(from_beginning=from_beginning, last=last, rows=rows, until_end=until_end)
    counts = FlowCounts()
    latest: deque[EventView] = deque(maxlen=shown)
    display = _find_display()
    screen: _Live | _Lines = _Live(topic, counts, display) if display else _Lines()
    is_open, began, address = False, time.monotonic(), parse_topic(topic)
    try:
        for events in follow_topic(address, part):
            is_open, now = True, time.monotonic()
            counts.add(events, now)
            latest.extendleft(events)
            screen.show(events, latest, now)
            if seconds and now - began >= seconds:
                break
    except KeyboardInterrupt:  # how a look at a stream ends
        require_open(address, is_open=is_open)
    screen.end(latest, time.monotonic())
    return WatchedTopic(topic, counts, tuple(latest))


def _find_display() -> Callable[..., Any] | None:
    """Return Jupyter's ``display``; None outside of a kernel."""
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return importlib.import_module("IPython.display").display  # type: ignore[no-any-return]


class _Html:
    """HTML for a notebook, and a text for what shows none."""

    def __init__(self, html: str, text: str) -> None:
        self._html, self._text = html, text

    def _repr_html_(self) -> str:
        return self._html

    def __repr__(self) -> str:
        return self._text


class _Live:
    """A table and a picture that are replaced."""

    def __init__(self, topic: str, counts: "FlowCounts", display: Callable[..., Any]) -> None:
        self._topic, self._counts = topic, counts
        self._updated = time.monotonic()
        self._handle = display(self._draw((), self._updated, ended=False), display_id=True)

    def show(self, _events: "Sequence[EventView]", latest: "Sequence[EventView]", now: float) -> None:
        """Replace what is shown, from time to time."""
        if now - self._updated >= _UPDATE_SECONDS:
            self._updated = now
            self._handle.update(self._draw(latest, now, ended=False))

    def end(self, latest: "Sequence[EventView]", now: float) -> None:
        """Show the last state."""
        self._handle.update(self._draw(latest, now, ended=True))

    def _draw(self, latest: "Sequence[EventView]", now: float, *, ended: bool) -> _Html:
        from headrace.reports.flow.fragment import FlowBar, FlowRow, render_flow  # noqa: PLC0415 - only a notebook needs it
        from headrace.streams.views.event_table import describe_cells, describe_flow  # noqa: PLC0415 - as above

        sentence = describe_flow(self._counts, None if ended else now)
        bars = [FlowBar(one.events, one.rejects, one.labels) for one in self._counts.last_seconds(now)]
        html = render_flow(
            topic=self._topic,
            sentence=sentence,
            ended=ended,
            rows=[FlowRow(describe_cells(event, _WIDTH), event.kind == "dead letter") for event in latest],
            bars=bars,
            labels=[label for label, _ in self._counts.labels.most_common()],
        )
        return _Html(html, f"{self._topic}: {sentence}")


class _Lines:
    """Lines on standard output."""

    def __init__(self) -> None:
        from headrace.streams.views.event_table import EventTable, utc_today  # noqa: PLC0415 - as above

        self._table = EventTable(_WIDTH, utc_today())
        self._headed = False

    def show(self, events: "Sequence[EventView]", _latest: "Sequence[EventView]", _now: float) -> None:
        """Write events."""
        lines = [self._table.line(event) for event in events]
        if lines and not self._headed:
            self._headed = True
            lines.insert(0, self._table.head)
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    def end(self, _latest: "Sequence[EventView]", _now: float) -> None:
        """There is nothing to replace."""
