"""What pods read of registry, catalogue, lineage and Kafka, brought into a cluster."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from headrace.cluster.api.kinds import NAMESPACES, SECRETS
from headrace.cluster.install.secrets import kafka_secret, put_kafka_login, put_records
from headrace.core.base import settings
from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.errors import InputError
from headrace.core.base.secret_names import RECORDS_SECRET
from tests.cluster.api_server import ApiServer
from tests.cluster.options import option

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


def test_a_login_at_kafka_is_written_for_pods_and_for_keda(tmp_path: Path) -> None:
    """Files go along, under the paths where pods of a stream find them; KEDA has words of its own for the same."""
    (tmp_path / "ca.pem").write_text("the authority")
    (tmp_path / "more").write_text("fetch.wait.max.ms=7")
    login = KafkaSettings(
        user="me",
        password="s3cret",
        sasl_mechanism="SCRAM-SHA-512",
        ca_file=str(tmp_path / "ca.pem"),
        file=str(tmp_path / "more"),
    )
    assert kafka_secret(login) == {
        "HEADRACE_KAFKA_USER": "me",
        "HEADRACE_KAFKA_PASSWORD": "s3cret",
        "HEADRACE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "HEADRACE_KAFKA_CA_FILE": "/kafka/ca.crt",
        "ca.crt": "the authority",
        "HEADRACE_KAFKA_SETTINGS_FILE": "/kafka/settings.properties",
        "settings.properties": "fetch.wait.max.ms=7",
        "keda-tls": "enable",
        "keda-sasl": "scram_sha512",
    }
    (worker,) = next(
        one["spec"]["template"]["spec"]["containers"] for one in option("stream") if one["kind"] == "StatefulSet"
    )
    assert "/kafka" in {one["mountPath"] for one in worker["volumeMounts"]}


@pytest.mark.parametrize(
    ("login", "keda"),
    [
        (KafkaSettings(), {"keda-tls": "disable"}),
        (KafkaSettings(user="me", password="p"), {"keda-tls": "enable", "keda-sasl": "plaintext"}),
        (
            KafkaSettings(user="me", password="p", security_protocol="SASL_PLAINTEXT"),
            {"keda-tls": "disable", "keda-sasl": "plaintext"},
        ),
        (KafkaSettings(security_protocol="SSL"), {"keda-tls": "enable"}),
        (KafkaSettings(security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER"), {"keda-tls": "enable"}),
    ],
)
def test_kedas_words_follow_the_login(login: KafkaSettings, keda: dict[str, str]) -> None:
    """What KEDA has no word for is left to a TriggerAuthentication of one's own.

    Behavior: KEDA refuses an empty ``tls``, and ``none`` for ``sasl``, while an empty ``sasl`` is none.
    Version: 2.17.0; 2.20 takes each of them. Source: its scaler, run against a broker.
    """
    assert {key: value for key, value in kafka_secret(login).items() if key.startswith("keda-")} == keda


def test_a_file_that_is_not_there_is_refused() -> None:
    """Before the cluster is asked."""
    unasked: Cluster = object()  # type: ignore[assignment]  # any use of it would raise AttributeError
    with pytest.raises(InputError, match=r"HEADRACE_KAFKA_CA_FILE must be a file of text; /nowhere/ca\.pem"):
        put_kafka_login(unasked, KafkaSettings(ca_file="/nowhere/ca.pem"))
