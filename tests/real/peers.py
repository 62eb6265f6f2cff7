"""Servers of others for tests: each in an environment of its own, with beside it what a bundle says that they need."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from headrace.core.runtime.processes import free_port
from tests.conftest import REPOSITORY
from tests.real_parts import alone, missing

_SECONDS = 180.0


@dataclass(frozen=True)
class Peer:
    """A running server of another project."""

    port: int
    log: Path

    def ask(self, path: str, document: Any) -> tuple[int, Any]:
        """Status and document of an answer to a POST."""
        body = json.dumps(document).encode()
        headers = {"Content-Type": "application/json"}
        reply = urllib3.request("POST", f"http://127.0.0.1:{self.port}{path}", body=body, headers=headers, timeout=60)
        return reply.status, json.loads(reply.data)


def home() -> Path:
    """The folder with the environments of all peers."""
    return Path(os.environ.get("HEADRACE_TEST_PEERS") or REPOSITORY / "build" / "peers")


def environment(name: str) -> Path:
    """The environment of a peer, as the benchmarks make it from its lock where it is missing, which takes minutes."""
    place = REPOSITORY / "benchmarks" / "serving_peers.py"
    spec = importlib.util.spec_from_file_location("serving_peers", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["serving_peers"] = module
    spec.loader.exec_module(module)
    folder = home()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with alone(f"peer-{name}"):
            return Path(module.installed(name, folder))
    except subprocess.CalledProcessError as error:
        reason = f"{name} cannot be installed from benchmarks/peers/{name}.lock: {error}"
        missing(reason)


@contextlib.contextmanager
def mlflow(bundle: Path, *, path: str, folder: Path) -> Iterator[Peer]:
    """``mlflow models serve -m BUNDLE``, with PYTHONPATH."""
    root, port = environment("mlflow"), free_port()
    command = [str(root / "bin" / "mlflow"), "models", "serve", "-m", str(bundle), "--env-manager", "local"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    variables = {
        # MLflow starts uvicorn by name, through a shell.
        "PATH": f"{root / 'bin'}:{os.defpath}",
        "PYTHONPATH": path,
        "HOME": str(folder),
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    with started(command, variables, port, "/ping", folder) as peer:
        yield peer


@contextlib.contextmanager
def started(command: list[str], variables: Mapping[str, str], port: int, ready: str, folder: Path) -> Iterator[Peer]:
    """A server for the length of the block, ready when a path of it answers with 200."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, env=dict(variables), stdout=stream, stderr=stream, cwd=folder, start_new_session=True
        )
    try:
        peer = Peer(port, log)
        wait_until(peer, lambda: _answers(f"http://127.0.0.1:{port}{ready}"), process)
        yield peer
    finally:
        # The servers are children of children; all of them are of the session that was begun here.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until(peer: Peer, holds: Callable[[], bool], process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait for something that a server must reach; its log tells why it did not."""
    deadline = time.monotonic() + _SECONDS
    while not holds():
        assert process is None or process.poll() is None, peer.log.read_text()
        assert time.monotonic() < deadline, peer.log.read_text()
        time.sleep(0.2)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False
