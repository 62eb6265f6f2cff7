"""Processes of Headrace on this machine that outlive the task that started them, and that its next try finds again.

A process has a folder: ``lock``, which is locked as long as one of its processes lives; ``pid``, the number of its
process group; ``log``, all that it prints; ``exit``, its exit code once it has ended by itself. A shell of three lines
writes ``pid`` and ``exit``, so nothing depends on who waits for it. Numbers of processes are used again by the system,
locks are not: nothing is signalled without the lock being held. Nothing here imports Airflow.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from headrace_provider.program import HeadraceError, absence

_SHELL = """
echo $$ >"$0/pid.part" && mv "$0/pid.part" "$0/pid"
"$@"
echo $? >"$0/exit.part" && mv "$0/exit.part" "$0/exit"
"""
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_EVERY_SECONDS = 0.1
_PID_SECONDS = 10.0
_LINE_BYTES = 8192


@dataclass
class LocalProcess:
    """A process of Headrace, its own or one of an earlier try.

    Attributes:
        folder: Its folder.
    """

    folder: Path
    _child: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def log(self) -> Path:
        """All that it has printed."""
        return self.folder / "log"

    def is_running(self) -> bool:
        """Return whether one of its processes lives."""
        if self._child is not None:
            self._child.poll()  # else it would stay as a zombie
        try:
            stream = (self.folder / "lock").open("rb")
        except FileNotFoundError:
            return False
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        if self._child is not None:
            self._child.wait()  # the shell has let go of the lock: it is at its end
        return False

    def exit_code(self) -> int | None:
        """Return its exit code; None before its end, and if it was killed with the shell that waits for it."""
        try:
            return int((self.folder / "exit").read_text())
        except FileNotFoundError:
            return None

    def end(self, seconds: float = 20.0) -> None:
        """End its process group: by SIGTERM, and what still lives then by SIGKILL.

        Args:
            seconds: How long it may take to end.
        """
        for number, patience in ((signal.SIGTERM, seconds), (signal.SIGKILL, 10.0)):
            deadline = time.monotonic() + patience
            if self.is_running():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._group(), number)
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(_EVERY_SECONDS)

    def _group(self) -> int:
        deadline = time.monotonic() + _PID_SECONDS
        while not (self.folder / "pid").exists():
            if time.monotonic() > deadline:
                raise ProcessLookupError
            time.sleep(_EVERY_SECONDS)
        return int((self.folder / "pid").read_text())


def start(
    folder: Path, command: Sequence[str], *, environment: Mapping[str, str], cwd: Path | None = None
) -> LocalProcess:
    """Start a process.

    Args:
        folder: A new folder for it.
        command: The command.
        environment: All its variables.
        cwd: Where it runs; None for its folder.

    Raises:
        HeadraceError: If the folder cannot be made, or the program is not there.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
        lock = (folder / "lock").open("wb")
    except OSError as error:
        raise HeadraceError(f"a run needs a folder of its own; {folder} cannot be made ({error.strerror}).") from error
    with lock, (folder / "log").open("wb") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), True)
        try:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _SHELL, str(folder), *command],
                env=dict(environment), cwd=cwd or folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, pass_fds=[lock.fileno()],
            )  # fmt: skip
        except OSError as error:
            raise HeadraceError(absence(command[0], error)) from error
    return LocalProcess(folder, child)


@dataclass
class LogReader:
    """Gives the lines of a growing log, each once.

    Attributes:
        path: The log.
    """

    path: Path
    _stream: IO[bytes] | None = field(default=None, repr=False)
    _rest: bytes = field(default=b"", repr=False)

    def lines(self, *, last: bool = False) -> list[str]:
        """Return the new whole lines; at last, also one without an end. Longer ones than 8 KiB are divided."""
        self._stream = self._stream or self.path.open("rb")
        data = self._rest + self._stream.read(1 << 20)
        *whole, self._rest = data.split(b"\n")
        if last or len(self._rest) > _LINE_BYTES:
            whole, self._rest = [*whole, self._rest], b""
        return [
            line[at : at + _LINE_BYTES].decode(errors="replace")
            for line in whole
            for at in range(0, len(line), _LINE_BYTES)
        ]

    def close(self) -> None:
        """Close the log."""
        if self._stream:
            self._stream.close()


def missing_program(command: Sequence[str], code: int | None) -> str:
    """Return the sentence for a program that the shell could not start; empty for another end."""
    if code not in {_NOT_FOUND, _NOT_EXECUTABLE}:
        return ""
    reason = "No such file or directory" if code == _NOT_FOUND else "Permission denied"
    return absence(command[0], OSError(code, reason))
