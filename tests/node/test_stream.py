"""A topic that is scored on a whole node: a real broker on this machine, workers as pods of the option ``stream``.

KEDA's part is played (``keda_scaler``): its formula gives the number of workers, which kubectl then sets.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import NODES, PODS, SCALED_OBJECTS
from headrace.cluster.install.secrets import put_kafka_login
from headrace.core.base.environment_values import KafkaSettings
from tests.conftest import headrace
from tests.node.commands import command
from tests.node.conftest import Place
from tests.node.keda_scaler import choose_replicas, measure_lag
from tests.node.kserve_controller import Controller, gone
from tests.node.pods import is_ready, kill_processes, said, wait_for, who_runs
from tests.node.topic_load import TopicLoad, under_load
from tests.real.kafka_server import KafkaServer, kafka_server
from tests.serving.kserve_fixtures import digest
from tests.serving.kserve_platform import LABEL

pytestmark = [
    pytest.mark.kubernetes,
    pytest.mark.kafka,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
STREAM, GROUP, PARTITIONS = "headrace-stream", "headrace-customers", 4
WORKERS = f"statefulset/{STREAM}"
BESIDE = "beside"
BACKLOG = 12_000


@pytest.fixture(scope="module")
def broker(place: Place) -> Iterator[KafkaServer]:
    """A broker on this machine, at the address of the node, which pods reach, with the login that their Secret has."""
    (node,) = place.cluster.list(NODES)
    host = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
    put_kafka_login(place.cluster, KafkaSettings("SASL_PLAINTEXT", user="admin", password="admin-secret"))
    with kafka_server(host=host) as server:
        yield server


def topics(server: KafkaServer, name: str) -> dict[str, str]:
    """Three topics that were created, as the ConfigMaps of the options name them."""
    named = {"EVENTS": name, "ANSWERS": f"{name}-answers", "DEAD_LETTERS": f"{name}-dead"}
    server.create(*named.values(), partitions=PARTITIONS)
    return {"BROKERS": server.secure_address, **named}


@dataclass(frozen=True)
class Overlay:
    """An overlay of one's own with some options, which is applied by kubectl.

    Attributes:
        place: Where.
        folder: The sources.
        components: The options.
    """

    place: Place
    folder: Path
    components: tuple[str, ...]

    def apply(self, config_map: str, data: dict[str, str], *patches: dict[str, Any]) -> None:
        """Apply it with a ConfigMap's values, and other patches."""
        own = self.folder / "-".join(self.components)
        own.mkdir(exist_ok=True)
        named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": config_map}, "data": data}
        document = {
            "namespace": self.place.cluster.namespace,
            "resources": ["../kustomize/overlays/local"],
            "components": [f"../kustomize/components/{one}" for one in self.components],
            "patches": [{"patch": yaml.safe_dump(named)}, *patches],
        }
        (own / "kustomization.yaml").write_text(yaml.safe_dump(document))
        self.place.node.kubectl("apply", "--server-side", "-k", str(own))


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources of the overlays and options."""
    folder = tmp_path_factory.mktemp("sources")
    assert headrace("cluster", "render", "local", "-o", str(folder), "--kustomize").returncode == 0
    return folder


@dataclass(frozen=True)
class Stream:
    """Workers on the node.

    Attributes:
        place: Where.
        overlay: What they were applied by.
        load: What they score.
        settings: Values of their ConfigMap, without the model.
    """

    place: Place
    overlay: Overlay
    load: TopicLoad
    settings: dict[str, str]

    def use(self, model: str) -> None:
        """Apply the overlay with a model."""
        self.overlay.apply(STREAM, {**self.settings, "MODEL": model, "GROUP": GROUP})

    def kubectl(self, *arguments: str) -> str:
        """What kubectl answers in the namespace."""
        return self.place.node.kubectl("-n", self.place.cluster.namespace, *arguments)

    def pods(self) -> dict[str, Document]:
        """The pods by name."""
        found = self.place.cluster.list(PODS, labels=f"app.kubernetes.io/name={STREAM}")
        return {one["metadata"]["name"]: one for one in found}

    def partitions(self) -> list[int]:
        """How many partitions each pod has that is ready, most first."""
        ready = [one for one in self.pods().values() if is_ready(one)]
        return sorted((int(metric(one, "assigned_partitions")) for one in ready), reverse=True)

    def wait_for_partitions(self, *counts: int) -> None:
        """Wait until that many pods are ready and share the partitions so."""
        wait_for(
            lambda: len(self.pods()) == len(counts) and self.partitions() == list(counts), f"partitions {counts}", 120
        )

    def lag(self) -> dict[int, int]:
        """The group's lag in offsets."""
        return measure_lag(self.load.server, GROUP, self.load.topic)

    def wanted(self) -> int:
        """How many workers KEDA wants."""
        return choose_replicas(self.place.cluster.get(SCALED_OBJECTS, STREAM) or {}, self.lag())


