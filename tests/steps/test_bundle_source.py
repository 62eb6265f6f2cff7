"""The model that a pipeline's parameter names: a folder, a store URI, or a version of the registry."""

from pathlib import Path

import pytest

from headrace.core.base.errors import MissingError
from headrace.registry.mlflow.registry import open_registry
from headrace.steps.bundle_source import open_bundle_at, resolve_address
from tests.made_bundle import copy_bundle
from tests.registry.made import variant


def test_a_version_of_the_registry_is_looked_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recurring run that names a stage monitors whatever version holds it then."""
    monkeypatch.setenv("HEADRACE_REGISTRY", str(tmp_path / "registry.db"))
    bundle = copy_bundle(tmp_path / "made")
    submission = variant(bundle.folder, tmp_path / "variant")
    open_registry(str(tmp_path / "registry.db")).register(submission, by="ann")
    assert resolve_address("customers@latest") == submission.uri
    with pytest.raises(MissingError, match="production"):
        resolve_address("customers@production")


def test_folders_and_addresses_stay_as_they_are(tmp_path: Path) -> None:
    """Also those whose names hold the sign by which a version is named."""
    folder = tmp_path / "ann@home"
    bundle = copy_bundle(folder)
    address = "s3://ann@bucket/models/customers/00/"
    assert resolve_address(str(bundle.folder)) == str(bundle.folder)
    assert resolve_address(address) == address
    with open_bundle_at(str(bundle.folder)) as opened:
        assert opened.digest == bundle.digest
