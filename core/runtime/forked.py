"""Guarded processes that start warm: forked from one that has imported what they need."""

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
    """Whether this process may be forked: on Linux, while no other thread could hold a lock."""
    tasks = Path("/proc/self/task")
    return sys.platform == "linux" and tasks.is_dir() and len(list(tasks.iterdir())) == 1


@dataclass
class ForkedProcess:
    """A child of this process, with as much of ``subprocess.Popen`` as guards and owners use.

    Attributes:
        pid: Its process id.
        returncode: Its exit code once it is known; minus the signal that killed it.
    """

    pid: int
    returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended.

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
        if self.returncode is None:  # afterwards the id may be another process's
            os.kill(self.pid, number)

    def _reap(self, flags: int) -> int | None:
        if self.returncode is None and (ended := os.waitpid(self.pid, flags))[0]:
            self.returncode = os.waitstatus_to_exitcode(ended[1])
        return self.returncode


def fork_guarded(program: Callable[[], int], *, lease_path: Path, log: IO[bytes]) -> ForkedProcess:
    """Run ``program`` in a fork of this process under a guard in a session of its own; it ends when the lease does.

    Args:
        program: Gives the exit code; what this process has imported is there already.
        lease_path: The lease that the owner holds.
        log: File that takes standard output and error.

    Returns:
        The guard's process; ending it by SIGTERM ends the program.
    """
    return _fork(lambda: _guard(program, lease_path, log))


def _guard(program: Callable[[], int], lease_path: Path, log: IO[bytes]) -> NoReturn:
    os.setsid()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    # A copy of the owner's lease would hold its lock for ever, one of a pipe would keep its reader waiting.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    watch_over(_fork(lambda: _run(program)), lease_path)


def _run(program: Callable[[], int]) -> NoReturn:
    die_with_parent()
    take_defaults()
    os._exit(program())


def _fork(act: Callable[[], NoReturn]) -> ForkedProcess:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return ForkedProcess(pid)
    try:
        act()
    except BaseException:  # noqa: BLE001 - the log is the one place left for it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
