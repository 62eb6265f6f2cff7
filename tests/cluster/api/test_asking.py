"""Version, kinds, rights, logs and events, asked of a real API server."""

import time

import pytest

from headrace.cluster.api import discovery
from headrace.cluster.api.access_review import AccessRight, may
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, EXPERIMENTS, INFERENCE_SERVICES, NAMESPACES, PODS, ObjectKind
from headrace.cluster.api.pods import events, logs
from headrace.core.base.errors import ClusterError, MissingError
from tests.cluster.api.test_watch import grant
from tests.cluster.api_server import account

pytestmark = pytest.mark.kubernetes


def test_the_version(cluster: Cluster) -> None:
    """It is read as text and as numbers."""
    found = discovery.version(cluster.transport)
    assert found.text.startswith(f"v{found.major}.{found.minor}.")
    assert found.major == 1
    assert found.platform.startswith("linux/")


def test_groups_and_kinds(cluster: Cluster) -> None:
    """What is installed is found, what is not is not."""
    groups = discovery.groups(cluster.transport)
    assert groups[""] == ["v1"]
    assert groups["serving.kserve.io"][0] in {"v1beta1", "v1alpha1"}
    assert set(groups["serving.kserve.io"]) == {"v1beta1", "v1alpha1"}
    for kind in (PODS, NAMESPACES, INFERENCE_SERVICES, EXPERIMENTS):
        assert discovery.serves(cluster.transport, kind), kind
    for kind in (
        ObjectKind("nobody.example", "v1", "things", "Thing"),
        ObjectKind("apps", "v9", "deployments", "Deployment"),
    ):
        assert not discovery.serves(cluster.transport, kind)
    assert discovery.find_kind(cluster.transport, "apps/v1", "Nothing") is None


def test_rights_are_told_as_the_server_decides_them(cluster: Cluster) -> None:
    """An account knows its own rights, and an administrator those of others."""
    reader = account(cluster, "reader")
    rule = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get"], "resourceNames": ["a"]}
    grant(cluster, "reader", rule)
    wanted = {
        AccessRight("get", PODS, name="a"): True,
        AccessRight("get", PODS, name="a", subresource="log"): True,
        AccessRight("get", PODS, name="b"): False,
        AccessRight("list", PODS): False,
        AccessRight("get", CONFIG_MAPS, name="a"): False,
        AccessRight("get", PODS, name="a", namespace="default"): False,
        AccessRight("get", NAMESPACES): False,
    }
    # The server decides by what its watch has seen, which follows a grant by some moments.
    deadline = time.monotonic() + 30
    while not may(reader, AccessRight("get", PODS, name="a")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert {right: may(reader, right) for right in wanted} == wanted
    here = {right: allowed for right, allowed in wanted.items() if right.namespace != "default"}
    assert {right: may(cluster, right, service_account="reader") for right in here} == here
    assert may(cluster, AccessRight("delete", NAMESPACES))


def test_who_may_not_ask_for_others_is_told(cluster: Cluster) -> None:
    """Asking for another account takes a right of its own."""
    with pytest.raises(ClusterError, match="cannot create resource") as caught:
        may(account(cluster, "reader"), AccessRight("get", PODS), service_account="other")
    assert caught.value.reason == "forbidden"


def test_a_right_is_told_in_words() -> None:
    """As kubectl words it."""
    right = AccessRight("create", INFERENCE_SERVICES, name="heart", subresource="status", namespace="models")
    assert str(right) == "create inferenceservices/status.serving.kserve.io heart in models"


def _event(name: str, uid: str, reason: str, last: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name}.{reason.lower()}.{uid}"},
        "involvedObject": {"kind": "Pod", "name": name, "uid": uid},
        "type": "Warning",
        "reason": reason,
        "message": f"{reason}:\n in words",
        "lastTimestamp": last,
        "count": 3,
    }


def test_events_of_an_object(cluster: Cluster) -> None:
    """Only its own, the latest last, on one line; those of an earlier object can be left out."""
    for name, uid, reason, last in (
        ("a", "2", "Later", "2026-01-02T00:00:00Z"),
        ("a", "2", "Sooner", "2026-01-01T00:00:00Z"),
        ("a", "1", "Before", "2025-01-01T00:00:00Z"),
        ("b", "3", "Other", "2026-01-01T00:00:00Z"),
    ):
        event = _event(name, uid, reason, last)
        event["involvedObject"] = {**event["involvedObject"], "namespace": cluster.namespace}  # type: ignore[dict-item]
        cluster.create(event)
    assert [event.reason for event in events(cluster, "Pod", "a")] == ["Before", "Sooner", "Later"]
    first, _ = events(cluster, "Pod", "a", uid="2")
    assert (first.reason, first.message, first.count) == ("Sooner", "Sooner: in words", 3)
    assert events(cluster, "Deployment", "a") == []


def test_the_log_of_a_pod_that_never_ran(cluster: Cluster) -> None:
    """It is empty while nothing has run; a pod that is not there is missing."""
    with pytest.raises(MissingError, match='pods "a" not found'):
        logs(cluster, "a")
    container = {"name": "main", "image": "nothing"}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}})
    assert logs(cluster, "a") == ""
    assert logs(cluster, "a", container="main", lines=5) == ""
