"""Processes that are killed by SIGKILL in the middle, and what tidying makes of what they leave."""

import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CONFIG_MAPS, EXPERIMENTS, INFERENCE_SERVICES, LEASES
from headrace.cluster.api.lease import LeaseClaim
from headrace.cluster.api.lease_document import LeaseSubject, all_leases
from headrace.cluster.api.transport import ApiRequest
from headrace.cluster.install.manifests import InstallOptions, render
from headrace.core.base.errors import ClusterError, InputError
from headrace.rollouts.cleanup import clean_up, examine, find
from headrace.rollouts.controller import start
from headrace.rollouts.record.config_map_store import ConfigMapRecordStore, name_of
from headrace.rollouts.record.record import RolloutRecord
from headrace.rollouts.record.record_store import TakenOverError
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.recovery import claim_of, undo
from tests.cluster.api.test_crds import experiment
from tests.cluster.api_server import ApiServer, account
from tests.conftest import headrace
from tests.core import made as tables
from tests.experiments.tuners.test_katib import STEP, own
from tests.rollouts.record.test_record_store import RECORD
from tests.rollouts.test_kserve import WAYS, clients, deployed, parts, rows, served, spec, versions
from tests.serving.kserve_fixtures import Placed, digest, grant, knative_place, kserve_place, rclone_settings

__all__ = ["knative_place", "kserve_place", "rclone_settings", "rows", "versions"]

pytestmark = pytest.mark.kubernetes
SECONDS = 3


@dataclass(frozen=True)
class Killed:
    """A process that may be killed, stopped and woken.

    Attributes:
        process: It.
        environment: What it and others are told.
        namespace: Where it works.
    """

    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    namespace: str

    def kill(self) -> None:
        """End it as the kernel does that has no memory left."""
        self.process.kill()
        self.process.communicate(timeout=60)
        assert self.process.returncode == -signal.SIGKILL

    def clean_up(self, *options: str) -> str:
        """What the command says."""
        ended = headrace("cluster", "cleanup", "--namespace", self.namespace, *options, **self.environment)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@contextmanager
def begun(command: list[str], environment: dict[str, str], namespace: str) -> Iterator[Killed]:
    """A process, which is killed at the latest at the end of the block."""
    told = {**environment, "HEADRACE_CLAIM_SECONDS": str(SECONDS)}
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Killed(process, told, namespace)
    finally:
        process.kill()
        process.communicate(timeout=60)


def wait_for(happened: Any, process: "subprocess.Popen[str] | None" = None) -> Any:
    """Wait until something is so, while a process runs."""
    deadline = time.monotonic() + 120
    while not (found := happened()):
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.05)
    return found


def silent() -> None:
    """Wait until nobody watches any more."""
    time.sleep(SECONDS + 1)


def environment(server: ApiServer, place: Placed) -> dict[str, str]:
    """What a person with a cluster and its store is told."""
    return {
        **place.deployer.store.environment(),  # type: ignore[union-attr]
        "KUBECONFIG": str(server.kubeconfig),
        "HEADRACE_GATEWAY": place.platform.ingress.address,
    }


@contextmanager
def deploying(server: ApiServer, place: Placed, uri: str, name: str) -> Iterator[Killed]:
    """A deployment in the middle, whose version never comes up."""
    place.platform.faults = {digest(uri): "stuck"}
    words = ["deploy", uri, "--name", name, "--namespace", place.cluster.namespace]
    try:
        with begun(["-m", "headrace.cli.main", *words], environment(server, place), place.cluster.namespace) as running:
            wait_for(lambda: source(place, name) == uri, running.process)
            yield running
    finally:
        place.platform.faults = {}


def source(place: Placed, name: str) -> str:
    """Which bundle an endpoint is to serve; empty if there is none."""
    found = place.cluster.get(INFERENCE_SERVICES, name)
    return kserve_status.source(found) if found else ""


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"t{secrets.token_hex(3)}"


