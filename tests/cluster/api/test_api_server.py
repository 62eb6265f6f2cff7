"""The tests' API server leaves nothing behind, and several run side by side."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headrace.cluster.api.kinds import CONFIG_MAPS
from tests.cluster.api.test_client import config_map
from tests.cluster.api_server import ApiServer, binary

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]

_RUNS = """
import sys, time
from tests.cluster.api_server import api_server
with api_server() as server:
    print(server.folder, flush=True)
    time.sleep(600)
"""


def _processes(folder: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if folder in line:
            found.append(line)
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_session_leaves_no_server(number: int, kubernetes: ApiServer, repository: Path) -> None:
    """Whatever ends the process, etcd and the API server end too, and those of another session stay."""
    binary("etcd")
    with subprocess.Popen(
        [sys.executable, "-c", _RUNS], cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as session:
        assert session.stdout
        folder = session.stdout.readline().strip()
        assert len(_processes(folder)) == 4, "two servers, each under its guard"
        session.send_signal(number)
        session.wait(60)
    deadline = time.monotonic() + 60
    while _processes(folder):
        assert time.monotonic() < deadline, _processes(folder)
        time.sleep(0.1)
    assert len(_processes(str(kubernetes.folder))) == 4


def test_two_servers_know_nothing_of_each_other(kubernetes: ApiServer) -> None:
    """Each has its own ports, keys and data."""
    from tests.cluster.api_server import api_server

    with api_server() as other:
        other.admin().create(config_map("only-there"))
        assert kubernetes.admin().get(CONFIG_MAPS, "only-there") is None
        assert other.port != kubernetes.port
        assert other.token != kubernetes.token
