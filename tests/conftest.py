"""What all tests share."""

import csv
import fcntl
import gc
import os
import random
import secrets
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace.core.base.settings import without_blas_threads
from tests import fork_server, properties, surroundings

surroundings.leave()
# Tests run side by side, and threads that spin while they wait for each other would take most of the time.
without_blas_threads()
properties.register()

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headrace.cluster.api.client import Cluster
    from tests.cluster.api_server import ApiServer

REPOSITORY = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let golden files be written anew, and a server be loaded for longer."""
    parser.addoption("--rewrite", action="store_true", help="write the golden files anew instead of comparing")
    parser.addoption("--soak-seconds", type=float, help="how long a server or a stream is kept under load")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the workers of pytest-xdist share what the tests' processes are forked from."""
    if session.config.getoption("numprocesses", default=None):
        fork_server.share()


# Where tests take longest. Workers take file after file: what takes long must not begin last, when
# other workers have nothing left to do. The first two are not both waiting for the fixture ``line``.
_LONGEST_FIRST = (
    "tests/images/",
    "tests/real/",
    "tests/jvm/",
    "tests/streams/",
    "tests/model_import/",
    "tests/jupyter/",
    "tests/e2e/test_line.py",
    "tests/experiments/tuners/",
    "tests/contracts/",
    "tests/pipelines/",
    "tests/e2e/",
    "tests/rollouts/",
    "tests/experiments/",
    "tests/cli/",
    "tests/serving/",
    "tests/registry/",
    "tests/core/evaluation/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    places = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    items.sort(
        key=lambda item: min((place for name, place in places.items() if item.nodeid.startswith(name)), default=99)
    )


def pytest_collection_finish() -> None:
    """Keep garbage collections from looking through all that was imported and collected, each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Folder of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_tables() -> Path:
    """Folder of real tables; tests that want them are skipped where it is not there."""
    folder = Path(os.environ.get("HEADRACE_TEST_DATA", str(REPOSITORY.parent / "shared" / "data")))
    if not folder.is_dir():
        pytest.skip("no folder of real tables: set HEADRACE_TEST_DATA")
    return folder


@pytest.fixture
def default_signals() -> "Iterator[None]":
    """SIGINT and SIGTERM end this process and what it starts, as if a person had started the tests in a terminal.

    Who starts them otherwise, by ``&`` in a script or under a ``trap``, may have them ignored, and what is ignored is
    inherited. For tests that send these signals; all other tests leave them as they are.
    """
    wanted = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextmanager
def ignoring(*numbers: signal.Signals) -> "Iterator[None]":
    """Ignore signals for the length of the block; what is started in it begins so, as under ``nohup`` or a ``trap``."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_table(path: Path, *, rows: int = 400, seed: int = 7, shuffled: bool = False) -> Path:
    """Write a CSV with numbers, categories, times and missing values, and a target `churn` that depends on them.

    Args:
        path: Where to write it.
        rows: How many rows.
        seed: Seed of the values.
        shuffled: Whether the target is drawn apart from the rest, so that nothing can be learned.
    """
    draw = random.Random(seed)  # noqa: S311 - test data
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["age", "spend", "plan", "joined", "churn"])
        for _ in range(rows):
            age, plan = draw.randint(18, 90), draw.choice(["basic", "plus", "premium"])
            spend = "" if draw.random() < 0.05 else f"{draw.lognormvariate(3, 1):.2f}"
            score = (age - 50) / 15 + (plan == "basic") * 1.5 - 0.5 + draw.gauss(0, 0.8)
            churn = draw.random() < 0.5 if shuffled else score > 0
            joined = f"2024-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d} {draw.randint(0, 23):02d}:15:00"
            writer.writerow([age, spend, plan, joined, "yes" if churn else "no"])
    return path


def headrace(
    *arguments: str, timeout: float = 240, fresh: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own.

    Args:
        *arguments: The command's.
        timeout: Longest time in seconds.
        fresh: Whether it and all that it starts are fresh interpreters, else forks of one that has imported the suite.
        **environment: Variables that it gets beside this process's own.
    """
    return subprocess.run(
        [sys.executable if fresh else fork_server.python(), "-m", "headrace.cli.main", *arguments],
        stdin=subprocess.DEVNULL,  # no question is asked of whoever sits before the tests
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **environment},
        check=False,
    )


@dataclass(frozen=True)
class Line:
    """A run of the whole line.

    Attributes:
        home: Its folder.
        table: The table it started from.
        told: What it printed.
    """

    home: Path
    table: Path
    told: str


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """The whole line on a small table, run once for all tests that look at its results, in all workers.

    No test may change anything in it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "line"
    folder.mkdir(exist_ok=True)
    home, table, output = folder / "out", folder / "customers.csv", folder / "output.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            write_table(table)
            options = ("--target", "churn", "--budget", "3", "--output", str(home))
            ended = headrace("run", str(table), *options, fresh=True)
            assert ended.returncode == 0, ended.stdout + ended.stderr
            output.write_text(ended.stdout)
    return Line(home=home, table=table, told=output.read_text())


@pytest.fixture(scope="session")
def kubernetes() -> "Iterator[ApiServer]":
    """A real API server of this test process, with the platform's kinds; see tests/cluster/api_server.py."""
    from tests.cluster import platform
    from tests.cluster.api_server import api_server

    with api_server() as server:
        platform.install(server.admin(), platform.folder())
        yield server


@pytest.fixture
def cluster(kubernetes: "ApiServer") -> "Cluster":
    """An administrator's client in a namespace that no other test uses, with the label and account of a search."""
    from tests.cluster.api_server import namespace

    made = namespace(kubernetes.admin(), f"test-{secrets.token_hex(4)}")
    made.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "headrace-trial"}})
    return made