@pytest.fixture
def searching(kubernetes: ApiServer, cluster: Cluster, rclone_settings: Any, tmp_path: Path) -> Iterator[Killed]:
    """A search in the middle, in a namespace of its own."""
    own(tmp_path)
    tables.write(tables.table(60), tmp_path / "table")
    tables.write_contract(tables.contract(), tmp_path / "contract.yaml")
    document = yaml.safe_load(kubernetes.kubeconfig.read_text())
    document["contexts"][0]["context"]["namespace"] = cluster.namespace
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(document))
    told = {**rclone_settings.environment(), "KUBECONFIG": str(tmp_path / "kubeconfig")}
    with begun(["-c", STEP, str(tmp_path)], told, cluster.namespace) as running:
        wait_for(lambda: cluster.list(EXPERIMENTS), running.process)
        yield running


def test_a_killed_search_is_tidied(searching: Killed, cluster: Cluster) -> None:
    """Its Experiment goes; while it was watched it was left alone, and a dry run changes nothing."""
    (found,) = cluster.list(EXPERIMENTS)
    one = found["metadata"]["name"]
    assert f"the Experiment {one} is watched and stays." in searching.clean_up()
    searching.kill()
    silent()
    told = searching.clean_up("--dry-run")
    assert f"the Experiment {one}: nobody has watched it for 0 min; it would be deleted." in told
    assert told.endswith(f"Next: headrace cluster cleanup --namespace {cluster.namespace}\n")
    (finding,) = examine(cluster)
    assert (finding.state, finding.text) == (
        "warning",
        f"the Experiment {one}: nobody has watched it for 0 min",
    )
    assert finding.remedy == f"headrace cluster cleanup --namespace {cluster.namespace}"
    doctor = headrace("doctor", "--platform", "cluster", "--namespace", cluster.namespace, **searching.environment)
    assert finding.text in doctor.stdout
    assert cluster.list(EXPERIMENTS) == [found]
    told = searching.clean_up()
    assert f"the Experiment {one} was deleted, with its Trials and their Jobs: nobody has watched it" in told
    assert f"1 cleaned up in {cluster.namespace}. Next: headrace doctor --platform cluster" in told
    assert cluster.list(EXPERIMENTS) == []
    assert all_leases(cluster) == []
    assert f"Nothing is left to clean up in {cluster.namespace}." in searching.clean_up()
    assert [one.state for one in examine(cluster)] == ["good"]


def test_a_search_that_wakes_up_after_it_was_tidied_stops(searching: Killed, cluster: Cluster) -> None:
    """In one sentence that says so; it makes nothing anew."""
    searching.process.send_signal(signal.SIGSTOP)
    silent()
    assert "1 cleaned up" in searching.clean_up()
    searching.process.send_signal(signal.SIGCONT)
    told, _ = searching.process.communicate(timeout=60)
    assert searching.process.returncode == 1
    assert "LostError: the claim on the Experiment" in told
    assert "it was cleaned up: start again." in told
    assert cluster.list(EXPERIMENTS) == []
    assert all_leases(cluster) == []


def test_a_killed_deployment_of_a_new_endpoint_is_tidied(
    kubernetes: ApiServer, kserve_place: Placed, versions: dict[str, str], name: str
) -> None:
    """It was not there before, and is gone again; who begins a rollout meanwhile is told to wait."""
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        assert f"the InferenceService {name} is watched and stays." in running.clean_up()
        running.kill()
        with pytest.raises(InputError, match=r"must be finished before a rollout begins.*headrace cluster cleanup"):
            parts(kserve_place, name, versions["strict"])
        silent()
        told = running.clean_up()
        assert f"the InferenceService {name} was deleted: it was not there before, and its version was not" in told
        assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None
        assert all_leases(kserve_place.cluster) == []


@pytest.fixture
def way() -> str:
    """How requests are divided."""
    return "canary"


@pytest.fixture
def where(request: pytest.FixtureRequest, way: str) -> Placed:
    """Where that can be."""
    found: Placed = request.getfixturevalue(WAYS[way])
    return found


