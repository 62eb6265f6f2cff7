"""Processes that never outlive their owner, however it dies.

The owner holds an exclusive ``flock`` on a *lease* file; the kernel lets go of it when the owner ends, even by
SIGKILL. Each helper process (object store, model server) is started by a *guard*, which waits for that lock: the
moment it gets it, the owner is gone, and the guard ends its child.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NoReturn, Protocol

from headrace.core.base.errors import InputError
from headrace.core.runtime.signals import take_defaults

GRACE_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def lease(path: Path) -> Iterator[Path]:
    """Hold the lease ``path`` for the length of the block.

    Raises:
        InputError: If another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"{path.parent} is in use by another headrace process; wait for it to end, or choose another folder."
            ) from error
        yield path


def wait_for_release(path: Path) -> None:
    """Block until nobody holds the lease ``path``."""
    try:
        with path.open("r") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH)
    except FileNotFoundError:
        return


def when_released(path: Path, action: Callable[[], None]) -> None:
    """Call ``action`` from a background thread once nobody holds the lease ``path``."""

    def watch() -> None:
        wait_for_release(path)
        action()

    threading.Thread(target=watch, name="lease", daemon=True).start()


def start_guarded(
    command: Sequence[str],
    *,
    lease_path: Path,
    log: IO[bytes],
    environment: dict[str, str] | None = None,
    clean: bool = False,
) -> subprocess.Popen[bytes]:
    """Start ``command`` under a guard in a session of its own; it ends when the lease does.

    Args:
        command: The program and its arguments; secrets belong in ``environment``.
        lease_path: The lease that the owner holds.
        log: File that takes standard output and error.
        environment: Variables added to this process's own.
        clean: Whether the command gets none of this process's variables.

    Returns:
        The guard's process; ending it by SIGTERM ends the command.
    """
    guard = [sys.executable, "-m", "headrace.core.runtime.processes", str(lease_path), *command]
    return subprocess.Popen(
        guard,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment or {} if clean else {**os.environ, **(environment or {})},
        start_new_session=True,
    )


class ChildProcess(Protocol):
    """As much of ``subprocess.Popen``, which is one, as guards and owners use."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended; minus the signal that killed it.

        Raises:
            subprocess.TimeoutExpired: If it still runs after ``timeout`` seconds.
        """


def stop(process: ChildProcess) -> None:
    """End a guard and with it its command: SIGTERM first, SIGKILL after a grace of ten seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(2 * GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    # A signal that struck inside poll() may have left Popen's lock taken: no wait here is endless.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)


def running(pid: int) -> bool:
    """Whether a process runs; a zombie, which only waits to be reaped, does not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another account's, to which the number went
        pass
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return sys.platform != "linux"
    except ProcessLookupError:  # it ended between the opening and the reading
        return False


def group_runs(group: int) -> bool:
    """Whether a process of a process group runs; a zombie, which only waits to be reaped, does not."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    if sys.platform != "linux":
        return True
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended in between
            state, _, own = status.read_text().rpartition(")")[2].split()[:3]
            if own == str(group) and state != "Z":
                return True
    return False


def stop_pid(pid: int) -> None:
    """End a guard that another process of this run started, and wait until it is gone; 0 stands for none."""
    if not pid:
        return  # the system would take it for all processes of this one's group
    deadline = time.monotonic() + 2 * GRACE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while running(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def free_port() -> int:
    """A TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def guard(lease_path: Path, command: Sequence[str]) -> NoReturn:
    """Run ``command`` until it ends, this process is told to end, or the lease is let go."""
    child = subprocess.Popen(command, preexec_fn=_helped)  # noqa: PLW1509 - no threads run yet
    watch_over(child, lease_path)


def _helped() -> None:
    die_with_parent()
    take_defaults()


def watch_over(child: ChildProcess, lease_path: Path) -> NoReturn:
    """End this process as ``child`` ends; end the child when this process is told to end or the lease is let go."""

    def end(*_: object) -> None:
        child.terminate()
        threading.Timer(GRACE_SECONDS, child.kill).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    when_released(lease_path, end)
    code = child.wait()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    guard(Path(sys.argv[1]), sys.argv[2:])
