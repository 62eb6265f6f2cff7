"""What a migration says about a file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

DifferenceKind = Literal["changed", "dropped", "remains"]


@dataclass(frozen=True)
class Difference:
    """One thing that is not in v2 as it was in v1.

    Attributes:
        line: Line of the v1 file, from 1.
        kind: ``changed`` if it is migrated and behaves differently, ``dropped`` if v2 has no place for it and nothing
            depends on it, ``remains`` if a person must do it.
        what: What is in the file.
        why: Why it is not the same in v2.
        remedy: What to do by hand; empty if nothing.
    """

    line: int
    kind: DifferenceKind
    what: str
    why: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the difference as plain values."""
        return {"line": self.line, "kind": self.kind, "what": self.what, "why": self.why, "remedy": self.remedy}


@dataclass(frozen=True)
class Migration:
    """What became of one file.

    Attributes:
        source: The v1 file.
        form: ``component``, ``pipeline``, or ``none`` for a file in which nothing is of v1.
        files: Text of each file to write, by its path; empty if nothing can be written.
        rewritten: Places that were rewritten, each with its line; for pipelines only.
        differences: What is different, in order of lines.
    """

    source: Path
    form: Literal["component", "pipeline", "none"]
    files: dict[Path, str]
    differences: tuple[Difference, ...]
    rewritten: tuple[tuple[int, str], ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing remains for a person."""
        return not any(difference.kind == "remains" for difference in self.differences)

    def as_json(self) -> dict[str, Any]:
        """Return what became of the file as plain values, for ``--report``."""
        return {
            "source": str(self.source),
            "form": self.form,
            "complete": self.complete,
            "written": [str(path) for path in self.files],
            "rewritten": [{"line": line, "what": what} for line, what in self.rewritten],
            "differences": [difference.as_json() for difference in self.differences],
        }
