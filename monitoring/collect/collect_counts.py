"""What a collector has counted."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from headrace.core.base.notes import Note, NoteSeverity

_NOTES: dict[str, tuple[NoteSeverity, str]] = {
    "damaged": ("warning", "{} records of the journal are damaged; the events in them are lost."),
    "rows_left_out": ("warning", "Senders left out {} rows of large requests."),
    "incomplete": ("info", "{} rows have no answer, or no inputs."),
    "without_time": ("info", "{} events have no time; they have that of their arrival or of their file."),
    "late": ("info", "{} events are older than those before them by more than the clocks' allowance."),
    "removed_values": ("info", "{} values were removed: personal ones, and those of columns outside the contract."),
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
            Note("warning", "", f"refused_{reason}", count, f"{count} events were refused, for the reason {reason}.")
            for reason, count in sorted(self.refused.items())
        ]
        for name, (severity, sentence) in _NOTES.items():
            count = getattr(self, name)
            if count:
                found.append(Note(severity, "", name, count, sentence.format(count)))
        return tuple(found)

    def as_json(self) -> dict[str, Any]:
        """Return the counts by name, without the newest event's time."""
        plain = {name: value for name, value in vars(self).items() if name not in {"newest", "refused"}}
        return {**plain, "refused": dict(sorted(self.refused.items()))}
