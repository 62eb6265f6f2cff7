"""What a collector has counted."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.notes import Note, NoteSeverity
from headrace.core.base.quantities import describe_count

# Severity, what is counted, and what follows for one and for several.
_NOTES: dict[str, tuple[NoteSeverity, str, str, str]] = {
    "damaged": ("warning", "record", "of the journal is damaged", "of the journal are damaged"),
    "rows_left_out": (
        "warning",
        "row",
        "of a large request was left out by its sender",
        "of large requests were left out by their senders",
    ),
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
    "removed_values": (
        "info",
        "value",
        "was removed: personal, or of a column outside the contract",
        "were removed: personal ones, and those of columns outside the contract",
    ),
}


@dataclass
class CollectCounts:
    """Counts of a collector since its start.

    Attributes:
        events: Events that were accepted, repeated ones included.
        rows: Rows that were stored.
        duplicates: Events that repeat an earlier one; they are not stored again.
        incomplete: Rows among them that were stored without their request, or without their answer.
        removed_values: Values that were removed: personal ones, and those of columns outside the contract.
        rows_left_out: Rows that the senders of events left out, as they say.
        without_time: Events without a time of their own, which have that of their arrival or of their file.
        late: Events that are older than the newest one by more than the allowance, such as after a clock went back.
        damaged: Records of the journal that could not be read back.
        store_failures: Attempts to store rows that failed; they are repeated.
        newest: Time of the newest event, in microseconds since 1970 in UTC; 0 for none.
        refused: Events and files that were refused, by reason.
    """

    events: int = 0
    rows: int = 0
    duplicates: int = 0
    incomplete: int = 0
    removed_values: int = 0
    rows_left_out: int = 0
    without_time: int = 0
    late: int = 0
    damaged: int = 0
    store_failures: int = 0
    newest: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def add(self, other: "CollectCounts") -> None:
        """Add what another collector has counted."""
        for name, value in vars(other).items():
            if name == "newest":
                self.newest = max(self.newest, value)
            elif name == "refused":
                self.refused += value
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
        for name, (severity, *words) in _NOTES.items():
            count = getattr(self, name)
            if count:
                found.append(Note(severity, "", name, count, f"{describe_count(count, *words)}."))
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """Return the counts by name, without the newest event's time."""
        plain = {name: value for name, value in vars(self).items() if name not in {"newest", "refused"}}
        return {**plain, "refused": dict(sorted(self.refused.items()))}
