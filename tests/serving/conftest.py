"""A bundle and a server of it, shared by the tests of a process."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.core.bundle import Bundle
from headrace.core.files import read_json
from headrace.serving.endpoint import Remote
from tests.made_bundle import make_bundle


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return make_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def server_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the shared server says."""
    return tmp_path_factory.mktemp("server") / "log"


@pytest.fixture(scope="session")
def remote(bundle: Bundle, server_log: Path) -> Iterator[Remote]:
    """A server process on a free port."""
    address = server_log.with_name("address.json")
    command = [sys.executable, "-m", "headrace.serving.server", "--model", str(bundle.folder)]
    with server_log.open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", "0", "--address-file", str(address)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 120
        while not address.exists():
            assert server.poll() is None, server_log.read_text()
            assert time.monotonic() < deadline, server_log.read_text()
            time.sleep(0.05)
        with Remote.at(read_json(address)["url"]) as found:
            yield found
    finally:
        server.terminate()
        server.wait(30)
