"""What a reader of the three topics of a stream counts: each event, and what became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from headrace.cli.output.text_table import align_rows
from headrace.streams.views.event_view import EventView


@dataclass
class StreamOutcomes:
    """Counts by key; each event has a key of its own.

    Attributes:
        events: Events by key.
        outcomes: Answers, dead letters and tombstones by key.
        answers: Number of answers.
        tombstones: Number of tombstones that were passed on.
        reasons: Dead letters by reason.
        labels: Answers by label.
    """

    events: Counter[bytes | None] = field(default_factory=Counter)
    outcomes: Counter[bytes | None] = field(default_factory=Counter)
    answers: int = 0
    tombstones: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)

    def add_events(self, events: Iterable[EventView]) -> None:
        """Count events of the topic that is scored."""
        self.events.update(event.key for event in events)

    def add_outcomes(self, events: Iterable[EventView]) -> None:
        """Count events of the topics of answers and dead letters."""
        for event in events:
            self.outcomes[event.key] += 1
            if event.kind == "dead letter":
                self.reasons[event.reason] += 1
            elif event.kind == "tombstone":
                self.tombstones += 1
            else:
                self.answers += 1
                self.labels[event.label] += 1

    @property
    def missing(self) -> int:
        """Events that nothing became of."""
        return (self.events - self.outcomes).total()

    @property
    def repeated(self) -> int:
        """Outcomes beyond the first of an event, and those without an event."""
        return (self.outcomes - self.events).total()

    @property
    def is_exact(self) -> bool:
        """Whether each event has its outcome once."""
        return bool(self.events) and self.missing == self.repeated == 0

    def describe(self) -> str:
        """Return a table of the counts."""
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.reasons.items()))
        labels = ", ".join(f"{label} {count:,}" for label, count in sorted(self.labels.items()))
        rows = [
            ["in", f"{self.events.total():,}", ""],
            ["scored", f"{self.answers:,}", labels],
            ["rejected", f"{self.reasons.total():,}", reasons],
            ["withdrawn", f"{self.tombstones:,}", "tombstones, passed on"],
            ["answered twice", f"{self.repeated:,}", ""],
            ["not answered", f"{self.missing:,}", ""],
        ]
        return align_rows(["payments", "count", ""], rows, right=[1])
