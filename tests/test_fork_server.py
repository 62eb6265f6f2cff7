"""A process that is forked for a test looks and ends like one of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import fork_server
from tests.conftest import headrace, ignoring

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is forked"),
    pytest.mark.usefixtures("default_signals"),
]


def _serving(model: Path, address: Path) -> "subprocess.Popen[bytes]":
    """The program of a server that answers."""
    command = [fork_server.python(), "-m", "headrace.serving.server", "--model", str(model), "--port", "0"]
    started = subprocess.Popen([*command, "--address-file", str(address)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not address.exists():
        assert started.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return started


def _serves(address: Path) -> bool:
    """Whether something listens where the server said."""
    import socket
    from urllib.parse import urlsplit

    where = urlsplit(json.loads(address.read_text())["url"])
    with socket.socket() as client:
        return client.connect_ex((where.hostname, where.port)) == 0


def _until(wanted: bool, address: Path) -> bool:
    deadline = time.monotonic() + 20
    while _serves(address) is not wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    return _serves(address) is wanted


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle's folder."""
    from tests.made_bundle import copy_bundle

    return copy_bundle(tmp_path_factory.mktemp("made")).folder


@pytest.mark.parametrize("arguments", [["--version"], ["run", "t.csv"], ["verify", "nowhere"]])
def test_a_fork_says_what_a_fresh_interpreter_says(arguments: list[str]) -> None:
    """On both streams, with the same exit code."""
    forked, fresh = headrace(*arguments), headrace(*arguments, fresh=True)
    assert (forked.returncode, forked.stdout, forked.stderr) == (fresh.returncode, fresh.stdout, fresh.stderr)


def test_all_else_is_the_interpreter(tmp_path: Path) -> None:
    """What is no module of the suite runs in a fresh one, with the folder and environment that it was started in."""
    code = "import os, sys; print(os.getcwd(), os.environ['A_MARK'], 'polars' in sys.modules); sys.exit(7)"
    ended = subprocess.run(
        [fork_server.python(), "-c", code],
        cwd=tmp_path,
        env={**os.environ, "A_MARK": "here"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (7, f"{tmp_path} here False\n")


def test_a_signal_is_handed_on(model: Path, tmp_path: Path) -> None:
    """A server that is told to end ends by itself, well."""
    started = _serving(model, tmp_path / "address.json")
    assert _serves(tmp_path / "address.json")
    started.terminate()
    assert started.wait(30) == 0
    assert not _serves(tmp_path / "address.json")


def test_what_is_killed_is_gone(model: Path, tmp_path: Path) -> None:
    """Though the signal reaches the program alone."""
    started = _serving(model, tmp_path / "address.json")
    started.kill()
    assert started.wait(30) == -signal.SIGKILL
    assert _until(False, tmp_path / "address.json")


def test_what_was_ignored_stays_ignored(model: Path, tmp_path: Path) -> None:
    """As in a program under ``nohup``."""
    with ignoring(signal.SIGHUP):
        started = _serving(model, tmp_path / "address.json")
    started.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert started.poll() is None
    assert _serves(tmp_path / "address.json")
    started.kill()
    started.wait(30)


def test_nothing_of_a_run_is_left(tmp_path: Path) -> None:
    """Its warm process ends with it, as the process group does that it would be in."""
    (tmp_path / "t.csv").write_text("a,y\n")
    assert headrace("run", str(tmp_path / "t.csv"), "--target", "y", "--output", str(tmp_path / "out")).returncode == 2

    def left() -> list[str]:
        lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        return [line.decode() for line in lines if str(tmp_path).encode() in line]

    deadline = time.monotonic() + 20
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left() == []