@pytest.fixture
def standing(where: Placed, versions: dict[str, str], name: str) -> Iterator[str]:
    """An endpoint that answers with the stable version; its address."""
    yield deployed(where, versions["stable"], name).url
    where.cluster.delete(INFERENCE_SERVICES, name)
    where.cluster.delete(CONFIG_MAPS, name_of(name))


def test_a_killed_update_is_tidied(
    kubernetes: ApiServer, kserve_place: Placed, versions: dict[str, str], name: str, standing: str
) -> None:
    """What was there before is put back, by an account with the rights of the manifest and no others."""
    before = spec(kserve_place, name)
    rules = next(
        one["rules"]
        for one in render(InstallOptions("local"))
        if one["kind"] == "Role" and one["metadata"]["name"] == "headrace-cleanup"
    )
    tidier = grant(kserve_place.cluster, f"cleanup-{name}", rules)
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        running.kill()
        silent()
        (left,) = find(tidier).orphans
        assert str(left).endswith("it would be restored to its former state")
        assert clean_up(left).startswith(
            f"the InferenceService {name} was restored to {versions['stable']}: its version was not verified: nobody"
        )
    assert spec(kserve_place, name) == before
    assert served(kserve_place, standing) == {digest(versions["stable"])}
    assert all_leases(kserve_place.cluster) == []


def test_a_second_try_knows_what_the_killed_one_found(
    kubernetes: ApiServer, kserve_place: Placed, versions: dict[str, str], name: str, standing: str
) -> None:
    """If it fails too, what was verified last answers, and not what the first one left; if not, nothing is to tidy."""
    before = spec(kserve_place, name)
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        running.kill()
    kserve_place.platform.faults = {digest(versions["good"]): "image"}
    try:
        with pytest.raises(ClusterError, match=f"{digest(versions['stable'])[:12]} as before"):
            kserve_place.deployer.deploy(versions["good"], name=name)
    finally:
        kserve_place.platform.faults = {}
    assert spec(kserve_place, name) == before
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        running.kill()
    assert kserve_place.deployer.deploy(versions["good"], name=name).before == digest(versions["stable"])
    silent()
    assert find(kserve_place.cluster).orphans == []
    assert served(kserve_place, standing) == {digest(versions["good"])}


def test_an_endpoint_that_is_deleted_in_that_moment_is_not_made_again(
    kserve_place: Placed, versions: dict[str, str], name: str
) -> None:
    """To put back what was there before takes the very object that there was."""
    deployed(kserve_place, versions["stable"], name)
    found = kserve_place.cluster.get(INFERENCE_SERVICES, name)
    assert found
    about = claim_of(kserve_place.cluster, found, kserve_place.deployer.manifest(versions["good"], name=name), "")
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)
    with pytest.raises(ClusterError) as caught:
        undo(kserve_place.cluster, about, uid=found["metadata"]["uid"])
    assert caught.value.reason == "conflict"
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None


def test_what_somebody_changed_after_a_killed_deployment_stays(
    kubernetes: ApiServer, kserve_place: Placed, versions: dict[str, str], name: str, standing: str
) -> None:
    """Only the claim goes."""
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        running.kill()
        change = {"spec": {"predictor": {"model": {"storageUri": versions["strict"]}}}}
        kserve_place.cluster.patch(INFERENCE_SERVICES, name, change, manager="kubectl")
        silent()
        assert f"the InferenceService {name} is not as that deployment left it, and stays" in running.clean_up()
    assert source(kserve_place, name) == versions["strict"]
    assert all_leases(kserve_place.cluster) == []


