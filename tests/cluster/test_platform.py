"""Whose CRDs the tests use."""

from pathlib import Path

import pytest

from tests.cluster.platform import OWN, documents, folder


def test_our_own_crds_unless_others_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that is named must be there."""
    monkeypatch.delenv("HEADRACE_CRDS", raising=False)
    assert folder() == OWN
    monkeypatch.setenv("HEADRACE_CRDS", str(tmp_path))
    assert folder() == tmp_path
    monkeypatch.setenv("HEADRACE_CRDS", str(tmp_path / "none"))
    with pytest.raises(pytest.fail.Exception, match="HEADRACE_CRDS must name a folder"):
        folder()


def test_every_crd_is_of_the_platform() -> None:
    """Names are the platform's: plural name and group."""
    found = [document for document in documents(OWN) if document["kind"] == "CustomResourceDefinition"]
    assert len(found) >= 12
    for document in found:
        spec = document["spec"]
        assert document["metadata"]["name"] == f"{spec['names']['plural']}.{spec['group']}"
