"""Addresses of registries and catalogues."""

from pathlib import Path

import pytest

from headrace.core.base.errors import InputError
from headrace.registry.backends.locations import catalog_location, registry_location


@pytest.mark.parametrize("text", ["runs/r.db", "sqlite:///runs/r.db"])
def test_a_file_is_named_by_its_path(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path and SQLAlchemy's address mean the same file, in whatever folder one is later."""
    monkeypatch.chdir(tmp_path)
    assert registry_location(text).path == catalog_location(text).path == tmp_path / "runs" / "r.db"


def test_the_environment_is_asked_before_the_usual_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An option comes first, then the environment, then headrace-out."""
    monkeypatch.chdir(tmp_path)
    assert registry_location().path == tmp_path / "headrace-out" / "registry.db"
    assert catalog_location().path == tmp_path / "headrace-out" / "catalog.db"
    monkeypatch.setenv("HEADRACE_REGISTRY", "http://mlflow:5000/")
    monkeypatch.setenv("HEADRACE_CATALOG", "postgresql://headrace@db/catalog")
    assert str(registry_location()) == "http://mlflow:5000"
    assert catalog_location().url == "postgresql+psycopg://headrace@db/catalog"
    assert registry_location("other.db").path == tmp_path / "other.db"


@pytest.mark.parametrize(
    "text",
    [
        "ftp://x/y",
        "postgresql://u@h/d",
        "http://",
        "http://me:pw@host",
        "http://h?token=pw",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_what_cannot_be_a_registry_is_refused(text: str) -> None:
    """The sentence tells what can be, and repeats no password."""
    with pytest.raises(InputError) as caught:
        registry_location(text)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("text", ["mysql://u@h/d", "postgresql:///d", "postgresql://u:pw@h/d", "sqlite:///x?mode=ro"])
def test_what_cannot_be_a_catalogue_is_refused(text: str) -> None:
    """The same for a catalogue."""
    with pytest.raises(InputError) as caught:
        catalog_location(text)
    assert "pw" not in str(caught.value)