@pytest.mark.parametrize("new", [True, False])
def test_a_deployment_that_wakes_up_after_it_was_tidied_stops(
    kubernetes: ApiServer, kserve_place: Placed, versions: dict[str, str], name: str, new: bool
) -> None:
    """What tidying made of it stays so."""
    if not new:
        deployed(kserve_place, versions["stable"], name)
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        running.process.send_signal(signal.SIGSTOP)
        silent()
        assert "1 cleaned up" in running.clean_up()
        running.process.send_signal(signal.SIGCONT)
        told, _ = running.process.communicate(timeout=60)
    assert running.process.returncode == 2
    assert f"headrace: the claim on the InferenceService {name} must be renewed" in told
    assert source(kserve_place, name) == ("" if new else versions["stable"])
    assert all_leases(kserve_place.cluster) == []
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_what_was_applied_after_tidying_is_taken_back(
    kserve_place: Placed, versions: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept between its claim and its act undoes that by itself."""
    monkeypatch.setenv("HEADRACE_CLAIM_SECONDS", "1")
    deployer, apply = kserve_place.deployer, Cluster.apply

    def late(cluster: Cluster, document: Any, **options: Any) -> Any:
        cluster.delete(LEASES, LeaseSubject("InferenceService", name).lease)  # as if it had been tidied meanwhile
        return apply(cluster, document, **options)

    kserve_place.platform.faults = {digest(versions["good"]): "stuck"}
    try:
        monkeypatch.setattr(Cluster, "apply", late)
        with pytest.raises(ClusterError, match="was cleaned up"):
            deployer.deploy(versions["good"], name=name)
    finally:
        kserve_place.platform.faults = {}
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None


@dataclass(frozen=True)
class Scene:
    """An endpoint whose requests are divided.

    Attributes:
        place: Where.
        name: Its name.
        url: Where clients ask.
        versions: Addresses of what may answer.
        rows: What clients ask.
        environment: What processes are told.
    """

    place: Placed
    name: str
    url: str
    versions: dict[str, str]
    rows: list[dict[str, Any]]
    environment: dict[str, str]

    @property
    def memory(self) -> ConfigMapRecordStore:
        """The rollout's record, as another process sees it."""
        return ConfigMapRecordStore(self.place.cluster, self.name)

    @property
    def record(self) -> RolloutRecord:
        """What is recorded."""
        found = self.memory.load()
        assert found is not None
        return found.record

    def looked(self) -> bool:
        """Whether the rollout has seen its first step."""
        found = self.memory.load()
        return bool(found and found.record.steps and found.record.steps[-1].polls)

    def aged(self) -> None:
        """Let the record be of an hour ago."""
        change = {"data": {"renewed": f"{time.time() - 3600:.0f}"}}
        self.place.cluster.patch(CONFIG_MAPS, name_of(self.name), change)

    @contextmanager
    def rolling(self, traffic: str = "canary") -> Iterator[Killed]:
        """A rollout that stays at its first step, while clients ask."""
        plan = ["--steps", "20,100", "--step-requests", "100000", "--poll-interval", "1s", "--floor-ms", "50"]
        there = ["--namespace", self.place.cluster.namespace, "--traffic", traffic, "--tolerance", "shift=5"]
        command = ["-m", "headrace.cli.main", "rollout", self.name, "--candidate", self.versions["good"], *there, *plan]
        with (
            clients(self.place, self.url, self.rows),
            begun(command, self.environment, self.place.cluster.namespace) as running,
        ):
            wait_for(self.looked, running.process)
            yield running


@pytest.fixture
def scene(
    kubernetes: ApiServer,
    where: Placed,
    versions: dict[str, str],
    rows: list[dict[str, Any]],
    name: str,
    standing: str,
) -> Scene:
    """An endpoint that a rollout may begin at."""
    return Scene(where, name, standing, versions, rows, environment(kubernetes, where))


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_rollout_is_held(scene: Scene, way: str) -> None:
    """Its candidate gets no request until somebody resumes or aborts it; while it was watched it was left alone."""
    place, name, stable = scene.place, scene.name, digest(scene.versions["stable"])
    before = spec(place, name)
    with scene.rolling(way) as running:
        assert find(place.cluster, rollout_seconds=30).orphans == []
        running.kill()
        assert running.clean_up().startswith("Nothing is left to clean up"), "it is not sure yet"
        scene.aged()
        (finding,) = examine(place.cluster)
        assert finding.text == f"the rollout of {name}: nobody has watched it for 60 min"
        assert "the stable version would answer alone" in running.clean_up("--dry-run")
        said = running.clean_up()
    assert f"the rollout of {name} is held: {stable[:12]} answers alone until" in said
    assert scene.record.status == "held"
    assert scene.record.history[-1].text.startswith("no process watched it any more")
    if way == "canary":
        assert spec(place, name)["canary"][0]["trafficPercent"] == 0
    assert find(place.cluster).orphans == []
    assert start.abort(parts(place, name)).status == "aborted"
    assert spec(place, name) == before
    assert served(place, scene.url) == {stable}


@pytest.mark.parametrize(
    ("decision", "status", "left"), [("rollback", "rolled_back", "stable"), ("promote", "promoted", "good")]
)
def test_what_was_decided_of_a_killed_rollout_is_carried_out(
    scene: Scene, decision: str, status: str, left: str
) -> None:
    """It was killed after the decision was written, and before it was done."""
    with scene.rolling() as running:
        running.kill()
        found = scene.record
        last = found.steps[-1].model_copy(update={"decision": decision, "reason": "so it was decided."})
        scene.memory.own(found.model_copy(update={"steps": (*found.steps[:-1], last)}))
        scene.aged()
        blind = {key: value for key, value in running.environment.items() if key != "HEADRACE_GATEWAY"}
        refused = headrace("cluster", "cleanup", "--namespace", running.namespace, **blind)
        assert refused.returncode == 2
        assert "name its gateway in HEADRACE_GATEWAY, or leave it to the CronJob" in refused.stdout
        assert scene.record.running, "from where nothing can be seen nothing is done"
        said = running.clean_up()
    told = f"the rollout of {scene.name} was brought to its end: {status.replace('_', ' ')}; the decision stands"
    assert told in said
    assert (scene.record.status, scene.record.reasons) == (status, ("so it was decided.",))
    assert served(scene.place, scene.url) == {digest(scene.versions[left])}


def test_a_rollout_that_wakes_up_after_it_was_tidied_stops(scene: Scene) -> None:
    """It divides nothing any more."""
    with scene.rolling() as running:
        running.process.send_signal(signal.SIGSTOP)
        scene.aged()
        assert "is held" in running.clean_up()
        running.process.send_signal(signal.SIGCONT)
        said, _ = running.process.communicate(timeout=60)
    assert running.process.returncode == 2
    last = said.splitlines()[-1]
    assert last.endswith(f"another process took over the rollout of {scene.name}; this one has ended.")
    assert spec(scene.place, scene.name)["canary"][0]["trafficPercent"] == 0
    assert scene.record.status == "held"


def test_two_that_tidy_at_once_do_no_harm(searching: Killed, cluster: Cluster) -> None:
    """One puts it right, the other says that another process has taken it over, or finds it gone."""
    searching.kill()
    silent()
    several = [one for _ in range(4) for one in find(cluster).orphans]
    said: list[str] = []
    threads = [threading.Thread(target=lambda one=one: said.append(clean_up(one))) for one in several]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(said) == 4
    assert sum("was deleted" in sentence for sentence in said) == 1
    assert sum("another process has taken it over" in sentence for sentence in said) == 3
    assert cluster.list(EXPERIMENTS) == []
    assert all_leases(cluster) == []


def test_who_deploys_over_another_at_work_is_the_only_one(
    kubernetes: ApiServer, kserve_place: Placed, versions: dict[str, str], name: str, standing: str
) -> None:
    """The first one stops in a sentence and puts nothing back; nothing is left to be tidied."""
    with deploying(kubernetes, kserve_place, versions["good"], name) as running:
        kserve_place.deployer.deploy(versions["strict"], name=name)
        told, _ = running.process.communicate(timeout=60)
    assert running.process.returncode == 2
    assert f"headrace: another process took over the InferenceService {name}" in told
    assert served(kserve_place, standing) == {digest(versions["strict"])}
    assert all_leases(kserve_place.cluster) == []


def test_who_may_not_put_things_right_is_told(searching: Killed, cluster: Cluster, tmp_path: Path) -> None:
    """Exit code 2, a sentence for each, and another try may do; who may not look has an unknown finding."""
    leases = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "list", "patch"]}
    maps = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    looker = grant(cluster, "looker", [leases, maps])
    searching.kill()
    silent()
    document = yaml.safe_load(Path(searching.environment["KUBECONFIG"]).read_text())
    bearer = looker.transport.api.configuration.api_key["authorization"]
    document["users"][0]["user"] = {"token": bearer.removeprefix("Bearer ")}
    (tmp_path / "looker").write_text(yaml.safe_dump(document))
    ended = headrace("cluster", "cleanup", **{**searching.environment, "KUBECONFIG": str(tmp_path / "looker")})
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "could not be cleaned up: " in ended.stdout
    assert "cannot get resource" in ended.stdout
    assert ended.stdout.endswith("Next: fix the causes above, then retry.\n")
    assert cluster.list(EXPERIMENTS)
    (finding,) = examine(account(cluster, "nobody"))
    assert (finding.area, finding.state) == ("Left behind", "unknown")
    silent()
    assert "1 cleaned up" in searching.clean_up()
    assert cluster.list(EXPERIMENTS) == []


