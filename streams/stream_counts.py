"""What a worker of a stream has counted."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

LATENCY_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
"""Upper bounds of the classes of latency, in seconds."""


@dataclass
class StreamCounts:
    """Counts of a worker since its start; of events, those whose transaction the broker has confirmed.

    A broker that is gone may commit a transaction and never say so; its events are answered, but not counted.

    Attributes:
        events: Events, each once.
        answers: Events that were scored.
        tombstones: Events without a value that were passed on.
        rejects: Events that went to the dead-letter topic, by reason.
        omitted: Dead letters without the bytes of their event, which are too many for the topic.
        warnings: Values that break a rule of the contract that only warns.
        batches: Transactions that were committed.
        aborted: Transactions that were aborted; their events came again.
        swaps: New versions that took over.
        future: Events whose time lay in the future.
        lost_offsets: Offsets that were deleted before they were read.
        latencies: Events by class of the time from event to answer; one class more than bounds.
        latency_seconds: Sum of these times, in seconds.
    """

    events: int = 0
    answers: int = 0
    tombstones: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    omitted: int = 0
    warnings: int = 0
    batches: int = 0
    aborted: int = 0
    swaps: int = 0
    future: int = 0
    lost_offsets: int = 0
    latencies: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS) + 1))
    latency_seconds: float = 0.0

    def add_latencies(self, timestamps: Sequence[int], now: float) -> None:
        """Count the times from events to their answers; events without a time or from the future have none.

        Args:
            timestamps: Times of the events, in milliseconds since 1970, n of them; 0 if unknown.
            now: Time of the answers, in seconds since 1970.
        """
        latest = int(now * 1000)
        # Events of a batch share most of their times.
        for timestamp, count in Counter(timestamps).items():
            if timestamp > latest:
                self.future += count
            elif timestamp > 0:
                seconds = (latest - timestamp) / 1000
                self.latencies[bisect_left(LATENCY_BOUNDS, seconds)] += count
                self.latency_seconds += seconds * count

    def as_json(self) -> dict[str, Any]:
        """Return the counts by name, without latencies."""
        plain = {name: value for name, value in vars(self).items() if not name.startswith("latenc")}
        return {**plain, "rejects": dict(sorted(self.rejects.items()))}
