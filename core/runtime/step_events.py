"""Events of a step: its start, progress, end or failure, and the reason."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import HeadraceError, UserError


def emit_event(event: str, **facts: Any) -> None:
    """Append one event to the file of ``HEADRACE_EVENTS``, or write it to standard error, which is a pod's log.

    A line is written by one call in append mode, so that lines of several processes do not mix.
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
    """Write what readers of a log look for: the progress of a step, and why it failed."""
    if event == "progress":
        sys.stderr.write(f"headrace: {facts['step']}: {facts['text']}\n")
    elif event == "fail":
        cause = "" if facts["kind"] == "user" else " by an error of headrace's own"
        sys.stderr.write(f"headrace: {facts['step']} failed{cause}: {' '.join(str(facts['error']).split())}\n")


def progress(step: str, text: str) -> None:
    """Report the progress of a step in a few words."""
    emit_event("progress", step=step, text=text)


_running: list[str] = []


def report(text: str) -> None:
    """Report the progress of the step that runs in this process, if one does."""
    if _running:
        progress(_running[-1], text)


@contextlib.contextmanager
def step(name: str) -> Iterator[Callable[[str], None]]:
    """Emit the start of a step, and its end or the sentence of its failure.

    Yields a function that reports progress in a few words; the last report is the step's result.
    """
    start = time.monotonic()
    emit_event("start", step=name)
    _running.append(name)
    try:
        yield lambda text: progress(name, text)
    except BaseException as error:
        expected = isinstance(error, HeadraceError)
        emit_event(
            "fail",
            step=name,
            seconds=time.monotonic() - start,
            kind="user" if isinstance(error, UserError) else "internal",
            error=str(error) if expected else f"{type(error).__name__}: {error}",
        )
        raise
    finally:
        _running.remove(name)
    emit_event("end", step=name, seconds=time.monotonic() - start)
