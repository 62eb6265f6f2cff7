"""What a step tells the outside: that it began, ended, or failed and why."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import HeadraceError, UserError


def tell(event: str, **facts: Any) -> None:
    """Append one event to the file that ``HEADRACE_EVENTS`` names, or say it on standard error, a pod's log.

    A line is written with one call in append mode, so that processes do not mix their lines.
    """
    path = settings.events_path()
    if not path:
        _say(event, facts)
        return
    line = json.dumps({"event": event, "time": time.time(), **facts}) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _say(event: str, facts: Mapping[str, Any]) -> None:
    """What a person, and who follows the run, looks for in a log: how far a step is, and why it failed."""
    if event == "progress":
        sys.stderr.write(f"headrace: {facts['step']}: {facts['text']}\n")
    elif event == "fail":
        whose = "" if facts["kind"] == "user" else " by an error of headrace's own"
        sys.stderr.write(f"headrace: {facts['step']} failed{whose}: {' '.join(str(facts['error']).split())}\n")


def progress(step: str, text: str) -> None:
    """Say in a few words how far a step is."""
    tell("progress", step=step, text=text)


@contextlib.contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Tell the start of a step, and its end or the sentence with which it failed.

    Gives a function that says in a few words how far the step is; the last words stand for what came of it.
    """
    began = time.monotonic()
    tell("start", step=name)
    try:
        yield lambda text: progress(name, text)
    except BaseException as error:
        expected = isinstance(error, HeadraceError)
        tell(
            "fail",
            step=name,
            seconds=time.monotonic() - began,
            kind="user" if isinstance(error, UserError) else "internal",
            error=str(error) if expected else f"{type(error).__name__}: {error}",
        )
        raise
    tell("end", step=name, seconds=time.monotonic() - began)
