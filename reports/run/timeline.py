"""The steps of a run and their times, from the events that the steps told."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Status = Literal["succeeded", "failed", "running", "not reached"]


@dataclass(frozen=True)
class TimelineStep:
    """One step.

    Attributes:
        name: Its name.
        status: What came of it.
        start: Seconds from the first event to the start of its work.
        seconds: Length of its work.
        waited: Seconds between the end of the step before it and the start of its work: process start and imports.
        text: A few words on what came of it.
    """

    name: str
    status: Status
    start: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    text: str = ""

    @property
    def wall(self) -> float:
        """Seconds that it took, the start of its process included."""
        return self.waited + self.seconds


def read(path: Path | None, *, expected: tuple[str, ...] = ()) -> tuple[TimelineStep, ...]:
    """Steps in the order of their starts.

    Args:
        path: File with one JSON event a line; None or an absent file give no steps.
        expected: Names of all steps of the line; those that did not start are added at the end.
    """
    if path is None or not path.is_file():
        return ()
    steps: dict[str, TimelineStep] = {}
    first = last = 0.0
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        event = _event(line)
        name = str(event.get("step", ""))
        if not name:
            continue
        time = float(event.get("time", 0.0))
        first = first or time
        if event["event"] == "start":
            steps[name] = TimelineStep(
                name=name, status="running", start=time - first, waited=max(0.0, time - (last or time))
            )
        elif name in steps:
            steps[name] = _apply_event(steps[name], event)
            if event["event"] != "progress":
                last = time
    found = tuple(steps.values())
    return (*found, *(TimelineStep(name=name, status="not reached") for name in expected if name not in steps))


def _event(line: str) -> dict[str, Any]:
    """The event of a line; nothing for a line that is still being written."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) and "event" in event else {}


def _apply_event(step: TimelineStep, event: dict[str, Any]) -> TimelineStep:
    told = dict(vars(step))
    if event["event"] == "progress":
        return TimelineStep(**{**told, "text": str(event.get("text", ""))})
    status = "succeeded" if event["event"] == "end" else "failed"
    text = str(event.get("error", "")) if status == "failed" else step.text
    return TimelineStep(**{**told, "status": status, "seconds": float(event.get("seconds", 0.0)), "text": text})