def metric(pod: Document, name: str) -> float:
    """The sum of a metric of a stream over its labels; -1 while nobody answers."""
    status, text = page(pod, "/metrics")
    lines = [line for line in text.splitlines() if line.startswith(f"headrace_stream_{name}")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) if status == 200 else -1


def page(pod: Document, path: str) -> tuple[int, str]:
    """Status and text of a page of a pod; 0 while nobody answers."""
    try:
        url = f"http://{pod['status'].get('podIP', '127.0.0.1')}:9466{path}"
        answer = urllib3.request("GET", url, retries=False, timeout=5)
    except urllib3.exceptions.HTTPError:
        return 0, ""
    return answer.status, answer.data.decode()


@pytest.fixture(scope="module")
def stream(place: Place, broker: KafkaServer, uris: list[str], sources: Path) -> Iterator[Stream]:
    """One worker, as the option brings it, before which a backlog lies."""
    settings = topics(broker, "events")
    load = TopicLoad(broker, "events")
    load.send(BACKLOG)
    made = Stream(place, Overlay(place, sources, ("stream", "stream-keda")), load, settings)
    made.use(uris[0])
    made.wait_for_partitions(4)
    yield made
    made.kubectl("delete", WORKERS, f"scaledobject/{STREAM}")


def test_keda_wants_workers_by_the_lag(stream: Stream) -> None:
    """A group that is new has all events before it; one worker for each 5,000 of them, and no more than partitions."""
    scaled = stream.place.cluster.get(SCALED_OBJECTS, STREAM) or {}
    new = measure_lag(stream.load.server, "nobody", stream.load.topic)
    assert sum(new.values()) >= BACKLOG
    assert choose_replicas(scaled, new) == 3
    assert choose_replicas(scaled, {**new, 0: 10**9}) == PARTITIONS
    assert stream.kubectl("get", WORKERS, "-o", "jsonpath={.spec.replicas}") == "1"


def test_a_worker_is_nobody_with_no_rights(stream: Stream) -> None:
    """Not root, no file to write but in /tmp, no token of the API; it is ready, and catches up."""
    (pod,) = stream.pods().values()
    assert who_runs(stream.place.node, pod) == ["10001", "read-only", "no-token"]
    assert page(pod, "/healthz") == (200, "ok\n")
    assert page(pod, "/readyz") == (200, "ok\n")
    wait_for(lambda: metric(pod, "lag_rows") == 0, "the end of the backlog")
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0
    assert said(stream.place.cluster, pod["metadata"]["name"]).count("Metrics:") == 1


def test_each_event_is_answered_once_while_pods_come_and_go(stream: Stream, uris: list[str]) -> None:
    """Under load: more workers, one killed with its pod, a new version, fewer workers; a reader counts the answers."""
    with under_load(stream.load):
        stream.kubectl("scale", WORKERS, "--replicas=3")
        stream.wait_for_partitions(2, 1, 1)
        killed = stream.pods()[f"{STREAM}-1"]
        assert kill_processes(killed)
        stream.kubectl("delete", "pod", f"{STREAM}-1", "--grace-period=0", "--force")
        wait_for(lambda: uid(stream, 1) not in {"", killed["metadata"]["uid"]}, "the pod's successor")
        stream.wait_for_partitions(2, 1, 1)
        stream.use(uris[1])
        assert stream.kubectl("get", WORKERS, "-o", "jsonpath={.spec.replicas}") == "3", "applying leaves it alone"
        stream.kubectl("rollout", "status", WORKERS, "--timeout=240s")
        stream.wait_for_partitions(2, 1, 1)
        stream.kubectl("scale", WORKERS, "--replicas=1")
        stream.wait_for_partitions(4)
    answers, letters = wait_for(lambda: read_all(stream), "an answer or a dead letter for each event")
    assert Counter(one.key() for one in [*answers, *letters]) == Counter(b"%d" % key for key in range(stream.load.sent))
    assert [dict(one.headers())["headrace-reason"] for one in letters] == [b"type"] * stream.load.poisoned
    documents = [(one.partition(), json.loads(one.value())) for one in answers]
    assert {document["model_digest"] for _, document in documents} == {digest(uris[0]), digest(uris[1])}
    for number in range(PARTITIONS):
        offsets = [document["event_offset"] for partition, document in documents if partition == number]
        assert offsets == sorted(offsets)


