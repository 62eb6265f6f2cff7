"""A real MLflow server for tests: full MLflow in an environment of its own, on a real PostgreSQL."""

import contextlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from headrace.core.runtime.processes import free_port
from tests.conftest import REPOSITORY
from tests.real import peers
from tests.real.postgresql import postgres_server
from tests.real_parts import alone, missing

_DRIVERS = ("boto3", "botocore", "jmespath", "psycopg", "psycopg-binary", "s3transfer")
_START_SECONDS = 240.0


def environment() -> Path:
    """The virtual environment of MLflow as the benchmarks have it, with a server's drivers beside."""
    folder = peers.environment("mlflow")
    drivers = _blocks(REPOSITORY / "requirements" / "bench.lock", _DRIVERS)
    stamp, asked = folder / "drivers.lock", folder / "drivers.txt"
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    with alone("mlflow-drivers"):
        if stamp.exists() and stamp.read_text() == drivers:
            return folder
        asked.write_text(drivers)
        try:
            subprocess.run([*pip, "--disable-pip-version-check", "-r", str(asked)], check=True, timeout=1200)
        except (subprocess.SubprocessError, OSError) as error:
            missing(f"no MLflow server: its drivers could not be installed into {folder} ({error})")
        asked.replace(stamp)
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
