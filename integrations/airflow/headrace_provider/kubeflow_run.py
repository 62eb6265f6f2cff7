"""A run on Kubeflow as seen from outside: what its states say, when to stop waiting. Nothing here imports Airflow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headrace_provider.program import HeadraceError

Outcome = Literal["succeeded", "failed", "stuck"]
_GOOD = {"succeeded", "skipped"}
_ENDED = {"succeeded", "failed"}
_STARTS = "start"
_GONE = "gone"


@dataclass(frozen=True)
class RunEnd:
    """What became of a run.

    Attributes:
        outcome: ``succeeded``, ``failed``, or ``stuck``: nobody starts or ends it.
        text: Why, in one sentence; empty if it succeeded.
    """

    outcome: Outcome
    text: str = ""


@dataclass
class RunWatch:
    """Judges what is known of a run, one answer after the other.

    Attributes:
        since: When waiting began, in seconds since 1970.
        start_timeout: Seconds within which a first step must begin.
        patience: Seconds for which Kubeflow Pipelines may not answer.
        shown: The last news.
    """

    since: float
    start_timeout: float = 50.0
    patience: float = 300.0
    shown: str = ""
    _stuck_since: float = 0.0
    _silent_since: float = 0.0

    def judge(self, status: Mapping[str, Any], now: float) -> RunEnd | None:
        """Return what became of the run; None while it goes on.

        Args:
            status: What ``headrace runs RUN --json`` tells.
            now: The time, in seconds since 1970.
        """
        self._silent_since = 0.0
        if status["has_ended"]:
            if status["state"] in _GOOD:
                return RunEnd("succeeded")
            return RunEnd("failed", status["error"] or f"the run {status['name']} ended {status['state']}.")
        obstacles = status["obstacles"]
        # A step is called running as soon as its driver has run, though its pod may wait; to pull an image is to begin.
        waiting = {obstacle["step"] for obstacle in obstacles if obstacle["kind"] != _STARTS}
        begun = any(
            state in _ENDED or (state == "running" and name not in waiting) for name, state in status["steps"].items()
        )
        stands = not begun or any(obstacle["kind"] == _GONE for obstacle in obstacles)
        if not stands:
            self._stuck_since = 0.0
            return None
        self._stuck_since = self._stuck_since or (now if begun else self.since)
        if now - self._stuck_since < self.start_timeout:
            return None
        why = "; ".join(_text(obstacle) for obstacle in obstacles) or f"it is {status['state']}"
        problem = "goes on no more" if begun else "was not begun"
        return RunEnd("stuck", f"the run {status['name']} {problem} within {self.start_timeout:.0f} s: {why}.")

    def miss(self, error: HeadraceError, now: float) -> RunEnd | None:
        """Return the end of the patience with a Kubeflow that does not answer; None before."""
        self._silent_since = self._silent_since or now
        if now - self._silent_since < self.patience:
            return None
        return RunEnd("failed", f"the run cannot be followed for {self.patience:.0f} s: {error}")

    def news(self, status: Mapping[str, Any]) -> str:
        """Return a line about the states of the steps, if they are others than last time; else an empty text."""
        line = ", ".join(f"{name} {state}" for name, state in status["steps"].items() if state != "pending")
        line = f"{status['state']}: {line}" if line else str(status["state"])
        line += "".join(f"; {_text(obstacle)}" for obstacle in status["obstacles"])
        self.shown, before = line, self.shown
        return line if line != before else ""


def _text(obstacle: Mapping[str, str]) -> str:
    return f"{obstacle['step']}: {obstacle['text']}" if obstacle["step"] else obstacle["text"]


def read_document(text: str) -> Any:
    """Return the JSON document that a command of Headrace printed.

    Raises:
        HeadraceError: If it is not JSON: the Headrace of the connection is an older one.
    """
    try:
        return json.loads(text)
    except ValueError as error:
        raise HeadraceError(
            f"headrace must answer with JSON; it printed {text[:80]!r}: is it of this version?"
        ) from error


def active_run(runs: Any, name: str) -> dict[str, Any] | None:
    """Return the latest run of a name, among what ``headrace runs --json`` lists, unless it has ended."""
    found = next((run for run in runs if run["name"] == name), None)
    return None if found is None or found["has_ended"] else found
