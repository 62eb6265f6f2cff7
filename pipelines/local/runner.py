"""Run a pipeline here, under kfp.local in a process of its own, and tell what its steps do."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from headrace.core.base.errors import HeadraceError, InputError, InternalError
from headrace.core.runtime.processes import GRACE_SECONDS, group_runs
from headrace.pipelines.local.run_folder import PipelinePaths
from headrace.pipelines.local.summary import StepSummary

_POLL_SECONDS = 0.03
_USER_KIND = "user"


@dataclass(frozen=True)
class StepEvent:
    """One thing that a step told.

    Attributes:
        event: ``start``, ``progress``, ``waiting`` for what something keeps from starting, ``end`` or ``fail``.
        step: The step's name.
        seconds: Wall time since the step before it ended, process start included; 0 at a start.
        text: A few words: what came of it, or why it failed.
        kind: For a failure: ``user`` if the caller can mend it, ``canceled`` if somebody ended it, else ``internal``.
        time: When, in seconds since 1970; 0 if that is now.
    """

    event: str
    step: str
    seconds: float = 0.0
    text: str = ""
    kind: str = ""
    time: float = 0.0


@dataclass(frozen=True)
class RunOutcome:
    """What came of a line.

    Attributes:
        steps: The steps that ran, in order.
        error: Why it failed; None when it did not.
    """

    steps: tuple[StepSummary, ...] = ()
    error: HeadraceError | None = None


@dataclass
class _Clock:
    """Turns events into what a watcher is told, with the wall time of each step."""

    last: float
    text: str = ""
    told: list[StepEvent] = field(default_factory=list)

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
            done = StepEvent(event="end", step=step, seconds=seconds, text=self.text)
        else:
            done = StepEvent(
                event="fail", step=step, seconds=seconds, text=str(event["error"]), kind=str(event["kind"])
            )
        self.told.append(done)
        return done


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
    """Run a pipeline with ``arguments`` and wait for it.

    Args:
        name: Name in the catalogue, or the file of a compiled pipeline.
        arguments: The pipeline's parameters.
        folder: Where it writes.
        environment: Variables for the steps, beside this process's own.
        watch: Called with each thing that a step tells, as it happens.
        echo: Stream that also gets the raw log; None for none.
        stop: Ends the run when it is set; None if nobody will.
    """
    what = {"file": str(name)} if isinstance(name, Path) else {"pipeline": name}
    request = {**what, "arguments": dict(arguments), "root": str(folder.steps)}
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
            start_new_session=True,
        )
        try:
            _hand_over(worker, request)
            for line in _lines(worker, folder, echo, stop or threading.Event()):
                told = clock.read(json.loads(line))
                if told:
                    watch(told)
        finally:
            _end(worker)
    failure = None if worker.returncode == 0 else _failure(clock.told, worker.returncode, folder)
    steps = tuple(
        StepSummary(name=t.step, status="succeeded" if t.event == "end" else "failed", seconds=round(t.seconds, 3))
        for t in clock.told
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
    """Whole lines of the events while they come, until the worker ended or is to end, and all are read."""
    folder.events.touch()
    with folder.events.open() as told, folder.log.open(errors="replace") as raw:
        pending = ""
        while True:
            ended = worker.poll() is not None or stop.is_set()
            pending += told.read()
            *whole, pending = pending.split("\n")
            yield from whole
            if echo:
                echo.write(raw.read())
            if ended:
                return
            time.sleep(_POLL_SECONDS)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """Leave no process of the worker's group behind; a step that is cut off may first undo what it does elsewhere."""
    try:
        if worker.poll() is None:
            _ask_to_end(worker.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):  # the whole group has ended by itself
            os.killpg(worker.pid, signal.SIGKILL)
    # A signal that struck inside poll() may have left Popen's lock taken; what was killed needs no endless wait.
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(GRACE_SECONDS)


def _ask_to_end(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + 2 * GRACE_SECONDS
    while group_runs(group) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _failure(told: list[StepEvent], code: int, folder: PipelinePaths) -> HeadraceError:
    """The error that the failed step told, as the kind that it said."""
    for one in reversed(told):
        if one.event == "fail":
            error = InputError if one.kind == _USER_KIND else InternalError
            return error(f"{one.step}: {one.text}")
    tail = folder.log.read_text(errors="replace")[-4000:]
    if "Argument list too long" in tail:
        return InputError("the options are longer than the operating system lets a step take: give fewer names.")
    return InternalError(f"the local runner ended with code {code} and no step said why; the log tells more.")


def with_skipped(steps: tuple[StepSummary, ...], expected: tuple[str, ...]) -> list[StepSummary]:
    """All steps that a pipeline has: those that ran, then those that were not reached."""
    ran = {step.name for step in steps}
    return [*steps, *(StepSummary(name=name, status="skipped", seconds=0.0) for name in expected if name not in ran)]
