"""The rendered manifests that are shipped are those that kustomize makes."""

import subprocess

import pytest

from headrace.kustomize import OVERLAYS
from tests.cluster.api_server import binary
from tests.conftest import REPOSITORY

KUSTOMIZE = REPOSITORY / "kustomize"


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


def test_every_overlay_is_listed() -> None:
    """A folder of overlays that is not listed would never be rendered."""
    assert {path.name for path in (KUSTOMIZE / "overlays").iterdir()} == set(OVERLAYS)
