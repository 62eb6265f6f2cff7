"""What a collector has counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.errors import RequestError, quote
from headrace.core.base.notes import Note, NoteSeverity
from headrace.core.base.quantities import describe_count

# Severity, what is counted, and what follows for one and for several.
_NOTES: dict[str, tuple[NoteSeverity, str, str, str]] = {
    "damaged": (
        "warning",
        "record",
        "of the journal is damaged, and the events in it are lost",
        "of the journal are damaged, and the events in them are lost",
    ),
    "rows_left_out": (
        "warning",
        "row",
        "of a large request was left out by its sender",
        "of large requests were left out by their senders",
    ),
    "stored_before": ("info", "row", "was stored before", "were stored before"),
    "incomplete": ("info", "row", "has no answer, or no inputs", "have no answer, or no inputs"),
    "without_time": (
        "info",
        "event",
        "has no time, and gets that of its arrival or its file",
        "have no time, and get that of their arrival or their file",
    ),
    "late": (
        "info",
        "event",
        "is older than those before it by more than the clocks' allowance",
        "are older than those before them by more than the clocks' allowance",
    ),
    "lost_offsets": (
        "warning",
        "offset",
        "of a topic was deleted before it was read",
        "of topics were deleted before they were read",
    ),
    "tombstones": ("info", "record", "of a topic has no value", "of topics have no value"),
    "removed_values": (
        "info",
        "value",
        "was removed: personal, or of a column outside the contract",
        "were removed: personal ones, and those of columns outside the contract",
    ),
}
# A sender may name any service and any reason, so names are kept up to a bound.
_MOST_NAMES, _MORE_NAMES = 20, "others"
_MOST_NAME = 100


class OtherServiceError(RequestError):
    """An event is of a service that is not known to serve the model.

    Attributes:
        service: Its name.
    """

    service: str

    @classmethod
    def of(cls, service: str, expected: Iterable[str]) -> "OtherServiceError":
        """Return the error about an event.

        Args:
            service: The service that it names.
            expected: The services whose events are accepted.
        """
        error = cls(
            f"events must be of the service {quote(sorted(expected))}; got one of {quote(service)}: "
            "name it with --service if it serves this model.",
            "service",
        )
        error.service = service[:_MOST_NAME]
        return error


@dataclass
class CollectCounts:
    """Counts of a collector since its start.

    Attributes:
        events: Events that were accepted, repeated ones included.
        rows: Rows that were stored, or completed.
        stored_before: Rows that were not stored because the store had them, where files are read once.
        duplicates: Events that repeat an earlier one; they are not stored again.
        incomplete: Rows among them that were stored without their request, or without their answer.
        removed_values: Values that were removed: personal ones, and those of columns outside the contract.
        rows_left_out: Rows that the senders of events left out, as they say.
        without_time: Events without a time of their own, which have that of their arrival or of their file.
        late: Events that are older than the newest one by more than the allowance, such as after a clock went back.
        damaged: Records of the journal that could not be read back.
        store_failures: Attempts to store rows that failed; they are repeated.
        lost_offsets: Offsets of topics that were deleted before they were read.
        tombstones: Records without a value in topics of events; not those that became dead letters.
        newest: Time of the newest event, in microseconds since 1970 in UTC; 0 for none.
        refused: Events and files that were refused, by reason.
        other_services: Events that were refused because they are of another service, by its name.
        dead_letters: Events of a stream that the contract refused, by reason; their rows are stored without an answer.
    """

    events: int = 0
    rows: int = 0
    stored_before: int = 0
    duplicates: int = 0
    incomplete: int = 0
    removed_values: int = 0
    rows_left_out: int = 0
    without_time: int = 0
    late: int = 0
    damaged: int = 0
    store_failures: int = 0
    lost_offsets: int = 0
    tombstones: int = 0
    newest: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    other_services: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)

    def refuse(self, error: RequestError) -> None:
        """Count a refused event."""
        self.refused[error.reason] += 1
        if isinstance(error, OtherServiceError):
            _count_name(self.other_services, error.service)

    def note_dead_letter(self, reason: str) -> None:
        """Count an event of a stream that the contract refused."""
        _count_name(self.dead_letters, reason)

    def add(self, other: "CollectCounts") -> None:
        """Add what another collector has counted."""
        for name, value in vars(other).items():
            if name == "newest":
                self.newest = max(self.newest, value)
            elif isinstance(value, Counter):
                getattr(self, name).update(value)
            else:
                setattr(self, name, getattr(self, name) + value)

    def find_notes(self) -> tuple[Note, ...]:
        """Return what a person should know of what was collected: what was refused, removed, guessed or is missing."""
        found = [
            Note(
                "warning",
                "",
                f"refused_{reason}",
                count,
                f"{describe_count(count, 'event', 'was', 'were')} refused, for the reason {reason}.",
            )
            for reason, count in sorted(self.refused.items())
        ]
        if self.other_services:
            count = self.other_services.total()
            found.append(Note("warning", "", "other_services", count, f"{self.describe_services()}."))
        if self.dead_letters:
            found.append(
                Note("info", "", "dead_letters", self.dead_letters.total(), f"{self.describe_dead_letters()}.")
            )
        for name, (severity, *words) in _NOTES.items():
            count = getattr(self, name)
            if count:
                found.append(Note(severity, "", name, count, f"{describe_count(count, *words)}."))
        return tuple(found)

    def describe_services(self) -> str:
        """Return for which other services events were, and what to do if one of them serves the model."""
        named = ", ".join(f"{quote(name)} ({count:,})" for name, count in self.other_services.most_common())
        count = self.other_services.total()
        events = describe_count(count, "event", "was of another service", "were of other services")
        return f"{events}: {named}; name one with --service if it serves this model"

    def describe_dead_letters(self) -> str:
        """Return how many events of a stream the contract refused, and why."""
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(self.dead_letters.items()))
        return f"{describe_count(self.dead_letters.total(), 'dead letter')} ({reasons})"

    def as_json(self) -> dict[str, Any]:
        """Return the counts by name, without the newest event's time."""
        plain = {name: value for name, value in vars(self).items() if name != "newest"}
        return {
            name: dict(sorted(value.items())) if isinstance(value, Counter) else value for name, value in plain.items()
        }


def _count_name(counter: Counter[str], name: str) -> None:
    many = len(counter) >= _MOST_NAMES and name not in counter
    counter[_MORE_NAMES if many else name] += 1
