"""The process in which a pipeline runs here."""

import signal
import subprocess
import sys
import time

import pytest

from tests.conftest import ignoring


@pytest.mark.usefixtures("default_signals")
def test_the_worker_takes_the_signal_by_which_its_run_ends() -> None:
    """Even where the run ignores it: steps would be killed before they undo what they do elsewhere."""
    with ignoring(signal.SIGTERM):
        worker = subprocess.Popen([sys.executable, "-m", "headrace.pipelines.local.worker"], stdin=subprocess.PIPE)
    deadline = time.monotonic() + 60
    with worker:
        try:
            while worker.poll() is None and time.monotonic() < deadline:  # once it waits for its request
                worker.terminate()
                time.sleep(0.05)
            assert worker.poll() == -signal.SIGTERM
        finally:
            worker.kill()
