"""What has come from a topic: counts, and how many events a second."""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from headrace.streams.views.event_view import EventView

KEPT_SECONDS = 60


@dataclass
class FlowSecond:
    """What came in one second.

    Attributes:
        second: Its number.
        events: Events.
        rejects: Dead letters among them.
        labels: Answers by label.
    """

    second: int
    events: int = 0
    rejects: int = 0
    labels: Counter[str] = field(default_factory=Counter)


@dataclass
class FlowCounts:
    """Counts since the first event that was looked at.

    Attributes:
        events: Events.
        kinds: Events by kind.
        reasons: Dead letters by reason.
        labels: Answers by label.
        seconds: The last seconds in which something came, by their arrival here.
    """

    events: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    seconds: deque[FlowSecond] = field(default_factory=lambda: deque(maxlen=KEPT_SECONDS))

    def add(self, events: Iterable[EventView], now: float) -> None:
        """Count events.

        Args:
            events: The events.
            now: When they came, in seconds of any clock that only goes forward.
        """
        for event in events:
            if not self.seconds or self.seconds[-1].second != int(now):
                self.seconds.append(FlowSecond(int(now)))
            second = self.seconds[-1]
            self.events += 1
            self.kinds[event.kind] += 1
            second.events += 1
            if event.kind == "dead letter":
                self.reasons[event.reason] += 1
                second.rejects += 1
            if event.label:
                self.labels[event.label] += 1
                second.labels[event.label] += 1

    def rate(self, now: float, *, seconds: int = 10) -> float:
        """Return events a second over the last whole seconds.

        Args:
            now: The time, by the clock of ``add``.
            seconds: How many; fewer if the first event came later.
        """
        first = self.seconds[0].second if self.seconds else int(now)
        begin = max(int(now) - seconds, first)
        span = int(now) - begin
        events = sum(one.events for one in self.seconds if begin <= one.second < int(now))
        return events / span if span > 0 else float(sum(one.events for one in self.seconds))

    def last_seconds(self, now: float) -> list[FlowSecond]:
        """Return the last 60 seconds, those without events too, the last one at the end.

        Args:
            now: The time, by the clock of ``add``.
        """
        known = {one.second: one for one in self.seconds}
        return [known.get(second, FlowSecond(second)) for second in range(int(now) - KEPT_SECONDS + 1, int(now) + 1)]
