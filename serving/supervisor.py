"""Several workers that share a port: started by fork, started again when they die, ended together."""

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from headrace.core.base.errors import InternalError
from headrace.core.runtime.signals import is_ignored

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}
# A worker that dies younger than this was not able to serve.
_YOUNG_SECONDS = 5.0
_MOST_YOUNG_DEATHS = 5
Work = Callable[[int, int, Callable[[], None]], int]


class WorkerSupervisor:
    """The parent of the workers; it holds their sockets, so that no connection is refused while one starts again."""

    def __init__(self, work: Work, *, workers: int, grace_seconds: float) -> None:
        """Prepare to start.

        Args:
            work: What a worker does: takes its number, a file descriptor at whose end of file it must end, and what to
                call when it answers requests; gives its exit code.
            workers: How many.
            grace_seconds: How long they may take to end.
        """
        self._work = work
        self._count = workers
        self._grace = grace_seconds
        self._pids: dict[int, int] = {}
        self._born: dict[int, float] = {}
        self._young_deaths = 0
        self._alive, self._held = os.pipe()

    def run(self, started: Callable[[], None]) -> int:
        """Keep the workers up until SIGTERM or SIGINT.

        Args:
            started: Called once when all of them answer requests.

        Returns:
            The exit code: a worker's own if one cannot start, else 0.

        Raises:
            InternalError: If workers die as soon as they start.
        """
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
        """Start a worker and wait until it answers; its exit code if it ends instead."""
        ready, told = os.pipe()
        self._start(number, told=told)
        os.close(told)
        with os.fdopen(ready, "rb") as stream:
            if stream.read(1):
                return None
        _, status = os.waitpid(pid := next(p for p, n in self._pids.items() if n == number), 0)
        del self._pids[pid]
        return os.waitstatus_to_exitcode(status)

    def _start(self, number: int, *, told: int = -1) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._child(number, told)
        self._pids[pid] = number
        self._born[pid] = time.monotonic()

    def _child(self, number: int, told: int) -> NoReturn:
        code = 1
        try:
            os.close(self._held)
            # A hangup waits until the worker can read the model again.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS - {signal.SIGHUP})
            code = self._work(number, self._alive, lambda: _tell(told))
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _watch(self) -> int:
        while True:
            number = signal.sigwait(_SIGNALS)
            if number == signal.SIGINT and is_ignored(signal.SIGINT):
                continue  # while it is blocked, even what is ignored arrives
            if number in {signal.SIGTERM, signal.SIGINT}:
                return 0 if number == signal.SIGTERM else 130
            if number == signal.SIGHUP:
                self._send(signal.SIGHUP)
            else:
                self._replace()

    def _replace(self) -> None:
        """Start again what died."""
        for pid, number in list(self._pids.items()):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
            del self._pids[pid]
            young = time.monotonic() - self._born.pop(pid) < _YOUNG_SECONDS
            self._young_deaths = self._young_deaths + 1 if young else 0
            if self._young_deaths > _MOST_YOUNG_DEATHS:
                raise InternalError("workers die as soon as they start; the lines above tell why.")
            print(f"Worker {number} ended; another one takes its place.", file=sys.stderr, flush=True)  # noqa: T201
            self._start(number)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids:
            os.kill(pid, number)

    def _end(self) -> None:
        """End all workers: they are asked first."""
        self._send(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        while self._pids and time.monotonic() < deadline:
            self._reap()
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)
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
