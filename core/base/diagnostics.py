"""What an examination found: one sentence each, whether it is well, and what to do if it is not."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

DiagnosticState = Literal["good", "note", "unknown", "warning", "bad"]
ORDER: tuple[DiagnosticState, ...] = ("bad", "warning", "unknown", "note", "good")


@dataclass(frozen=True)
class Diagnostic:
    """One thing that was looked at.

    Attributes:
        area: What it is about, in a word or two, such as ``KServe``.
        state: ``good``; ``note``, which is worth knowing; ``unknown``, when it could not be looked at; ``warning``,
            when something will be ignored or may fail; ``bad``, when something will be refused or will fail.
        text: What was found, in a sentence without its full stop.
        remedy: What to do about it, in a sentence without its full stop; empty if nothing needs to be done.
    """

    area: str
    state: DiagnosticState
    text: str
    remedy: str = ""


def good(area: str, text: str) -> Diagnostic:
    """A thing that is well."""
    return Diagnostic(area, "good", text)


def worst(findings: Iterable[Diagnostic]) -> DiagnosticState:
    """The worst of the states; ``good`` of none."""
    return min((finding.state for finding in findings), key=ORDER.index, default="good")


def as_dict(findings: Iterable[Diagnostic]) -> dict[str, Any]:
    """The findings for programs: whether nothing is bad, how many there are of each state, and all of them."""
    found = list(findings)
    counts = {state: sum(finding.state == state for finding in found) for state in ORDER}
    return {"ok": counts["bad"] == 0, "counts": counts, "findings": [asdict(finding) for finding in found]}


def list_names(names: Sequence[str], most: int = 4) -> str:
    """Names by commas; of many, the first few and how many there are more."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
