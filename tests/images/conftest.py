"""A container engine, and the suite's image, built once."""

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import free_port, lease
from headrace.stores.objects.local_s3 import local_store
from images.build import build
from tests.conftest import REPOSITORY
from tests.real_parts import alone, missing

BASE = "python:3.11-slim-bookworm"
_MAKES_BASE = REPOSITORY.parent / "shared" / "tools" / "python-base-image"
# What a careful cluster lets a container do: nothing, as nobody in particular.
LOCKED_DOWN = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")


def docker(*arguments: str | Path, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Ask the engine."""
    command = ["docker", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert not check or ended.returncode == 0, f"{' '.join(command)}\n{ended.stdout}{ended.stderr}"
    return ended


def _succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=900, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="session")
def engine() -> str:
    """A Docker engine that has the base image, or can get it."""
    with alone("engine"):
        if not _succeeds("docker", "image", "inspect", BASE) and not (
            _succeeds(_MAKES_BASE) or _succeeds("docker", "pull", BASE)
        ):
            missing(f"no Docker engine with the base image: apt-get install docker.io, then docker pull {BASE}")
    return "docker"


@pytest.fixture(scope="session")
def image(engine: str) -> str:
    """The suite's image of this tree."""
    with alone("image"):
        return build(engine=engine)


@pytest.fixture(scope="session")
def nobody() -> str:
    """A user and group that no image knows: any number where the tests may give files away, else their own."""
    return f"{100_000 + secrets.randbelow(1_000_000) if os.geteuid() == 0 else os.geteuid()}:0"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreSettings]:
    """An S3 store on this machine, which containers reach by its own network."""
    folder = tmp_path_factory.mktemp("store")
    with (
        lease(folder / "lease") as held,
        (folder / "log").open("wb") as log,
        local_store(folder / "objects", lease_path=held, log=log) as settings,
    ):
        yield settings


@dataclass(frozen=True)
class Container:
    """A running container.

    Attributes:
        name: Its name.
        port: Where its server answers on the loopback address.
    """

    name: str
    port: int

    @property
    def logs(self) -> str:
        """What it has said."""
        ended = docker("logs", self.name)
        return ended.stdout + ended.stderr

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "true"


@contextlib.contextmanager
def container(image: str, command: Sequence[str], *options: str) -> Iterator[Container]:
    """A container that runs for the length of the block.

    Its port 8080 is published on a free port of the loopback address; on the machine's own network it is to listen
    there itself, and ``{port}`` in the command stands for the port.
    """
    name, port = f"headrace-test-{secrets.token_hex(6)}", free_port()
    published = [] if "--network=host" in options else [f"--publish=127.0.0.1:{port}:8080"]
    told = [part.replace("{port}", str(port)) for part in command]
    docker("run", "--detach", "--name", name, *published, *options, image, *told)
    try:
        yield Container(name, port)
    finally:
        docker("rm", "--force", "--volumes", name)


def answers(running: Container, path: str) -> bool:
    """Whether a GET is answered by 200."""
    try:
        return urllib3.request("GET", f"http://127.0.0.1:{running.port}{path}", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def wait_for(happened: Callable[[], bool], running: Container, seconds: float = 120) -> None:
    """Wait until something happened, while the container runs."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert running.runs, running.logs
        assert time.monotonic() < deadline, running.logs
        time.sleep(0.1)
