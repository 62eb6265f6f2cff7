"""The compiled pipelines that are shipped are those that the code makes."""

from pathlib import Path

import pytest
import yaml

from headrace.cli.cluster.compile import compile_to
from headrace.pipelines.definitions.catalogue import PIPELINES
from tests.conftest import REPOSITORY

COMPILED = REPOSITORY / "pipelines" / "compiled"


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", PIPELINES)
def test_the_compiled_pipeline_is_current(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What lies ready to be uploaded is what compiling gives now; `make compiled` renews it."""
    shipped = COMPILED / f"{name}.yaml"
    compile_to(name, tmp_path / "fresh.yaml")
    fresh = (tmp_path / "fresh.yaml").read_text()
    if request.config.getoption("--rewrite"):
        shipped.parent.mkdir(exist_ok=True)
        shipped.write_text(fresh)
    assert shipped.exists(), "run `make compiled`"
    assert shipped.read_text() == fresh, "run `make compiled` and read the diff"


@pytest.mark.parametrize("name", PIPELINES)
def test_a_compiled_pipeline_installs_nothing(name: str) -> None:
    """No step installs packages, and all run the suite's own image of this version."""
    from headrace.components.base import IMAGE

    spec, *_ = yaml.safe_load_all((COMPILED / f"{name}.yaml").read_text())
    executors = spec["deploymentSpec"]["executors"]
    containers = [executor["container"] for executor in executors.values() if "container" in executor]
    assert containers
    for container in containers:
        assert container["image"] == IMAGE
        assert "pip install" not in " ".join(container["command"])


def test_keys_come_from_a_secret() -> None:
    """The object store's keys reach the steps that need them from a Secret, never as parameters."""
    spec, platform = yaml.safe_load_all((COMPILED / "training.yaml").read_text())
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    secret = {key["envVar"] for key in executors["exec-publish"]["secretAsEnv"][0]["keyToEnv"]}
    assert {"HEADRACE_S3_ACCESS_KEY", "HEADRACE_S3_SECRET_KEY"} <= secret
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert not [name for name in parameters if "secret" in name or "password" in name]
