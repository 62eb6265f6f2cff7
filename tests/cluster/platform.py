"""The platform's kinds on the tests' API server: our own small CRDs, or the real ones."""

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.discovery import has_field, kinds
from headrace.cluster.api.kinds import CRDS, ObjectKind
from headrace.core.base.errors import ClusterError

OWN = Path(__file__).with_name("crds")
_SECONDS = 60.0


def folder() -> Path:
    """Folder of the CRDs: the one of ``HEADRACE_CRDS``, else our own.

    A folder that is named and not there is a mistake, not a skip.
    """
    named = os.environ.get("HEADRACE_CRDS")
    if named and not Path(named).is_dir():
        pytest.fail(f"HEADRACE_CRDS must name a folder of CRDs; {named} is none.")
    return Path(named) if named else OWN


def documents(place: Path) -> list[dict[str, Any]]:
    """All objects in the YAML files of a folder and its subfolders."""
    files = sorted([*place.rglob("*.yaml"), *place.rglob("*.yml")])
    found = [document for file in files for document in yaml.safe_load_all(file.read_text())]
    return [document for document in found if document]


def install(admin: Cluster, place: Path) -> None:
    """Apply the CRDs of a folder, and its rules, and wait until the server serves them."""
    found = documents(place)
    wanted = [document for document in found if document["kind"] == "CustomResourceDefinition"]
    rules = [document for document in found if document["kind"].startswith("ValidatingAdmissionPolicy")]
    for document in [*wanted, *rules]:
        admin.apply(document, manager="platform")
    deadline = time.monotonic() + _SECONDS
    for served in {kind for document in wanted for kind in _kinds(document)}:
        while served not in kinds(admin.transport, served.api_version) or not _described(admin, served):
            assert time.monotonic() < deadline, f"{served.resource} is not served"
            time.sleep(0.05)
    for document in wanted:
        conditions = (admin.get(CRDS, document["metadata"]["name"]) or {})["status"]["conditions"]
        bad = [entry for entry in conditions if entry["type"] == "NonStructuralSchema" and entry["status"] == "True"]
        assert not bad, (document["metadata"]["name"], bad)


def _described(admin: Cluster, kind: ObjectKind) -> bool:
    """Whether the server's OpenAPI document has the kind, which it does a moment after it serves it."""
    try:
        return has_field(admin.transport, kind, ())
    except ClusterError as error:
        assert error.reason == "unserved", error
        return False


def _kinds(document: dict[str, Any]) -> list[ObjectKind]:
    spec = document["spec"]
    return [
        ObjectKind(
            spec["group"],
            version["name"],
            spec["names"]["plural"],
            spec["names"]["kind"],
            namespaced=spec["scope"] == "Namespaced",
        )
        for version in spec["versions"]
        if version["served"]
    ]
