"""A bundle and a server of it, shared by the tests of a process."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from headrace.core.base.files import read_json
from headrace.core.bundles.bundle import Bundle
from headrace.serving.deployment.client import EndpointClient
from tests.made_bundle import copy_bundle

GOOD = {"age": 31, "spend": 20.5, "plan": "premium", "joined": "2024-03-02 23:15:00"}


@dataclass(frozen=True)
class Running:
    """A server process and how to ask it."""

    process: subprocess.Popen[bytes]
    remote: EndpointClient
    grpc: str
    log: Path

    @property
    def host(self) -> str:
        """Host and port for HTTP."""
        return urlsplit(self.remote.url).netloc

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any, bytes]:
        """Status, JSON document (None if it is none) and bytes of an answer."""
        reply = self.remote.pool.request(method, f"http://{self.host}{path}", body=body, headers=headers)
        try:
            return reply.status, json.loads(reply.data), reply.data
        except ValueError:
            return reply.status, None, reply.data

    def metric(self, name: str) -> float:
        """The sum of all samples of a metric whose line begins so."""
        lines = self.ask("GET", "/metrics")[2].decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


@contextlib.contextmanager
def running(model: Path, folder: Path, *arguments: str) -> Iterator[Running]:
    """A server process on free ports."""
    folder.mkdir(parents=True, exist_ok=True)
    address, log = folder / "address.json", folder / "log"
    command = [sys.executable, "-m", "headrace.serving.server", "--model", str(model), "--port", "0"]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*command, "--address-file", str(address), *arguments], stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + 120
        while not address.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        told = read_json(address)
        with EndpointClient.at(told["url"]) as remote:
            yield Running(process, remote, f"127.0.0.1:{told['grpc_port']}", log)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A small bundle."""
    return copy_bundle(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def server(bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server of it, with gRPC."""
    with running(bundle.folder, tmp_path_factory.mktemp("server"), "--grpc-port", "0") as found:
        yield found


@pytest.fixture(scope="session")
def server_log(server: Running) -> Path:
    """What the shared server says."""
    return server.log


@pytest.fixture(scope="session")
def remote(server: Running) -> EndpointClient:
    """The shared server from its client's side."""
    return server.remote
