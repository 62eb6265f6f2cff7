"""``headrace stream`` as a process."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from headrace.core.runtime.processes import free_port
from tests.streams.made_streams import bundle_folder

_READY_SECONDS = 90


class StreamProcess:
    """A running worker.

    Attributes:
        process: The process.
        log: What it says.
    """

    def __init__(self, source: str, target: str, log: Path, *options: str, model: str = "", **environment: str) -> None:
        self.metrics_port = free_port()
        self.log = log
        command = [sys.executable, "-m", "headrace.cli.main", "stream", model or str(bundle_folder())]
        command += ["--from", source, "--to", target, "--metrics", f"127.0.0.1:{self.metrics_port}", *options]
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                command, stdout=stream, stderr=stream, env={**os.environ, **environment}, cwd=log.parent
            )

    def page(self, path: str) -> tuple[int, str]:
        """Status and text of a page; 0 if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels."""
        lines = [line for line in self.page("/metrics")[1].splitlines() if line.startswith(f"headrace_stream_{name}")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def wait_until(self, check: Callable[[], bool]) -> None:
        """Wait until a check of this process holds."""
        deadline = time.monotonic() + _READY_SECONDS
        while not check():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text() + self.page("/metrics")[1]
            time.sleep(0.05)

    def wait_ready(self) -> None:
        """Wait until it has partitions and has caught up."""
        self.wait_until(lambda: self.page("/readyz")[0] == 200)

    def end(self) -> int:
        """Let it drain by SIGTERM, and return its exit code."""
        self.process.terminate()
        return self.process.wait(60)

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(30)


@contextlib.contextmanager
def stream_process(
    source: str, target: str, log: Path, *options: str, model: str = "", **environment: str
) -> Iterator[StreamProcess]:
    """Run a worker, at most until the end of the block."""
    running = StreamProcess(source, target, log, *options, model=model, **environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()
