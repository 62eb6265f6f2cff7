"""The process that fits networks: one for each process of the suite, started at its first fit, gone with it.

JAX does not survive a fork, and the suite forks its steps: so it is imported in a process of its own only. That one
ends when its standard input does, however its owner died.
"""

import atexit
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from headrace.core.base import settings
from headrace.core.base.errors import DataError, InputError, InternalError, quote
from headrace.core.models.networks.checkpoint_folders import compiled_folder

MODULE = "headrace.deep.worker"
PACKAGES = ("keras", "jax", "jaxlib")
_LOG_BYTES = 2000
_lock = threading.RLock()
_workers: dict[int, "_Worker"] = {}


def versions() -> dict[str, str]:
    """Return the versions of what fits networks, by package.

    Raises:
        InputError: If a package is not installed; the sentence has the command that installs it.
    """
    try:
        return {name: metadata.version(name) for name in PACKAGES}
    except metadata.PackageNotFoundError as error:
        raise InputError(
            f"deep networks need the packages {', '.join(PACKAGES)}; {error.name} is not installed: "
            "pip install 'headrace[deep]'."
        ) from None


class _Worker:
    """A running process, and the pipes to it."""

    def __init__(self) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=settings.network_environment(compiled_folder()),
            text=True,
            start_new_session=True,
        )

    def fit(self, folder: Path, listen: Callable[[Mapping[str, Any]], None]) -> None:
        """Fit the request of a folder; see ``fit``."""
        if self.process.stdin is None or self.process.stdout is None:
            raise InternalError("the process that fits networks must have pipes.")
        try:
            self.process.stdin.write(f"{folder}\n")
            self.process.stdin.flush()
        except OSError as error:
            raise InternalError(f"the process that fits networks ended; {self.last_words()}") from error
        for line in self.process.stdout:
            message = json.loads(line)
            if "done" in message:
                return
            if "error" in message:
                raise (DataError if message["kind"] == "data" else InternalError)(message["error"])
            listen(message)
        code = self.process.wait()
        died = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        raise InternalError(f"the process that fits networks {died}; {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error."""
        self.log.seek(max(0, self.log.seek(0, os.SEEK_END) - _LOG_BYTES))
        text = self.log.read().decode(errors="replace").strip()
        return f"it said: {quote(text.splitlines()[-1])}." if text else "it said nothing."

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            with contextlib.suppress(OSError, AttributeError):
                stream.close()  # type: ignore[union-attr]


@contextlib.contextmanager
def _worker() -> Iterator[_Worker]:
    """Give the process of this process, one thread at a time; one that failed is not used again."""
    with _lock:
        worker = _workers.get(os.getpid())
        if worker is None or worker.process.poll() is not None:
            worker = _workers[os.getpid()] = _Worker()
        try:
            yield worker
        except DataError:
            raise
        except BaseException:
            _workers.pop(os.getpid(), None)
            worker.close()
            raise


def fit(folder: Path, listen: Callable[[Mapping[str, Any]], None]) -> None:
    """Fit the network that a folder asks for; the graph is in the folder afterwards.

    Args:
        folder: Folder with what ``network_request`` names.
        listen: Called with each message of the progress.

    Raises:
        DataError: If the network cannot be fitted on these rows.
        InternalError: If the process died.
    """
    with _worker() as worker:
        worker.fit(folder, listen)


def end() -> None:
    """End the process, if there is one; the next fit starts another."""
    with _lock:
        worker = _workers.pop(os.getpid(), None)
        if worker is not None:
            worker.close()


atexit.register(end)
