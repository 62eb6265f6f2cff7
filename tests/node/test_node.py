"""On a whole Kubernetes node: real pods, Services, volumes and rolling updates; KServe's and Katib's controllers are played."""

import subprocess

import pytest

from headrace.cluster.client import Document
from headrace.cluster.kinds import CLAIMS, PODS
from headrace.stores.objects import connect
from tests.conftest import headrace
from tests.node.conftest import STORE, Place
from tests.node.kserve_controller import Controller
from tests.node.pods import wait_for

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker, pytest.mark.timeout(900)]


def test_the_object_store_keeps_its_data_when_its_pod_is_killed(place: Place) -> None:
    """The overlay's store runs on a volume of its own; another pod takes that over, with all that it held."""
    store = connect(place.outside)
    store.put_bytes("kept/one.txt", b"one")
    before = place.cluster.get(PODS, f"{STORE}-0")
    assert before
    place.node.kubectl("-n", place.cluster.namespace, "delete", "pod", f"{STORE}-0", "--grace-period=0", "--force")
    wait_for(lambda: another(place, before), "another pod")
    assert connect(place.outside).get_bytes("kept/one.txt") == b"one"
    (claim,) = place.cluster.list(CLAIMS)
    assert claim["status"]["phase"] == "Bound"
    assert claim["status"]["capacity"]["storage"] == "2Gi"


def another(place: Place, before: Document) -> bool:
    """Whether a pod of the same name took another's place, and is ready."""
    found = place.cluster.get(PODS, before["metadata"]["name"])
    conditions = ((found or {}).get("status") or {}).get("conditions") or []
    is_ready = any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
    return bool(found) and is_ready and found["metadata"]["uid"] != before["metadata"]["uid"]


def test_a_model_answers_before_its_pod_is_ready_to_be_asked(place: Place, platform: Controller, uris: list[str]) -> None:
    """x."""
    ended = deploy(place, platform, uris[0], "--name", "first")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(ended.stdout)
    ended = deploy(place, platform, uris[1], "--name", "first")
    print(ended.stdout, ended.stderr)
    ended = deploy(place, platform, uris[2], "--name", "first")
    print(ended.stdout, ended.stderr)
    assert 0


def deploy(place: Place, platform: Controller, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, run on this machine: outside of the cluster, through its gateway."""
    there = {**place.outside.environment(), "KUBECONFIG": place.node.kubeconfig, "HEADRACE_GATEWAY": platform.ingress.address}
    return headrace("deploy", *arguments, "--namespace", place.cluster.namespace, **there)
