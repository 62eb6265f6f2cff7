"""Rollouts on KServe: a real API server and real servers, KServe's controllers played (see tests/serving)."""

import csv
import os
import secrets
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.core.base.errors import ClusterError, InputError
from headrace.core.base.settings import StoreSettings
from headrace.rollouts.controller import start
from headrace.rollouts.kserve import KServeRollout, choose_traffic, has_canary, make_parts
from headrace.rollouts.record.config_map_store import ConfigMapRecordStore
from headrace.rollouts.record.record import loads
from headrace.rollouts.step import StepOptions, rollout_step
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve_wait import SupersededError
from headrace.serving.deployment.local import Endpoint
from headrace.serving.deployment.target import DeploymentTarget
from headrace.stores.bundles.bundle_store import publish
from headrace.stores.objects.object_store import connect
from tests import fork_server
from tests.cluster.api_server import ApiServer, api_server
from tests.cluster.platform import folder as crds
from tests.cluster.platform import install
from tests.conftest import headrace, write_table
from tests.rollouts import bundles
from tests.rollouts.local import kept
from tests.serving.kserve_fixtures import (
    Placed,
    configured,
    digest,
    knative_place,
    kserve_place,
    placed,
    rclone_settings,
)
from tests.serving.kserve_knative import KnativePlatform

__all__ = ["knative_place", "kserve_place", "rclone_settings"]

pytestmark = [pytest.mark.kubernetes, pytest.mark.usefixtures("default_signals")]

PLAN = start.make_plan(
    steps=(10, 50, 100),
    step_requests=100,
    step_duration_seconds=0.5,
    step_timeout_seconds=120,
    poll_interval_seconds=0.5,
    floor_ms=50,
    tolerances={"errors": 0.05, "slow": 0.2, "shift": 2.0},
)


