"""A Java program that a test kills and starts again."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.jvm.java_parts import JAVA

_SECONDS = 240.0


class JavaProcess:
    """A running program, and what it says in ``log``."""

    def __init__(self, classpath: str, program: str, *arguments: str, log: Path) -> None:
        self.log = log
        with log.open("ab") as stream:
            command = [*JAVA, "-cp", classpath, program, *arguments]
            self._process = subprocess.Popen(command, stdout=stream, stderr=stream, cwd=log.parent)

    def wait_until(self, check: Callable[[], bool]) -> None:
        """Wait until something holds while the program runs."""
        deadline = time.monotonic() + _SECONDS
        while not check():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as a power cut does."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def end(self) -> int:
        """Ask it to end by SIGTERM, and return its exit code."""
        self._process.terminate()
        return self._process.wait(60)

    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None


@contextlib.contextmanager
def java_process(classpath: str, program: str, *arguments: str, log: Path) -> Iterator[JavaProcess]:
    """Run a program, at most until the end of the block."""
    running = JavaProcess(classpath, program, *arguments, log=log)
    try:
        yield running
    finally:
        if running.is_running():
            running.kill()
