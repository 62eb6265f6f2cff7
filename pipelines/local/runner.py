"""Runs a pipeline on this machine, with kfp.local in a process of its own, and emits the events of its steps."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from headrace.core.base.errors import HeadraceError, InputError, InternalError, quote
from headrace.core.runtime.processes import GRACE_SECONDS, group_runs
from headrace.pipelines.local.run_folder import PipelinePaths
from headrace.pipelines.local.summary import StepSummary

_POLL_SECONDS = 0.03
# The longest line of a log in a message, in characters, and what KFP colours its lines with.
_LONGEST_LINE = 300
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_USER_KIND = "user"


@dataclass(frozen=True)
class StepEvent:
    """An event of a step.

    Attributes:
        event: ``start``, ``progress``, ``waiting`` if something keeps the step from starting, ``end`` or ``fail``.
        step: The step's name.
        seconds: Wall time since the previous step ended, process start included; 0 at a start.
        text: A few words: the step's result, or why it failed.
        kind: For a failure: ``user`` if the caller can fix it, ``canceled`` if somebody stopped it, else ``internal``.
        time: Seconds since 1970; 0 for now.
    """

    event: str
    step: str
    seconds: float = 0.0
    text: str = ""
    kind: str = ""
    time: float = 0.0


@dataclass(frozen=True)
class RunOutcome:
    """The outcome of a run.

    Attributes:
        steps: The steps that ran, in order.
        error: Why it failed; None if it succeeded.
    """

    steps: tuple[StepSummary, ...] = ()
    error: HeadraceError | None = None


@dataclass
class _Clock:
    """Turns the steps' own events into ``StepEvent``, with the wall time of each step."""

    last: float
    text: str = ""
    ended: list[StepEvent] = field(default_factory=list)

    def read(self, event: Mapping[str, Any]) -> StepEvent | None:
        step, kind = str(event.get("step", "")), event["event"]
        if kind == "start":
            self.text = ""
            return StepEvent(event="start", step=step)
        if kind == "progress":
            self.text = str(event["text"])
            return StepEvent(event="progress", step=step, text=self.text)
        seconds = max(0.0, float(event["time"]) - self.last)
        self.last = float(event["time"])
        if kind == "end":
            last_event = StepEvent(event="end", step=step, seconds=seconds, text=self.text)
        else:
            last_event = StepEvent(
                event="fail", step=step, seconds=seconds, text=str(event["error"]), kind=str(event["kind"])
            )
        self.ended.append(last_event)
        return last_event


def run_pipeline(
    name: str | Path,
    arguments: Mapping[str, Any],
    *,
    folder: PipelinePaths,
    environment: Mapping[str, str],
    watch: Callable[[StepEvent], None],
    echo: IO[str] | None = None,
    stop: threading.Event | None = None,
) -> RunOutcome:
    """Run a pipeline with ``arguments``, and wait for its end.

    Args:
        name: Name in the catalogue, or the file of a compiled pipeline.
        arguments: The pipeline's parameters.
        folder: Paths that the run writes.
        environment: Variables for the steps, beside this process's own.
        watch: Called with each event of a step, as it happens.
        echo: Stream to which the raw log is copied; None for none.
        stop: Stops the run when it is set; None if nothing will.
    """
    pipeline = {"file": str(name)} if isinstance(name, Path) else {"pipeline": name}
    request = {**pipeline, "arguments": dict(arguments), "root": str(folder.steps)}
    clock = _Clock(last=time.time())
    with folder.log.open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, "-m", "headrace.pipelines.local.worker"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                **environment,
                "HEADRACE_EVENTS": str(folder.events),
                "HEADRACE_LEASE": str(folder.lease),
                "PYTHONUNBUFFERED": "1",
            },
            start_new_session=True,  # a group of its own: Ctrl-C does not reach it, and _end can kill all of it
        )
        try:
            _hand_over(worker, request)
            for line in _lines(worker, folder, echo, stop or threading.Event()):
                step_event = clock.read(json.loads(line))
                if step_event:
                    watch(step_event)
        finally:
            _end(worker)
    failure = None if worker.returncode == 0 else _failure(clock.ended, worker.returncode, folder)
    steps = tuple(
        StepSummary(
            name=event.step, status="succeeded" if event.event == "end" else "failed", seconds=round(event.seconds, 3)
        )
        for event in clock.ended
    )
    return RunOutcome(steps=steps, error=failure)


def _hand_over(worker: subprocess.Popen[bytes], request: Mapping[str, Any]) -> None:
    if worker.stdin is None:
        raise InternalError("the worker was started without a standard input.")
    with worker.stdin as stream:
        stream.write(json.dumps(request).encode())


def _lines(
    worker: subprocess.Popen[bytes], folder: PipelinePaths, echo: IO[str] | None, stop: threading.Event
) -> Iterator[str]:
    """Yield complete lines of the events file, until the worker has ended or must stop, and all are read."""
    folder.events.touch()
    with folder.events.open() as events, folder.log.open(errors="replace") as raw:
        pending = ""
        while True:
            ended = worker.poll() is not None or stop.is_set()
            pending += events.read()
            *whole, pending = pending.split("\n")
            yield from whole
            if echo:
                echo.write(raw.read())
            if ended:
                return
            time.sleep(_POLL_SECONDS)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End all processes of the worker's group; SIGTERM first, so that a step can undo what it does elsewhere."""
    try:
        if worker.poll() is None:
            _ask_to_end(worker.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the whole group has ended by itself
            os.killpg(worker.pid, signal.SIGKILL)
    # A signal inside poll() may have left Popen's lock taken, so that a wait without a time-out could block for ever.
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(GRACE_SECONDS)


def _ask_to_end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + 2 * GRACE_SECONDS
    while group_runs(group) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _failure(events: list[StepEvent], code: int, folder: PipelinePaths) -> HeadraceError:
    """Return the error of the failed step, of the kind that its event names."""
    for event in reversed(events):
        if event.event == "fail":
            error = InputError if event.kind == _USER_KIND else InternalError
            return error(f"{event.step}: {event.text}")
    tail = folder.log.read_text(errors="replace")[-4000:]
    if "Argument list too long" in tail:
        return InputError("the options are longer than the operating system lets a step take: give fewer names.")
    end = next((line for line in reversed(_ANSI.sub("", tail).splitlines()) if line.strip()), "")
    ending = f"; its log ends with {quote(end.strip(), _LONGEST_LINE)}" if end else "; its log is empty"
    return InternalError(f"the local runner ended with code {code} and no step said why{ending}.")


def with_skipped(steps: tuple[StepSummary, ...], expected: tuple[str, ...]) -> list[StepSummary]:
    """Return all steps of a pipeline: those that ran, then those that were not reached."""
    finished = {step.name for step in steps}
    return [
        *steps,
        *(StepSummary(name=name, status="skipped", seconds=0.0) for name in expected if name not in finished),
    ]
