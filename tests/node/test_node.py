"""On a whole Kubernetes node: real pods, Services, volumes and rolling updates; KServe's and Katib's controllers are played."""

import subprocess
import time
from collections.abc import Iterator

import pytest

from headrace.cluster.client import Document
from headrace.cluster.kinds import CLAIMS, PODS
from headrace.cluster.pods import events
from headrace.serving.endpoint import Remote
from headrace.stores.objects import connect
from tests.conftest import headrace, write_table
from tests.node.conftest import STORE, Place
from tests.experiments.katib_controller import katib
from tests.node.katib_jobs import on_node
from tests.node.steps import Steps, run_pipeline, steps
from tests.node.kserve_controller import Controller, gone
from tests.node.load import load
from tests.node.pods import wait_for
from tests.serving.conftest import GOOD
from tests.serving.kserve_fixtures import digest
from tests.serving.kserve_platform import LABEL

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker, pytest.mark.timeout(900)]
NAME = "heart"
_WHO = (
    "id -u; touch /opt/x 2>/dev/null && echo writable || echo read-only; "
    "test -e /var/run/secrets/kubernetes.io && echo token || echo no-token"
)


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


def command(place: Place, platform: Controller, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, run on this machine: outside of the cluster, through its gateway."""
    told = {**place.outside.environment(), "KUBECONFIG": place.node.kubeconfig, "HEADRACE_GATEWAY": platform.ingress.address}
    return headrace(*arguments, "--namespace", place.cluster.namespace, **told)


@pytest.fixture(scope="module")
def served(place: Place, platform: Controller, uris: list[str]) -> str:
    """The first version, deployed from outside; where its Service is."""
    ended = command(place, platform, "deploy", uris[0], "--name", NAME, "--replicas", "2")
    assert ended.returncode == 0, ended.stderr
    assert f"{NAME} in {place.cluster.namespace} (Standard) answers with {digest(uris[0])[:12]}." in ended.stdout
    return platform.gateway.addresses[platform.host(f"{NAME}-predictor")]


def server_pods(place: Place) -> list[Document]:
    """The model's pods that are not on their way out."""
    found = place.cluster.list(PODS, labels=f"{LABEL}={NAME}")
    return [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]


def answering(address: str) -> set[str]:
    """Digests of the bundles that answer at an address."""
    found = set()
    for _ in range(8):
        with Remote.at(f"http://{address}/v1/models/{NAME}:predict") as remote:
            found.add(remote.digest())
    return found


def test_servers_run_as_nobody_and_are_ready_once_the_model_answers(
    place: Place, platform: Controller, served: str, uris: list[str]
) -> None:
    """Each pod runs as the user that the namespace gives it, without a token; its probe asks for the model."""
    pods = server_pods(place)
    assert len(pods) == 2
    for pod in pods:
        told = place.node.kubectl("-n", place.cluster.namespace, "exec", pod["metadata"]["name"], "--", "sh", "-c", _WHO)
        assert told.split() == [str(platform.user), "read-only", "no-token"]
        (container,) = pod["spec"]["containers"]
        assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"
    assert answering(served) == {digest(uris[0])}
    reasons = {(event.reason, event.message) for pod in pods for event in events(place.cluster, "Pod", pod["metadata"]["name"])}
    assert not {reason for reason in reasons if reason[0] in {"BackOff", "Failed"}}


def test_a_new_version_takes_over_under_load(place: Place, platform: Controller, served: str, uris: list[str]) -> None:
    """Every request is answered while pods are replaced; then the earlier version is deployed again, likewise."""
    for uri in (uris[1], uris[0]):
        with load(served, NAME, GOOD) as found:
            ended = command(place, platform, "deploy", uri, "--name", NAME, "--replicas", "2")
            assert ended.returncode == 0, ended.stderr
            wait_for(lambda: len(all_pods(place)) == 2, "the end of the old pods")
        assert found.flawless(), found
        assert answering(served) == {digest(uri)}


def test_a_broken_version_is_taken_back_under_load(
    place: Place, platform: Controller, served: str, uris: list[str]
) -> None:
    """What served before serves on; the command says in one sentence what is wrong and what answers."""
    with load(served, NAME, GOOD) as found:
        ended = command(place, platform, "deploy", uris[2], "--name", NAME, "--replicas", "2")
        wait_for(lambda: len(all_pods(place)) == 2, "the end of the broken pods")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "card.md is missing" in ended.stderr
    assert ended.stderr.rstrip().endswith(f"{NAME} answers with {digest(uris[0])[:12]} as before.")
    assert found.flawless(), found
    assert answering(served) == {digest(uris[0])}


def test_a_deleted_pod_finishes_what_it_was_asked(place: Place, platform: Controller, served: str) -> None:
    """A server that is deleted answers until nobody asks it any more, and another one takes its place."""
    name = server_pods(place)[0]["metadata"]["name"]
    with load(served, NAME, GOOD) as found:
        time.sleep(1)
        place.cluster.delete(PODS, name)
        wait_for(lambda: place.cluster.get(PODS, name) is None, "the pod's end")
        wait_for(lambda: ready_pods(place) == 2, "another pod")
    assert found.flawless(), found


def all_pods(place: Place) -> list[Document]:
    """The model's pods, those on their way out too."""
    return place.cluster.list(PODS, labels=f"{LABEL}={NAME}")


def ready_pods(place: Place) -> int:
    """How many of the model's pods are ready."""
    return sum(is_ready(pod) for pod in server_pods(place))


def is_ready(pod: Document | None) -> bool:
    """Whether a pod is ready."""
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def another(place: Place, before: Document) -> bool:
    """Whether a pod of the same name took another's place, and is ready."""
    found = place.cluster.get(PODS, before["metadata"]["name"])
    return is_ready(found) and found["metadata"]["uid"] != before["metadata"]["uid"]


def test_an_endpoint_is_removed_with_all_that_it_had(place: Place, platform: Controller, served: str) -> None:
    """Its Deployment, its Service and its pods go with it."""
    ended = command(place, platform, "deploy", "--remove", "--name", NAME)
    assert ended.returncode == 0, ended.stderr
    wait_for(lambda: gone(place.cluster, NAME), "its end")


@pytest.fixture(scope="module")
def line(place: Place, platform: Controller, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steps]:
    """The whole line on the node: the table from its store, the search on Katib, the endpoint on KServe."""
    table = "raw/customers.csv"
    folder = tmp_path_factory.mktemp("line")
    connect(place.outside).put_file(table, write_table(folder / "customers.csv"))
    arguments = {
        "source": f"s3://{place.inside.bucket}/{table}",
        "target": "churn",
        "name": "customers",
        "experiment": "logistic",
        "budget": "2",
        "search_on": "katib",
        "cleanup": "never",
    }
    with (
        steps(place.cluster, place.image, folder / "steps") as made,
        katib(place.cluster, on_node(place.cluster)),
        pytest.MonkeyPatch.context() as patch,
    ):
        run_pipeline(made, "training", arguments, patch)
        yield made


def test_each_step_runs_as_a_pod_of_its_account(place: Place, line: Steps) -> None:
    """x."""
    for name, (code, log) in line.ran.items():
        print(name, code, log[-300:])
    print(line.events()[-3:])
    assert 0
