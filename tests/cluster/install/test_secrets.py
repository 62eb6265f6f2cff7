"""What steps read of registry, catalogue and lineage, brought into a cluster."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from headrace.cluster.api.kinds import NAMESPACES, SECRETS
from headrace.cluster.install.secrets import put_records
from headrace.core.base import settings
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import RECORDS_SECRET
from tests.cluster.api_server import ApiServer

if TYPE_CHECKING:
    from headrace.cluster.api.client import Cluster

RECORDS = {"HEADRACE_REGISTRY": "https://mlflow.internal", "HEADRACE_REGISTRY_TOKEN": "t0ken"}


def test_only_what_is_set_is_brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that steps read, and no others."""
    for name in settings.RECORDS:
        monkeypatch.delenv(name, raising=False)
    assert settings.records() == {}
    for name, value in RECORDS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADRACE_CATALOG", "")
    monkeypatch.setenv("HEADRACE_S3_SECRET_KEY", "another's")
    assert settings.records() == RECORDS


@pytest.mark.kubernetes
def test_the_secret_holds_them_and_keeps_what_is_beside(kubernetes: ApiServer) -> None:
    """Written again, it takes the new values and leaves another manager's alone."""
    admin = kubernetes.admin("records")
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "records"}})
    try:
        beside = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": RECORDS_SECRET}}
        admin.apply({**beside, "data": {"HEADRACE_ACTOR": base64.b64encode(b"ci").decode()}}, manager="somebody")
        put_records(admin, {**RECORDS, "HEADRACE_REGISTRY": "http://elsewhere"})
        put_records(admin, RECORDS)
        data = (admin.get(SECRETS, RECORDS_SECRET) or {})["data"]
        assert {key: base64.b64decode(value).decode() for key, value in data.items()} == {
            **RECORDS,
            "HEADRACE_ACTOR": "ci",
        }
    finally:
        admin.delete(NAMESPACES, "records")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "HEADRACE_REGISTRY, HEADRACE_CATALOG or HEADRACE_OPENLINEAGE must be set"),
        ({"HEADRACE_REGISTRY": "headrace-out/registry.db"}, "HEADRACE_REGISTRY must be an address .* https://"),
        ({"HEADRACE_CATALOG": "sqlite:///catalog.db"}, "HEADRACE_CATALOG must be an address .* postgresql://"),
        ({"HEADRACE_OPENLINEAGE": "lineage.jsonl"}, "HEADRACE_OPENLINEAGE must be an address"),
    ],
)
def test_what_no_pod_reaches_is_refused(values: Mapping[str, str], says: str) -> None:
    """A file of this machine, or nothing at all: before the cluster is asked."""
    unasked: Cluster = object()  # type: ignore[assignment]  # any use of it would raise AttributeError
    with pytest.raises(InputError, match=says):
        put_records(unasked, values)
