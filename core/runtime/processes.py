"""Processes that never outlive their owner, however it dies.

The owner holds an exclusive ``flock`` on a *lease* file; the kernel releases it when the owner ends, even by SIGKILL.
Each helper process (object store, model server) is started by a *guard*, which waits for that lock: once the guard gets
it, the owner is gone, and the guard ends its child.
"""

import contextlib
import ctypes
import fcntl
import os
import shutil
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
    """Hold the lease ``path`` for the duration of the block.

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
            # A shared lock is granted only after the owner's exclusive one is released.
            fcntl.flock(stream, fcntl.LOCK_SH)
    except FileNotFoundError:
        return


def when_released(path: Path, action: Callable[[], None]) -> None:
    """Call ``action`` from a background thread once nobody holds the lease ``path``."""

    def watch() -> None:
        wait_for_release(path)
        action()

    # A daemon thread: it may wait for ever and must not keep the process alive.
    threading.Thread(target=watch, name="lease", daemon=True).start()


def start_guarded(
    command: Sequence[str],
    *,
    lease_path: Path,
    log: IO[bytes],
    environment: dict[str, str] | None = None,
    clean: bool = False,
    scratch: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` under a guard, in its own session, until it ends or the lease is released.

    Args:
        command: The program and its arguments; secrets belong in ``environment``.
        lease_path: The lease that the owner holds.
        log: File for standard output and error.
        environment: Variables in addition to this process's own.
        clean: Whether to pass none of this process's variables.
        scratch: Folder that the guard removes after the command's end, since the owner may be gone by then.

    Returns:
        The guard's process; SIGTERM to it ends the command.
    """
    guard = [sys.executable, "-m", "headrace.core.runtime.processes", str(lease_path), str(scratch or ""), *command]
    return subprocess.Popen(
        guard,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=environment or {} if clean else {**os.environ, **(environment or {})},
        # Ctrl+C at the terminal reaches the owner, not the guard.
        start_new_session=True,
    )


class ChildProcess(Protocol):
    """The part of ``subprocess.Popen`` that guards and owners use."""

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return its exit code; minus the signal if one killed it.

        Raises:
            subprocess.TimeoutExpired: If it still runs after ``timeout`` seconds.
        """


def stop(process: ChildProcess) -> None:
    """End a guard and with it its command: by SIGTERM, then by SIGKILL after ten seconds."""
    if process.poll() is None:
        process.terminate()
        try:
            # The guard gives its command GRACE_SECONDS, so it needs more time itself.
            process.wait(2 * GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
    # A signal inside poll() may have left Popen's lock taken, so every wait here has a limit.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE_SECONDS)


def running(pid: int) -> bool:
    """Check whether a process runs; a zombie, which only waits to be reaped, does not."""
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
    except ProcessLookupError:  # it ended between open and read
        return False


def group_runs(group: int) -> bool:
    """Check whether a process of a process group runs; a zombie, which only waits to be reaped, does not."""
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
            state, _, process_group = status.read_text().rpartition(")")[2].split()[:3]
            if process_group == str(group) and state != "Z":
                return True
    return False


def stop_pid(pid: int) -> None:
    """End a guard that another process of this run started, and wait for its end; 0 means no guard."""
    if not pid:
        return  # kill(0) would signal all processes of this one's group
    deadline = time.monotonic() + 2 * GRACE_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        while running(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)


def free_port() -> int:
    """Return a TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies (prctl(2), PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def guard(lease_path: Path, command: Sequence[str], scratch: Path | None = None) -> NoReturn:
    """Run ``command`` until it ends, this process gets SIGTERM or SIGINT, or the lease is released."""
    child = subprocess.Popen(command, preexec_fn=_run_helper)  # noqa: PLW1509 - no threads run yet
    watch_over(child, lease_path, scratch)


def _run_helper() -> None:
    die_with_parent()
    take_defaults()


def watch_over(child: ChildProcess, lease_path: Path, scratch: Path | None = None) -> NoReturn:
    """End this process with ``child``; end the child on SIGTERM, SIGINT or the release of the lease.

    Args:
        child: The child.
        lease_path: The lease.
        scratch: Folder that is removed after the child's end; None for none.
    """

    def end(*_: object) -> None:
        child.terminate()
        # A child that ignores SIGTERM is killed after the grace period.
        threading.Timer(GRACE_SECONDS, child.kill).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    when_released(lease_path, end)
    code = child.wait()
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    # A normal exit would wait for the timer's thread; a signal becomes 128 plus its number, as in a shell.
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    guard(Path(sys.argv[1]), sys.argv[3:], Path(sys.argv[2]) if sys.argv[2] else None)
