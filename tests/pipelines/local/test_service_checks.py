"""What the environment names is asked whether it answers."""

from pathlib import Path

import pytest

from headrace.core.runtime.processes import free_port
from headrace.pipelines.local.service_checks import examine_named
from headrace.registry.backends.locations import catalog_location
from headrace.registry.catalog.database import CatalogDatabase
from headrace.registry.catalog.writes import ObservedTable, add_table
from headrace.registry.mlflow.registry import open_registry
from tests.cluster.kfp_server import kubeflow_pipelines
from tests.made_bundle import copy_bundle
from tests.registry.made import variant

NAMES = ("HEADRACE_KFP_ENDPOINT", "HEADRACE_KFP_TOKEN", "HEADRACE_REGISTRY", "HEADRACE_CATALOG")


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_what_is_not_named_is_not_asked() -> None:
    """Most laptops name nothing."""
    assert examine_named() == []


def test_what_answers_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API of Kubeflow Pipelines (played), a registry and a catalogue with something in them."""
    registry, catalog = tmp_path / "registry.db", tmp_path / "catalog.db"
    submission = variant(copy_bundle(tmp_path / "made").folder, tmp_path / "bundle")
    open_registry(str(registry)).register(submission, by="ann")
    add_table(CatalogDatabase(catalog_location(str(catalog))), ObservedTable("t.csv", "aa"))
    with kubeflow_pipelines(token="t0ken") as server:
        monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", server.address)
        monkeypatch.setenv("HEADRACE_KFP_TOKEN", "t0ken")
        monkeypatch.setenv("HEADRACE_REGISTRY", str(registry))
        monkeypatch.setenv("HEADRACE_CATALOG", str(catalog))
        found = examine_named()
    assert [(one.area, one.state) for one in found] == [
        ("Pipelines API", "good"),
        ("Registry", "good"),
        ("Catalogue", "good"),
    ]
    assert [one.text for one in found] == [
        f"{server.address} answers; it has no run yet",
        f"{registry} answers; models: 1",
        f"{catalog} answers; tables: 1",
    ]


def test_what_does_not_answer_is_told_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens, a wrong login, an address that is none; and a file that is still to be made is only noted."""
    monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("HEADRACE_REGISTRY", "ftp://registry")
    monkeypatch.setenv("HEADRACE_CATALOG", str(tmp_path / "none.db"))
    api, registry, catalog = examine_named()
    assert (api.state, registry.state, catalog.state) == ("bad", "bad", "note")
    assert "HEADRACE_KFP_ENDPOINT" in api.remedy
    assert "ftp" in registry.text
    assert not (tmp_path / "none.db").exists()
    with kubeflow_pipelines(token="t0ken") as server:
        monkeypatch.setenv("HEADRACE_KFP_ENDPOINT", server.address)
        monkeypatch.setenv("HEADRACE_KFP_TOKEN", "wr0ng")
        found = examine_named()[0]
    assert found.state == "bad"
    assert "wr0ng" not in found.text
