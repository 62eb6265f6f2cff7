"""The steps of a run and their times, from the events that the steps emitted."""

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
        status: How it ended, or that it has not.
        start: Seconds from the first event to the start of its work.
        seconds: Length of its work.
        waited: Seconds between the end of the step before it and the start of its work: process start and imports.
        text: A few words on its result.
    """

    name: str
    status: Status
    start: float = 0.0
    seconds: float = 0.0
    waited: float = 0.0
    text: str = ""

    @property
    def wall(self) -> float:
        """Seconds that it took, including the start of its process."""
        return self.waited + self.seconds


def read(path: Path | None, *, expected: tuple[str, ...] = ()) -> tuple[TimelineStep, ...]:
    """Return the steps in the order of their starts.

    Args:
        path: File with one JSON event a line; None or an absent file give no steps.
        expected: Names of all steps of the pipeline; those that did not start are added at the end.
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
    started = tuple(steps.values())
    return (*started, *(TimelineStep(name=name, status="not reached") for name in expected if name not in steps))


def _event(line: str) -> dict[str, Any]:
    """Parse the event of a line; an incomplete line, which is still being written, gives an empty one."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) and "event" in event else {}


def _apply_event(step: TimelineStep, event: dict[str, Any]) -> TimelineStep:
    fields = dict(vars(step))
    if event["event"] == "progress":
        return TimelineStep(**{**fields, "text": str(event.get("text", ""))})
    status = "succeeded" if event["event"] == "end" else "failed"
    text = str(event.get("error", "")) if status == "failed" else step.text
    return TimelineStep(**{**fields, "status": status, "seconds": float(event.get("seconds", 0.0)), "text": text})
