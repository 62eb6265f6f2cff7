"""A real Airflow for tests: its parts as processes on free ports, in an environment of its own, on SQLite.

Headrace's provider is built as a wheel and laid beside it, so that Airflow finds it as any installed provider.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

from headrace.core.runtime.processes import free_port
from tests.conftest import REPOSITORY
from tests.real import peers

PROVIDER = REPOSITORY / "integrations" / "airflow"
USER, PASSWORD = "admin", "a made-up word"
_SECONDS = 180.0
_PARTS = ("api-server", "scheduler", "dag-processor", "triggerer")


def environment() -> Path:
    """The virtual environment of Airflow, installed from its lock where it is missing (two minutes, once)."""
    return peers.environment("airflow")


def provider(folder: Path) -> Path:
    """A folder for PYTHONPATH with the provider's wheel, unpacked; built of a copy, so that the sources stay clean."""
    source = folder / "source"
    shutil.copytree(PROVIDER, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(folder / "provider"), str(source)]
    done = subprocess.run([*pip, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "provider"


@dataclass
class Airflow:
    """Airflow with a home of its own.

    Attributes:
        home: AIRFLOW_HOME: its database, logs and DAGs.
        port: Of its API server.
        variables: The environment of its processes.
        parts: Its running parts, by name.
    """

    home: Path
    port: int
    variables: Mapping[str, str] = field(repr=False)
    parts: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict, repr=False)
    _token: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Address of its API server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def dags(self) -> Path:
        """Folder of its DAGs."""
        return self.home / "dags"

    def command(self, *arguments: str, seconds: float = 300) -> "subprocess.CompletedProcess[str]":
        """Run ``airflow ARGUMENTS``."""
        program = str(environment() / "bin" / "airflow")
        return subprocess.run(
            [program, *arguments], env=dict(self.variables), cwd=self.home, capture_output=True, text=True,
            timeout=seconds, check=False,
        )  # fmt: skip

    def start(self, *names: str) -> None:
        """Start some of its parts, or all, and wait for the API server."""
        program = str(environment() / "bin" / "airflow")
        for name in names or _PARTS:
            with (self.home / f"{name}.log").open("ab") as log:
                self.parts[name] = subprocess.Popen(
                    [program, name], env=dict(self.variables), cwd=self.home, stdout=log, stderr=log,
                    start_new_session=True,
                )  # fmt: skip
        deadline = time.monotonic() + _SECONDS
        while "api-server" in self.parts and not self._answers():
            assert self.parts["api-server"].poll() is None, (self.home / "api-server.log").read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.3)

    def stop(self, *names: str, number: int = signal.SIGTERM) -> None:
        """End some of its parts with all their processes, or all of them."""
        ending = {name: self.parts.pop(name) for name in names or tuple(self.parts)}
        for part in ending.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(part.pid, number)
        for part in ending.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                part.wait(20)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGKILL)
            part.wait(20)

    def ask(self, method: str, path: str, body: Any = None, *, version: str = "/api/v2") -> tuple[int, Any]:
        """Status and document of an answer of its API, asked by an administrator."""
        if not self._token and version:
            login = {"username": USER, "password": PASSWORD}
            self._token = self.ask("POST", "/auth/token", login, version="")[1]["access_token"]
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"}
        data = None if body is None else json.dumps(body).encode()
        reply = urllib3.request(method, f"{self.url}{version}{path}", body=data, headers=headers, timeout=60)
        return reply.status, json.loads(reply.data) if reply.data else None

    def got(self, method: str, path: str, body: Any = None, **options: str) -> Any:
        """The document of an answer that must be a good one."""
        status, document = self.ask(method, path, body, **options)
        assert status < 300, (status, document)
        return document

    def unpause(self, dag: str) -> None:
        """Wait until a DAG is read, and let its runs begin."""
        self.wait(f"/dags/{dag}", [dag], key="dag_id")
        self.got("PATCH", f"/dags/{dag}", {"is_paused": False})

    def wait(self, path: str, wanted: Sequence[Any], *, key: str = "state", seconds: float = 120.0) -> Any:
        """Wait until a field of a document is one of those wanted; return the document."""
        deadline = time.monotonic() + seconds
        while True:
            status, document = self.ask("GET", path)
            if status == 200 and document[key] in wanted:
                return document
            assert time.monotonic() < deadline, (document, self.logs())
            time.sleep(0.3)

    def logs(self) -> str:
        """What its tasks have logged, for people who look at a failure."""
        files = sorted((self.home / "logs").glob("dag_id=*/**/*.log"), key=lambda path: path.stat().st_mtime)
        parts = "".join(path.read_text(errors="replace")[-1500:] for path in self.home.glob("*.log"))
        return parts + "".join(f"\n== {path}\n{path.read_text(errors='replace')[-4000:]}" for path in files[-3:])

    def part_log(self, name: str) -> str:
        """All that one of its parts has logged."""
        return (self.home / f"{name}.log").read_text(errors="replace")

    def task_log(self, dag: str, run: str = "*") -> str:
        """All that the tasks of a DAG, or of one of its runs, have logged."""
        files = sorted((self.home / "logs").glob(f"dag_id={dag}/run_id={run}/**/*.log"))
        return "\n".join(path.read_text(errors="replace") for path in files)

    def _answers(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/api/v2/version", retries=False, timeout=5).status == 200
        except urllib3.exceptions.HTTPError:
            return False


def variables(home: Path, port: int, path: Path, connections: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The environment of Airflow's processes.

    Args:
        home: AIRFLOW_HOME.
        port: Of the API server.
        path: Folder with the provider.
        connections: Connections by name, as their JSON form has them.
    """
    told = {
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__LOAD_EXAMPLES": "False",
        "CORE__PARALLELISM": "4",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__TEST_CONNECTION": "Enabled",
        "CORE__FERNET_KEY": "",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": "1",
        "API_AUTH__JWT_SECRET": "made up for these tests, and long enough for HS512: " + "0123456789" * 4,
        "API__SECRET_KEY": "made up for these tests",
        "DAG_PROCESSOR__REFRESH_INTERVAL": "2",
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
        "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "2",
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "4",
        "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "8",
        "SCHEDULER__ENABLE_HEALTH_CHECK": "False",
        "LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "USAGE_DATA_COLLECTION__ENABLED": "False",
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    }
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "TZ") if name in os.environ}
    return {
        **kept,
        "PATH": f"{environment() / 'bin'}:{os.defpath}",
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "PYTHONPATH": str(path),
        **{f"AIRFLOW__{name}": value for name, value in told.items()},
        **{f"AIRFLOW_CONN_{name.upper()}": json.dumps(connection) for name, connection in connections.items()},
    }


@contextlib.contextmanager
def airflow(
    folder: Path,
    dags: Mapping[str, str],
    connections: Mapping[str, Mapping[str, Any]],
    told: Mapping[str, str] | None = None,
) -> Iterator[Airflow]:
    """An Airflow whose database is made, and of which nothing runs yet; what is started ends with the block.

    Args:
        folder: A new folder for it.
        dags: Files of DAGs: text by name.
        connections: Connections by name, as their JSON form has them.
        told: More variables of its processes.
    """
    home, port = folder / "airflow", free_port()
    (home / "dags").mkdir(parents=True)
    for name, text in dags.items():
        (home / "dags" / name).write_text(text)
    (home / "passwords.json").write_text(json.dumps({USER: PASSWORD}))
    made = Airflow(home, port, {**variables(home, port, provider(folder), connections), **(told or {})})
    done = made.command("db", "migrate")
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        yield made
    finally:
        made.stop()
