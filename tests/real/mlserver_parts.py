"""A real MLServer for tests: its environment, and beside it what a bundle needs there."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc
import urllib3
from tritonclient.grpc import service_pb2_grpc as stubs

import headrace.serving
from headrace.core.packaging import distributions
from headrace.core.packaging.environment import serving_packages
from headrace.core.runtime.processes import free_port
from tests.conftest import REPOSITORY
from tests.real import peers
from tests.real_parts import alone, missing

_SECONDS = 900


def suite() -> Path:
    """Everything that the tests of MLServer install: its environment, and the packages beside; minutes, once."""
    peers.environment("mlserver")
    return packages()


def packages() -> Path:
    """A folder with the packages that predictions, detectors and explanations need, as ``dev.lock`` pins them."""
    roots = serving_packages("sklearn", detectors=True, explainer=True)
    names = {one.name for one in distributions.resolve_requirements(roots)}
    wanted = _blocks((REPOSITORY / "requirements" / "dev.lock").read_text(), names)
    folder = peers.home() / "mlserver_packages"
    stamp, asked = folder / "requirements.lock", folder / "requirements.txt"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    with alone("mlserver-packages"):
        if stamp.exists() and stamp.read_text() == wanted:
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        asked.write_text(wanted)
        command = [*pip, "--require-hashes", "--upgrade", "--target", str(folder), "-r", str(asked)]
        try:
            subprocess.run(command, check=True, timeout=_SECONDS)
        except (subprocess.SubprocessError, OSError) as error:
            missing(f"no packages for MLServer: they could not be installed into {folder} ({error})")
        asked.replace(stamp)
    return folder


def _blocks(lock: str, names: set[str]) -> str:
    """The lines of a lock that pin some packages."""
    kept, inside = [], False
    for line in lock.splitlines():
        if not line.startswith((" ", "#")):
            inside = line.partition("==")[0] in names
        kept += [line] if inside else []
    return "\n".join(kept) + "\n"


def only(requirements: Path, folder: Path) -> str:
    """A PYTHONPATH with what a requirements file lists, and nothing else; the suite itself is this checkout's.

    Args:
        requirements: Pins, such as a bundle's ``requirements.txt``.
        folder: Where links to the packages are made.
    """
    folder.mkdir(parents=True)
    lines = [line.partition("==")[0] for line in requirements.read_text().splitlines() if "==" in line[:60]]
    wanted = {line for line in lines if not line.startswith("#")} - {"headrace"}
    installed = {one.name.lower().replace("_", "-"): one for one in metadata.distributions(path=[str(packages())])}
    assert wanted <= installed.keys(), f"not installed for tests: {wanted - installed.keys()}"
    for name in wanted:
        for top in {Path(file).parts[0] for file in installed[name].files or ()} - {"..", "bin"}:
            if not (folder / top).exists():
                (folder / top).symlink_to(packages() / top)
    return f"{folder}:{Path(headrace.serving.__path__[0]).parents[1]}"


@dataclass(frozen=True)
class MLServer:
    """A running MLServer.

    Attributes:
        rest: Its REST side.
        grpc: Address of its gRPC side.
    """

    rest: peers.Peer
    grpc: str

    def infer(self, model: str, document: Any) -> tuple[int, Any]:
        """Status and document of an answer over REST."""
        return self.rest.ask(f"/v2/models/{model}/infer", document)


@contextlib.contextmanager
def mlserver(
    repository: Path, *, path: str, folder: Path, variables: Mapping[str, str] | None = None
) -> Iterator[MLServer]:
    """``mlserver start REPOSITORY`` for the length of the block, ready with all models of the folder.

    Args:
        repository: A folder of models, each with its ``model-settings.json``.
        path: PYTHONPATH.
        folder: For its log.
        variables: More environment variables; there is no process beside the main one unless they say so.
    """
    root = peers.environment("mlserver")
    ports = {name: str(free_port()) for name in ("HTTP", "GRPC", "METRICS")}
    settings = {f"MLSERVER_{name}_PORT": port for name, port in ports.items()}
    environment = {
        "PATH": f"{root / 'bin'}:{os.defpath}",
        "PYTHONPATH": path,
        "HOME": str(folder),
        "MLSERVER_PARALLEL_WORKERS": "0",
        **settings,
        **(variables or {}),
    }
    command = [str(root / "bin" / "mlserver"), "start", str(repository)]
    with peers.started(command, environment, int(ports["HTTP"]), "/v2/health/ready", folder) as rest:
        for name in _models(repository):
            # The server is ready before its first model is known, and while others are loaded.
            peers.wait_until(rest, lambda name=name: _is_ready(rest.port, name))
        yield MLServer(rest, f"127.0.0.1:{ports['GRPC']}")


def _models(repository: Path) -> list[str]:
    return [json.loads(path.read_text())["name"] for path in sorted(repository.rglob("model-settings.json"))]


def _is_ready(port: int, name: str) -> bool:
    return urllib3.request("GET", f"http://127.0.0.1:{port}/v2/models/{name}/ready", timeout=10).status == 200


def call(address: str, method: str, message: Any) -> tuple[str, Any]:
    """Status and message of an answer over gRPC; the sentence if it is an error."""
    with grpc.insecure_channel(address) as channel:
        try:
            return "OK", getattr(stubs.GRPCInferenceServiceStub(channel), method)(message, timeout=60)
        except grpc.RpcError as error:
            return error.code().name, error.details()
