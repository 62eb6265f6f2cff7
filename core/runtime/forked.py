"""Guarded processes that start warm: forked from a process that has imported what they need."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired
from typing import IO, NoReturn

from headrace.core.runtime.processes import die_with_parent, watch_over
from headrace.core.runtime.signals import take_defaults

_POLL_SECONDS = 0.02


def may_fork() -> bool:
    """Check whether this process may be forked: on Linux, while no other thread could hold a lock."""
    tasks = Path("/proc/self/task")
    return sys.platform == "linux" and tasks.is_dir() and len(list(tasks.iterdir())) == 1


@dataclass
class ForkedProcess:
    """A forked child of this process, with the part of ``subprocess.Popen`` that guards and owners use.

    Attributes:
        pid: Its process id.
        returncode: Its exit code; minus the signal if one killed it; None while it runs.
    """

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: If it still runs after ``timeout`` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._reap(0 if deadline is None else os.WNOHANG) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutExpired("a forked process", timeout or 0)
            time.sleep(_POLL_SECONDS)
        return self.returncode or 0

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self.returncode is None:  # once reaped, the id may belong to another process
            os.kill(self.pid, number)

    def _reap(self, flags: int) -> int | None:
        if self.returncode is None and (status := os.waitpid(self.pid, flags))[0]:
            self.returncode = os.waitstatus_to_exitcode(status[1])
        return self.returncode


def fork_guarded(program: Callable[[], int], *, lease_path: Path, log: IO[bytes]) -> ForkedProcess:
    """Run ``program`` in a guarded fork of this process, in its own session, until it ends or the lease is released.

    Args:
        program: Function that returns the exit code; modules that this process has imported are loaded already.
        lease_path: The lease that the owner holds.
        log: File for standard output and error.

    Returns:
        The guard's process; SIGTERM to it ends the program.
    """
    return _fork(lambda: _guard(program, lease_path, log))


def _guard(program: Callable[[], int], lease_path: Path, log: IO[bytes]) -> NoReturn:
    os.setsid()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    # An inherited descriptor of the lease would keep its lock for ever; one of a pipe would keep its reader waiting.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    watch_over(_fork(lambda: _run(program)), lease_path)


def _run(program: Callable[[], int]) -> NoReturn:
    die_with_parent()
    take_defaults()
    # Not sys.exit: the copied interpreter must not run the owner's exit handlers.
    os._exit(program())


def _fork(act: Callable[[], NoReturn]) -> ForkedProcess:
    # What is buffered here would be written twice, once by each process.
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return ForkedProcess(pid)
    try:
        act()
    except BaseException:  # noqa: BLE001 - nobody else could report it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
