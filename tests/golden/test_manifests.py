"""The rendered manifests that are shipped are those that kustomize makes."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from headrace.core.monitors.decisions.policy_yaml import default_text
from headrace.kustomize import OVERLAYS
from tests.cluster.api_server import binary
from tests.cluster.options import GOLDEN, OPTIONS
from tests.conftest import REPOSITORY

KUSTOMIZE = REPOSITORY / "kustomize"


def test_the_monitors_policy_is_the_default_one(request: pytest.FixtureRequest) -> None:
    """Who installs the option and says nothing gets what `headrace monitor policy` writes; it is rendered below."""
    shipped = KUSTOMIZE / "components" / "monitor" / "monitoring.yaml"
    if request.config.getoption("--rewrite"):
        shipped.write_text(default_text())
    assert shipped.read_text() == default_text(), "run `make compiled`"


@pytest.mark.kubernetes
@pytest.mark.parametrize("name", OVERLAYS)
def test_the_rendered_overlay_is_current(name: str, request: pytest.FixtureRequest) -> None:
    """What lies ready to be applied is what kustomize gives now; `make compiled` renews it."""
    command = [str(binary("kubectl")), "kustomize", str(KUSTOMIZE / "overlays" / name)]
    fresh = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    shipped = KUSTOMIZE / "rendered" / f"{name}.yaml"
    if request.config.getoption("--rewrite"):
        shipped.write_text(fresh)
    assert shipped.exists(), "run `make compiled`"
    assert shipped.read_text() == fresh, "run `make compiled` and read the diff"


@pytest.mark.kubernetes
@pytest.mark.parametrize("name", OPTIONS)
def test_a_rendered_option_is_current(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """What an option adds to an overlay; `make compiled` renews it."""
    shutil.copytree(KUSTOMIZE / "components" / name, tmp_path / name)
    own = {"namespace": "headrace", "components": [f"../{name}"]}
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "kustomization.yaml").write_text(yaml.safe_dump(own))
    command = [str(binary("kubectl")), "kustomize", str(tmp_path / "own")]
    fresh = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    golden = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--rewrite"):
        golden.write_text(fresh)
    assert golden.exists(), "run `make compiled`"
    assert golden.read_text() == fresh, "run `make compiled` and read the diff"


def test_every_overlay_is_listed() -> None:
    """A folder of overlays that is not listed would never be rendered."""
    assert {path.name for path in (KUSTOMIZE / "overlays").iterdir()} == set(OVERLAYS)
