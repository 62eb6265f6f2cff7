"""A real MLServer for tests: its environment, and beside it what a bundle needs there."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    """A folder for PYTHONPATH with the packages of predictions, detectors and explanations, as ``dev.lock`` pins them.

    The suite itself is taken from this checkout.
    """
    names = {
        one.name
        for one in distributions.resolve_requirements(serving_packages("sklearn", detectors=True, explainer=True))
    }
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
    """The lines of a lock that pin some packages, without markers."""
    kept, inside = [], False
    for line in lock.splitlines():
        if not line.startswith((" ", "#")):
            inside = line.partition("==")[0] in names
        kept += [line] if inside else []
    return "\n".join(kept) + "\n"


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
def mlserver(repository: Path, *, folder: Path, workers: int = 0) -> Iterator[MLServer]:
    """``mlserver start REPOSITORY`` for the length of the block, ready with all models of the folder.

    Args:
        repository: A folder of models, each with its ``model-settings.json``.
        folder: For its log.
        workers: Processes beside the main one.
    """
    root, source = peers.environment("mlserver"), Path(headrace.serving.__path__[0]).parents[1]
    ports = {name: str(free_port()) for name in ("HTTP", "GRPC", "METRICS")}
    settings = {f"MLSERVER_{name}_PORT": port for name, port in ports.items()}
    variables = {
        "PATH": f"{root / 'bin'}:{os.defpath}",
        "PYTHONPATH": f"{packages()}:{source}",
        "HOME": str(folder),
        "MLSERVER_PARALLEL_WORKERS": str(workers),
        **settings,
    }
    command = [str(root / "bin" / "mlserver"), "start", str(repository)]
    with peers.started(command, variables, int(ports["HTTP"]), "/v2/health/ready", folder) as rest:
        yield MLServer(rest, f"127.0.0.1:{ports['GRPC']}")