def test_what_headrace_did_not_make_stays(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though a claim names it; and what cannot be read is told in a sentence each, and does not stop the rest."""
    path, document = EXPERIMENTS.path(cluster.namespace), experiment("theirs")
    request = ApiRequest("POST", path, "make it", query={"fieldManager": "kubectl"}, body=document, repeat=False)
    cluster.transport.json(request)
    LeaseClaim(cluster, LeaseSubject("Experiment", "theirs"), seconds=1).acquire()
    LeaseClaim(cluster, LeaseSubject("Experiment", "gone"), seconds=1).acquire()
    LeaseClaim(cluster, LeaseSubject("Sandwich", "cheese"), seconds=1).acquire()
    LeaseClaim(cluster, LeaseSubject("Experiment", "odd"), seconds=1).acquire()
    cluster.patch(
        LEASES, LeaseSubject("Experiment", "odd").lease, {"spec": {"renewTime": "2126-01-01T00:00:00.000000Z"}}
    )
    bad = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name_of("odd")}}
    labels = {"app.kubernetes.io/part-of": "headrace"}
    cluster.create({**bad, "metadata": {**bad["metadata"], "labels": labels}, "data": {"rollout.json": "{}"}})
    time.sleep(2.5)
    found = find(cluster)
    assert sorted(map(clean_up, found.orphans))[1].startswith(
        "the Experiment theirs was not made by headrace, and stays: nobody has watched it for 0 min."
    )
    assert cluster.get(EXPERIMENTS, "theirs")
    assert sorted(one["metadata"]["name"] for one in all_leases(cluster)) == [
        "headrace-experiment-odd",
        "headrace-sandwich-cheese",
    ]
    assert len(found.unread) == 3
    assert any("renewed in the past; it says 2126-01-01" in one for one in found.unread)
    assert any("it is about the Sandwich cheese" in one for one in found.unread)
    assert any("the ConfigMap headrace-rollout-odd must hold the record" in one for one in found.unread)
    assert sorted(one.state for one in examine(cluster)) == ["warning"] * 3


def test_a_rollout_of_the_future_is_told(kserve_place: Placed, versions: dict[str, str], name: str) -> None:
    """As is one whose moment is no number; neither is touched."""
    memory = ConfigMapRecordStore(kserve_place.cluster, name)
    memory.own(RECORD.model_copy(update={"name": name}))
    for renewed, said in ((f"{time.time() + 9000:.0f}", "set the clocks right"), ("soon", "got 'soon' instead")):
        kserve_place.cluster.patch(CONFIG_MAPS, name_of(name), {"data": {"renewed": renewed}})
        assert any(said in one for one in find(kserve_place.cluster).unread)
    kserve_place.cluster.delete(CONFIG_MAPS, name_of(name))
    with pytest.raises(TakenOverError):
        memory.renew()