def read_all(stream: Stream) -> tuple[list[Any], list[Any]] | None:
    """Answers and dead letters as a reader of committed records sees them, once they are as many as the events.

    The broker confirms a transaction, and the group's positions, before each partition has its marker.
    """
    answers, letters = (stream.load.server.read(stream.settings[name]) for name in ("ANSWERS", "DEAD_LETTERS"))
    return (answers, letters) if len(answers) + len(letters) >= stream.load.sent else None


def uid(stream: Stream, number: int) -> str:
    """Identity of the pod of a number; empty while there is none."""
    return str(stream.pods().get(f"{STREAM}-{number}", {}).get("metadata", {}).get("uid", ""))


def test_a_topic_of_transactions_keeps_a_lag_without_an_event(stream: Stream) -> None:
    """Our own ``lag_rows`` is 0.

    Behavior: the end marker of a transaction takes an offset that no consumer commits, so that KEDA's lag stays at one
    for each partition, and workers never go to 0 unless ``activationLagThreshold`` is at least that.
    Version: Kafka 4.4.0, KEDA 2.20. Source: kedacore/keda#5675.
    """
    (pod,) = stream.pods().values()
    wait_for(lambda: metric(pod, "lag_rows") == 0, "the end of the topic")
    assert set(stream.lag().values()) == {1}
    assert stream.wanted() == 1


def test_a_stream_stands_beside_a_server(
    place: Place, platform: Controller, broker: KafkaServer, uris: list[str], sources: Path
) -> None:
    """In one pod, on the bundle that KServe fetched; deploying another version leaves it there, on the new bundle."""
    settings = topics(broker, "beside")
    load = TopicLoad(broker, "beside")
    load.send(200)
    assert command(place, platform, "deploy", uris[0], "--name", BESIDE).returncode == 0
    renamed = yaml.safe_dump([{"op": "replace", "path": "/metadata/name", "value": BESIDE}])
    Overlay(place, sources, ("stream-sidecar",)).apply(
        "headrace-stream-sidecar",
        {**settings, "GROUP": "headrace-beside"},
        {"target": {"kind": "InferenceService"}, "patch": renamed, "options": {"allowNameChange": True}},
    )
    ended = command(place, platform, "deploy", uris[1], "--name", BESIDE)
    assert ended.returncode == 0, ended.stdout + ended.stderr

    def found() -> list[Document]:
        pods = place.cluster.list(PODS, labels=f"{LABEL}={BESIDE}")
        return pods if len(pods) == 1 and is_ready(pods[0]) and len(pods[0]["spec"]["containers"]) == 2 else []

    (pod,) = wait_for(found, "a pod of both")
    load.send(200)
    wait_for(lambda: metric(pod, "ready") == 1 and len(broker.read(settings["ANSWERS"])) >= 392, "the answers")
    answers = [json.loads(one.value()) for one in broker.read(settings["ANSWERS"])]
    letters = broker.read(settings["DEAD_LETTERS"])
    assert (len(answers), len(letters)) == (392, 8)
    assert answers[-1]["model_digest"] == digest(uris[1])
    assert digest(uris[1]) in page(pod, "/metrics")[1]
    assert who_runs(place.node, pod, "stream")[1:] == ["read-only", "no-token"]
    assert command(place, platform, "deploy", "--delete", "--name", BESIDE).returncode == 0
    wait_for(lambda: gone(place.cluster, BESIDE), "the endpoint's end")
