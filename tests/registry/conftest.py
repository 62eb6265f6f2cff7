"""Registries that the tests run over: a SQLite file always, a real MLflow server on PostgreSQL where it can be."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.registry.mlflow.registry import MlflowRegistry, open_registry
from headrace.registry.models.submission import ModelSubmission
from tests.made_bundle import copy_bundle
from tests.real.mlflow_server import mlflow_server
from tests.registry.made import variant

Make = Callable[..., ModelSubmission]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that the real steps made."""
    return copy_bundle(tmp_path_factory.mktemp("made")).folder


@pytest.fixture
def make(bundle: Path, tmp_path: Path) -> Make:
    """Makes variants of the bundle, each another one."""
    numbers = itertools.count(1)

    def made(**choices: object) -> ModelSubmission:
        number = next(numbers)
        choices.setdefault("mark", f"{tmp_path.name}-{number}")
        return variant(bundle, tmp_path / f"bundle-{number}", **choices)  # type: ignore[arg-type]

    return made


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on a real PostgreSQL."""
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture(scope="session")
def file_address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file that the tests of a process share, for MLflow takes its time to make one; each uses models of its own."""
    return str(tmp_path_factory.mktemp("registry") / "registry.db")


@pytest.fixture(params=["file", pytest.param("server", marks=[pytest.mark.mlflow, pytest.mark.postgres])])
def address(request: pytest.FixtureRequest) -> str:
    """Address of each registry."""
    found: str = request.getfixturevalue("server_url" if request.param == "server" else "file_address")
    return found


@pytest.fixture
def registry(address: str) -> MlflowRegistry:
    """Each registry."""
    return open_registry(address)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Name of a model that no other test uses."""
    return f"m{abs(hash(request.node.nodeid)) % 10**12}"
