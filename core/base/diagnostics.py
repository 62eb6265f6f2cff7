"""Results of checks: one sentence each, its state, and what to do about it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

DiagnosticState = Literal["good", "note", "unknown", "warning", "bad"]
ORDER: tuple[DiagnosticState, ...] = ("bad", "warning", "unknown", "note", "good")


@dataclass(frozen=True)
class Diagnostic:
    """The result of one check.

    Attributes:
        area: What it is about, in a word or two, such as ``KServe``.
        state: ``good``; ``note``, worth knowing; ``unknown``, not checked; ``warning``, something will be ignored or
            may fail; ``bad``, something will be refused or will fail.
        text: What was found, as a sentence without a full stop.
        remedy: What to do about it, as a sentence without a full stop; empty if nothing needs to be done.
    """

    area: str
    state: DiagnosticState
    text: str
    remedy: str = ""


def good(area: str, text: str) -> Diagnostic:
    """Return the result of a check that passed."""
    return Diagnostic(area, "good", text)


def worst(findings: Iterable[Diagnostic]) -> DiagnosticState:
    """Return the worst of the states; ``good`` without findings."""
    return min((finding.state for finding in findings), key=ORDER.index, default="good")


def as_dict(findings: Iterable[Diagnostic]) -> dict[str, Any]:
    """Return the findings for programs: whether none is bad, the number of each state, and all of them."""
    diagnostics = list(findings)
    counts = {state: sum(finding.state == state for finding in diagnostics) for state in ORDER}
    return {"ok": counts["bad"] == 0, "counts": counts, "findings": [asdict(finding) for finding in diagnostics]}


def list_names(names: Sequence[str], most: int = 4) -> str:
    """Return names separated by commas; of many, the first few and the number of others."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
