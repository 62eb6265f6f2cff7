"""A server in the background: what whoever started it has ignored does not end it."""

import signal
import subprocess
from pathlib import Path

import pytest

from headrace.core.bundles.bundle import Bundle
from tests.conftest import ignoring
from tests.serving.conftest import GOOD, running
from tests.serving.test_lifecycle import until

pytestmark = pytest.mark.usefixtures("default_signals")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_in_the_background_ends_neither_by_ctrl_c_nor_by_a_hangup(
    bundle: Bundle, tmp_path: Path, workers: str
) -> None:
    """Ctrl-C is meant for what runs in the foreground; a hangup has the model read again; SIGTERM ends it well."""
    with ignoring(signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        background = running(bundle.folder, tmp_path, "--workers", workers)
        server = background.__enter__()
    try:
        server.process.send_signal(signal.SIGINT)
        for swaps in (1, 2):
            server.process.send_signal(signal.SIGHUP)
            until(
                lambda swaps=swaps: (
                    server.metric('headrace_model_reloads_total{result="loaded"}') >= swaps * int(workers)
                )
            )
            assert server.remote.predict([GOOD]).status == 200
        with pytest.raises(subprocess.TimeoutExpired):
            server.process.wait(0.5)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    finally:
        background.__exit__(None, None, None)
