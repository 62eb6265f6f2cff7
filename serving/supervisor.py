"""Supervise workers that share a port: fork them, replace dead ones, end them together."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from headrace.core.base.errors import InternalError
from headrace.core.runtime.signals import is_ignored

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
# A worker that dies sooner than this after its start cannot serve.
_YOUNG_SECONDS = 5.0
_MOST_YOUNG_DEATHS = 5
Work = Callable[[int, int, Callable[[], None]], int]


class WorkerSupervisor:
    """The parent of the workers; it holds their sockets, so that connections wait in the backlog during a restart."""

    def __init__(self, work: Work, *, workers: int, grace_seconds: float) -> None:
        """Initialize without workers.

        Args:
            work: Runs a worker: takes its number, a file descriptor at whose end of file it must end, and a callback
                for when it answers requests; returns its exit code.
            workers: Number of workers.
            grace_seconds: How long they may take to end.
        """
        self._work = work
        self._count = workers
        self._grace = grace_seconds
        self._pids: dict[int, int] = {}
        self._born: dict[int, float] = {}
        self._young_deaths = 0
        # Only this process holds the write end. When it dies, for whatever reason, the workers read the end of file.
        self._alive, self._alive_writer = os.pipe()

    def run(self, started: Callable[[], None]) -> int:
        """Keep the workers running until SIGTERM or SIGINT.

        Args:
            started: Called once when all of them answer requests.

        Returns:
            The exit code: a worker's own if one cannot start, else 0.

        Raises:
            InternalError: If workers die as soon as they start.
        """
        # Blocked signals wait for sigwait, so that no handler interrupts a fork or a restart.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            for number in range(self._count):
                code = self._first(number)
                if code is not None:
                    return code
            started()
            return self._watch()
        finally:
            self._end()

    def _first(self, number: int) -> int | None:
        """Start a worker and wait until it answers; return its exit code if it ends instead."""
        ready_reader, ready_writer = os.pipe()
        self._start(number, ready_writer=ready_writer)
        os.close(ready_writer)
        with os.fdopen(ready_reader, "rb") as stream:
            if stream.read(1):
                return None
        _, status = os.waitpid(pid := next(p for p, n in self._pids.items() if n == number), 0)
        del self._pids[pid]
        return os.waitstatus_to_exitcode(status)

    def _start(self, number: int, *, ready_writer: int = -1) -> None:
        # Otherwise the child would inherit the buffers and write their content a second time.
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._child(number, ready_writer)
        self._pids[pid] = number
        self._born[pid] = time.monotonic()

    def _child(self, number: int, ready_writer: int) -> NoReturn:
        code = 1
        try:
            os.close(self._alive_writer)
            # SIGHUP stays blocked until the worker has a handler for it.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS - {signal.SIGHUP})
            code = self._work(number, self._alive, lambda: _tell(ready_writer))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # without the parent's cleanup handlers and ``finally`` blocks

    def _watch(self) -> int:
        while True:
            number = signal.sigwait(_SIGNALS)
            if number == signal.SIGINT and is_ignored(signal.SIGINT):
                continue  # sigwait returns a blocked signal even if it is ignored
            if number in {signal.SIGTERM, signal.SIGINT}:
                return 0 if number == signal.SIGTERM else 130
            if number == signal.SIGHUP:
                self._send(signal.SIGHUP)
            else:
                self._replace()

    def _replace(self) -> None:
        """Replace dead workers."""
        for pid, number in list(self._pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
            del self._pids[pid]
            young = time.monotonic() - self._born.pop(pid) < _YOUNG_SECONDS
            # A worker that cannot serve would otherwise be forked in an endless loop.
            self._young_deaths = self._young_deaths + 1 if young else 0
            if self._young_deaths > _MOST_YOUNG_DEATHS:
                raise InternalError("workers die as soon as they start; the lines above tell why.")
            print(f"Worker {number} ended; another one takes its place.", file=sys.stderr, flush=True)  # noqa: T201
            self._start(number)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids:
            os.kill(pid, number)

    def _end(self) -> None:
        """End all workers: first SIGTERM, after the grace period SIGKILL."""
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while self._pids and time.monotonic() < deadline:
            self._reap()
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)  # signals of the same kind merge, hence the timeout
        self._reap()
        self._send(signal.SIGKILL)
        for pid in self._pids:
            os.waitpid(pid, 0)

    def _reap(self) -> None:
        for pid in list(self._pids):
            if os.waitpid(pid, os.WNOHANG)[0]:
                del self._pids[pid]


def _tell(descriptor: int) -> None:
    if descriptor >= 0:
        os.write(descriptor, b"1")
        os.close(descriptor)