@pytest.fixture(scope="module")
def versions(rclone_settings: StoreSettings, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Addresses of a stable version, a good candidate, and one that refuses a third of the requests."""
    folder, store = tmp_path_factory.mktemp("versions"), connect(rclone_settings)
    kinds = {"stable": bundles.stable, **bundles.CANDIDATES}
    return {key: publish(kinds[key](folder / key).folder, store) for key in ("stable", "good", "strict")}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What clients ask."""
    path = write_table(tmp_path_factory.mktemp("rows") / "rows.csv", rows=500, seed=99)
    with path.open(newline="") as stream:
        return [
            {**row, "age": int(row["age"]), "spend": float(row["spend"]) if row["spend"] else None}
            for row in csv.DictReader(stream)
            if row.pop("churn")
        ]


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"r{secrets.token_hex(3)}"


@contextmanager
def clients(place: Placed, url: str, rows: list[dict[str, Any]]) -> Iterator[Counter[int]]:
    """Clients that ask all the time; gives the statuses that they got."""
    statuses: Counter[int] = Counter()
    ended = threading.Event()

    def ask(number: int) -> None:
        with EndpointClient.at(url, gateway=place.platform.ingress.address) as remote:
            while not ended.is_set():
                number = (number + 1) % len(rows)
                statuses[remote.predict([rows[number]]).status] += 1

    threads = [threading.Thread(target=ask, args=(100 * number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)


def parts(place: Placed, name: str, candidate: str = "", traffic: str = "") -> start.RolloutParts:
    """What a rollout is made of, of an account that has the rights of the guide."""
    return make_parts(KServeRollout(name, candidate, traffic), place.roller)


def deployed(place: Placed, uri: str, name: str) -> Endpoint:
    """An endpoint; the cluster may serve Knative too, and canaries want the word Standard."""
    mode = "Knative" if isinstance(place.platform, KnativePlatform) else "Standard"
    return replace(place.deployer, target=replace(place.deployer.target, mode=mode)).deploy(uri, name=name)


def served(place: Placed, url: str) -> set[str]:
    """Digests that answer."""
    with EndpointClient.at(url, gateway=place.platform.ingress.address) as remote:
        return {remote.digest() for _ in range(5)}


def spec(place: Placed, name: str) -> Any:
    """Specification of an InferenceService."""
    found = place.cluster.get(INFERENCE_SERVICES, name)
    assert found is not None
    return found["spec"]


def quiet(_: str) -> None:
    """Say nothing."""


WAYS = {"canary": "kserve_place", "graph": "kserve_place", "knative": "knative_place"}


@pytest.fixture
def place(request: pytest.FixtureRequest, way: str) -> Placed:
    """Where requests can be divided in a way."""
    found: Placed = request.getfixturevalue(WAYS[way])
    return found


def asked_at(place: Placed, name: str, way: str, url: str) -> str:
    """Where clients ask."""
    graph = f"http://{name}-split-{place.cluster.namespace}.example.com/v1/models/{name}:predict"
    return graph if way == "graph" else url


@pytest.mark.parametrize("way", WAYS)
def test_a_good_candidate_is_promoted(
    way: str, place: Placed, versions: dict[str, str], rows: list[dict[str, Any]], name: str
) -> None:
    """No request of a client fails, and in the end the endpoint's own address gives the new digest alone."""
    first = deployed(place, versions["stable"], name)
    rolled = parts(place, name, versions["good"], way)
    if way == "graph":
        rolled.traffic.prepare()  # clients are told of the graph before anything is rolled out
    with clients(place, asked_at(place, name, way, first.url), rows) as statuses:
        record = start.begin(rolled, PLAN, say=quiet)
    assert record.status == "promoted", record.reasons
    assert set(statuses) == {200}
    assert (record.stable.digest, record.candidate.digest) == (digest(versions["stable"]), digest(versions["good"]))
    assert [step.percent for step in record.steps] == [10, 50]
    for step in record.steps:
        mine, others = step.candidate.counts().requests, step.stable.counts().requests
        assert abs(mine / (mine + others) - step.percent / 100) < 0.1
    assert served(place, first.url) == {digest(versions["good"])}
    now = spec(place, name)
    assert not now.get("canary")
    assert "canaryTrafficPercent" not in now["predictor"]
    assert place.cluster.get(INFERENCE_SERVICES, f"{name}-candidate") is None
    kept = rolled.store.load()
    assert kept is not None
    assert kept.record == record
    if way == "graph":
        assert record.url == asked_at(place, name, way, first.url)
    place.cluster.delete(INFERENCE_SERVICES, name)


@pytest.mark.parametrize("way", WAYS)
def test_a_bad_candidate_is_sent_back(
    way: str, place: Placed, versions: dict[str, str], rows: list[dict[str, Any]], name: str
) -> None:
    """The InferenceService is as it was before, and clients lost no more than the candidate's share."""
    first = deployed(place, versions["stable"], name)
    before = spec(place, name)
    rolled = parts(place, name, versions["strict"], way)
    if way == "graph":
        rolled.traffic.prepare()
    with clients(place, asked_at(place, name, way, first.url), rows) as statuses:
        record = start.begin(rolled, PLAN, say=quiet)
    assert record.status == "rolled_back", record.reasons
    assert "requests that failed" in record.reasons[0]
    assert set(statuses) == {200, 400}
    assert statuses[400] < 0.2 * statuses[200]
    assert spec(place, name) == before
    assert served(place, first.url) == {digest(versions["stable"])}
    assert place.cluster.get(INFERENCE_SERVICES, f"{name}-candidate") is None
    place.cluster.delete(INFERENCE_SERVICES, name)


@pytest.mark.parametrize("way", WAYS)
def test_a_candidate_that_does_not_come_up_leaves_nothing(
    way: str, place: Placed, versions: dict[str, str], name: str
) -> None:
    """The reason is told, the record says that it failed, and what answered before answers alone."""
    first = deployed(place, versions["stable"], name)
    before = spec(place, name)
    place.platform.faults = {digest(versions["good"]): "image"}
    try:
        with pytest.raises(ClusterError, match="cannot be pulled"):
            start.begin(parts(place, name, versions["good"], way), PLAN, say=quiet)
    finally:
        place.platform.faults = {}
    assert spec(place, name) == before
    assert place.cluster.get(INFERENCE_SERVICES, f"{name}-candidate") is None
    assert served(place, first.url) == {digest(versions["stable"])}
    kept = parts(place, name, versions["good"], way).store.load()
    assert kept is not None
    assert kept.record.status == "failed"
    assert "cannot be pulled" in kept.record.reasons[0]
    place.cluster.delete(INFERENCE_SERVICES, name)


def test_a_promotion_that_fails_is_taken_back(
    kserve_place: Placed, versions: dict[str, str], rows: list[dict[str, Any]], name: str
) -> None:
    """Behind a graph the endpoint itself changes last; if its pods do not come up, no client notices."""
    first = deployed(kserve_place, versions["stable"], name)
    before = spec(kserve_place, name)
    rolled = parts(kserve_place, name, versions["good"], "graph")
    rolled.traffic.prepare()

    def break_it(text: str) -> None:
        if text.startswith("100 %"):
            kserve_place.platform.faults = {digest(versions["good"]): "image"}

    try:
        with (
            clients(kserve_place, asked_at(kserve_place, name, "graph", first.url), rows) as statuses,
            pytest.raises(ClusterError, match="cannot be pulled"),
        ):
            start.begin(rolled, PLAN, say=break_it)
    finally:
        kserve_place.platform.faults = {}
    assert statuses.total() > 100
    assert set(statuses) == {200}
    assert spec(kserve_place, name) == before
    assert served(kserve_place, first.url) == {digest(versions["stable"])}
    kept_there = rolled.store.load()
    assert kept_there is not None
    assert kept_there.record.status == "failed"
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


@pytest.mark.parametrize("way", WAYS)
def test_another_process_goes_on_or_ends_it(way: str, place: Placed, versions: dict[str, str], name: str) -> None:
    """An interrupted rollout is held; it is known by its record alone, is gone on with, and is ended."""
    first = deployed(place, versions["stable"], name)
    before = spec(place, name)

    def interrupt(text: str) -> None:
        if "requests" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start.begin(parts(place, name, versions["good"], way), PLAN, say=interrupt)
    other = parts(place, name)
    kept = start.require_open(other)
    assert kept.record.status == "held"
    with pytest.raises(InputError, match="is under way"):
        start.begin(parts(place, name, versions["strict"], way), PLAN, say=quiet)
    with pytest.raises(KeyboardInterrupt):
        start.resume(other, say=interrupt)
    assert start.abort(parts(place, name)).status == "aborted"
    assert spec(place, name) == before
    assert served(place, first.url) == {digest(versions["stable"])}
    place.cluster.delete(INFERENCE_SERVICES, name)


def test_an_api_server_that_dies_meanwhile_does_no_harm(
    rclone_settings: StoreSettings, versions: dict[str, str], rows: list[dict[str, Any]], name: str, tmp_path: Path
) -> None:
    """A good candidate is promoted by the one that comes back."""
    with api_server() as server:
        install(server.admin(), crds())
        with placed(server, rclone_settings, tmp_path / "node") as place:
            first = deployed(place, versions["stable"], name)
            died: list[threading.Thread] = []

            def die() -> None:
                server.kill()
                time.sleep(2)
                server.start()

            def kill(text: str) -> None:
                if "requests" in text and not died:
                    died.append(threading.Thread(target=die))
                    died[0].start()

            with clients(place, first.url, rows) as statuses:
                record = start.begin(parts(place, name, versions["good"], "canary"), PLAN, say=kill)
            died[0].join(60)
    assert record.status == "promoted", record.reasons
    assert set(statuses) == {200}


def test_what_somebody_else_deploys_meanwhile_is_left_alone(
    kserve_place: Placed, versions: dict[str, str], name: str
) -> None:
    """A third version is neither divided nor taken back."""
    deployed(kserve_place, versions["stable"], name)
    rolled = parts(kserve_place, name, versions["good"], "graph")
    rolled.traffic.find()
    kserve_place.deployer.deploy(versions["strict"], name=name)
    for act in (rolled.traffic.prepare, rolled.traffic.restore, rolled.traffic.promote):
        with pytest.raises(SupersededError, match="somebody changed it"):
            act()
    assert kserve_status.source({"spec": spec(kserve_place, name)}) == versions["strict"]
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_what_cannot_be_is_refused(kserve_place: Placed, versions: dict[str, str], name: str) -> None:
    """No endpoint, the same version, an endpoint that somebody else deployed, and options that contradict."""
    with pytest.raises(InputError, match="there is no InferenceService"):
        parts(kserve_place, name, versions["good"])
    deployed(kserve_place, versions["stable"], name)
    with pytest.raises(InputError, match="must be another version"):
        start.begin(parts(kserve_place, name, versions["stable"]), PLAN, say=quiet)
    with pytest.raises(InputError, match="--traffic must be"):
        KServeRollout(name, traffic="mesh")
    with pytest.raises(InputError, match="by both queries"):
        KServeRollout(name, labelled_query="up", prometheus="http://p:9090")
    theirs = dict(spec(kserve_place, name))
    kserve_place.cluster.apply(
        {
            "apiVersion": INFERENCE_SERVICES.api_version,
            "kind": "InferenceService",
            "metadata": {"name": f"{name}-x"},
            "spec": theirs,
        },
        manager="kubectl",
    )
    with pytest.raises(InputError, match="must have been deployed by headrace"):
        parts(kserve_place, f"{name}-x", versions["good"], "canary").traffic.prepare()
    for one in (name, f"{name}-x"):
        kserve_place.cluster.delete(INFERENCE_SERVICES, one)


@pytest.mark.parametrize("document", ["rollout-by-a-canary", "rollout-by-knative", "rollout-by-a-graph"])
def test_the_golden_objects_are_accepted(kserve_place: Placed, repository: Path, document: str) -> None:
    """The API server takes each, by its schema and rules, and would change nothing of it."""
    wanted = yaml.safe_load((repository / "tests" / "golden" / "kserve" / f"{document}.yaml").read_text())
    made = kserve_place.cluster.apply(wanted, dry_run=True)
    assert made["spec"] == wanted["spec"]


def test_the_way_is_found_by_asking(kserve_place: Placed, knative_place: Placed, versions: dict[str, str]) -> None:
    """The schema says whether there are canaries, KServe's configuration whether they get requests."""
    standard: Any = {"metadata": {"annotations": {"serving.kserve.io/deploymentMode": "Standard"}}}
    knative: Any = {"metadata": {}, "status": {"deploymentMode": "Knative"}}
    admin, roller = kserve_place.cluster, kserve_place.roller.cluster
    assert has_canary(roller), "every account may read the schema"
    assert choose_traffic(roller, knative) == "knative"
    assert choose_traffic(admin, standard) == "graph", "nothing says that the Gateway API is used"
    with configured(admin, ingress={"enableGatewayApi": True}):
        assert choose_traffic(admin, standard) == "canary"
        assert choose_traffic(admin, {"metadata": {}, "status": {"deploymentMode": "Standard"}}) == "graph"
        assert choose_traffic(roller, standard) == "graph", "it may not read the configuration"


def test_a_step_that_is_tried_again_goes_on(
    kubernetes: ApiServer,
    kserve_place: Placed,
    versions: dict[str, str],
    rows: list[dict[str, Any]],
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first attempt was ended; the second one has the same arguments, and counts on."""
    first = deployed(kserve_place, versions["stable"], name)
    for key, value in kserve_place.deployer.store.environment().items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("KUBECONFIG", str(kubernetes.kubeconfig))
    there = KServeRollout(
        name,
        versions["good"],
        "canary",
        DeploymentTarget("kserve", kserve_place.cluster.namespace, gateway=kserve_place.platform.ingress.address),
    )
    wanted = StepOptions("kserve", PLAN, kserve=there)
    texts: list[str] = []

    def interrupt(text: str) -> None:
        texts.append(text)
        if "requests" in text:
            raise KeyboardInterrupt

    with clients(kserve_place, first.url, rows):
        with pytest.raises(KeyboardInterrupt):
            rollout_step(wanted, record=tmp_path / "record", say=interrupt)
        assert texts[-1] == "it was interrupted: the candidate gets no request until it is resumed."
        facts = rollout_step(wanted, record=tmp_path / "record")
    assert (facts["status"], facts["digest"]) == ("promoted", digest(versions["good"]))
    found = loads((tmp_path / "record").read_bytes(), "it")
    assert "another process resumed it." in [one.text for one in found.history]
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_the_command_is_ended_and_goes_on(
    kubernetes: ApiServer,
    kserve_place: Placed,
    versions: dict[str, str],
    rows: list[dict[str, Any]],
    name: str,
    tmp_path: Path,
) -> None:
    """SIGTERM takes the candidate's share away at once; another process sees that, and brings it to its end."""
    first = deployed(kserve_place, versions["stable"], name)
    environment = {
        **kserve_place.deployer.store.environment(),
        "KUBECONFIG": str(kubernetes.kubeconfig),
        "HEADRACE_GATEWAY": kserve_place.platform.ingress.address,
    }
    there = ["rollout", name, "--namespace", kserve_place.cluster.namespace]
    plan = [
        "--steps",
        "10,50,100",
        "--step-requests",
        "100",
        "--step-duration",
        "8s",
        "--poll-interval",
        "1s",
        "--floor-ms",
        "50",
    ]
    bounds = [word for bound in ("errors=0.05", "slow=0.2", "shift=2") for word in ("--tolerance", bound)]
    wanted = ["--candidate", versions["good"], "--traffic", "canary", *plan, *bounds]
    with clients(kserve_place, first.url, rows) as statuses:
        running = subprocess.Popen(
            [fork_server.python(), "-m", "headrace.cli.main", *there, *wanted],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            memory = ConfigMapRecordStore(kserve_place.cluster, name)
            deadline = time.monotonic() + 120
            while not ((found := memory.load()) and found.record.steps and found.record.steps[-1].polls):
                assert time.monotonic() < deadline
                time.sleep(0.2)
            running.terminate()
            told, _ = running.communicate(timeout=60)
        finally:
            running.kill()
            running.wait()
        assert running.returncode == 143, told
        assert spec(kserve_place, name)["canary"][0]["trafficPercent"] == 0
        assert "held at 10 %" in headrace(*there, "--status", **environment).stdout
        assert headrace(*there, "--pause", **environment).returncode == 2
        ended = headrace(*there, "--resume", "-o", str(tmp_path), **environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
    assert set(statuses) == {200}
    assert (last := memory.load()) is not None
    assert kept(tmp_path) == last.record
    assert f"{name}: promoted" in headrace(*there, "--status", **environment).stdout
    assert served(kserve_place, first.url) == {digest(versions["good"])}
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)
