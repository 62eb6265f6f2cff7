"""A real MLflow server for tests: full MLflow in an environment of its own, on a real PostgreSQL."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from headrace.core.processes import free_port
from tests.conftest import REPOSITORY
from tests.real.postgresql import postgres_server

_DRIVERS = ("boto3", "botocore", "jmespath", "psycopg", "psycopg-binary", "s3transfer")
_START_SECONDS = 240.0


def environment() -> Path:
    """The virtual environment of MLflow, made from its lock on first use; it wants a network then.

    ``HEADRACE_TEST_PEERS`` names the folder where it is kept; ``build/peers`` otherwise, as for the benchmarks.
    """
    folder = Path(os.environ.get("HEADRACE_TEST_PEERS", str(REPOSITORY / "build" / "peers"))) / "mlflow"
    lock = REPOSITORY / "benchmarks" / "peers" / "mlflow.lock"
    stamp = folder / "server.lock"
    drivers = _blocks(REPOSITORY / "requirements" / "bench.lock", _DRIVERS)
    wanted = lock.read_text() + drivers
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        (folder / "drivers.txt").write_text(drivers)
        for requirements in (lock, folder / "drivers.txt"):
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
            subprocess.run([*pip, "--disable-pip-version-check", "-r", str(requirements)], check=True, timeout=1200)
    except (subprocess.SubprocessError, OSError) as error:
        reason = f"no MLflow server: its environment {folder} could not be installed from {lock.name} ({error})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    stamp.write_text(wanted)
    return folder


def _blocks(lock: Path, names: tuple[str, ...]) -> str:
    """The lines of a lock that pin some packages."""
    kept, inside = [], False
    for line in lock.read_text().splitlines():
        if not line.startswith(" "):
            inside = line.partition("==")[0] in names
        kept += [line] if inside else []
    return "\n".join(kept) + "\n"


@contextlib.contextmanager
def mlflow_server(folder: Path, *, artifacts: str = "", variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run a server for the length of the block.

    Args:
        folder: For its log and, unless told otherwise, its artifacts.
        artifacts: Where it keeps artifacts, such as ``s3://BUCKET/``; empty for a folder.
        variables: Environment variables, such as the keys of that store.

    Yields:
        Its URL.
    """
    programs = environment() / "bin"
    with postgres_server() as database:
        url = f"http://127.0.0.1:{(port := free_port())}"
        backend = database.url.replace(
            "postgresql+psycopg://headrace@", f"postgresql+psycopg://headrace:{database.password}@"
        )
        command = [str(programs / "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        command += ["--artifacts-destination", artifacts or (folder / "artifacts").as_uri()]
        own = {
            "MLFLOW_BACKEND_STORE_URI": backend,
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            **(variables or {}),
        }
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                command, env={**os.environ, **own}, stdout=log, stderr=log, start_new_session=True
            )
        try:
            _wait(url, server, folder / "log")
            yield url
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(server.pid, 15)
            server.wait(60)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5) as answer:  # noqa: S310
            if answer.status == 200:
                return
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
