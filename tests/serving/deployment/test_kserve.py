"""The deployer on KServe, against a real API server whose controllers are played, and real servers."""

import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.cluster.api import yaml_documents
from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import DEPLOYMENTS, INFERENCE_SERVICES, PODS
from headrace.core.base.errors import ClusterError, InputError
from headrace.core.base.settings import StoreSettings
from headrace.core.bundles.bundle import Bundle
from headrace.serving.deployment import kserve_spec, kserve_status
from headrace.serving.deployment.client import EndpointClient
from headrace.serving.deployment.kserve import KServeDeployer
from headrace.serving.deployment.kserve_wait import SupersededError
from tests.cluster.api_server import ApiServer, api_server
from tests.cluster.platform import folder, install
from tests.conftest import headrace
from tests.serving.conftest import GOOD
from tests.serving.kserve_fixtures import (
    Placed,
    configured,
    digest,
    knative_place,
    kserve_place,
    placed,
    rclone_settings,
    uris,
)

__all__ = ["knative_place", "kserve_place", "rclone_settings", "uris"]

pytestmark = pytest.mark.kubernetes

# What is wrong with a version, and what the sentence says of it.
FAILURES = {
    "crash": (r"crashes again and again \(CrashLoopBackOff, exit code 2, Error\); its last words: .*card\.md"),
    "image": r"kserve-container of pod \S+ has an image that cannot be pulled \(ImagePullBackOff\): Back-off",
    "load": r"BlockedByFailedLoad, ModelLoadFailed: .*No model found in s3://|"
    r"storage-initializer of pod \S+ crashes again and again .*; its last words: Failed to fetch model",
    "unschedulable": r"pod \S+ finds no node \(Unschedulable\): 0/1 nodes are available",
    "account": r"Deployment \S+ makes no progress \(FailedCreate\): .*serviceaccount",
    "event": r"KServe creates no pods for it \(InternalError\): StorageURI not supported",
    "tampered": r"does not answer as the bundle says: case 0",
}


@contextmanager
def fault(place: Placed, uri: str, what: str) -> Iterator[None]:
    """Something that is wrong with a version for the length of the block."""
    place.platform.faults = {digest(uri): what}
    try:
        yield
    finally:
        place.platform.faults = {}


@contextmanager
def asked(place: Placed, url: str) -> Iterator[list[int]]:
    """Clients that ask all the time; gives the statuses that they got."""
    statuses: list[int] = []
    ended = threading.Event()

    def ask() -> None:
        with EndpointClient.at(url, gateway=place.platform.ingress.address) as remote:
            while not ended.is_set():
                statuses.append(remote.predict([GOOD]).status)
                time.sleep(0.01)

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        yield statuses
    finally:
        ended.set()
        for client in clients:
            client.join(60)


def service(place: Placed, name: str) -> Document:
    """An InferenceService that must be there."""
    found = place.cluster.get(INFERENCE_SERVICES, name)
    assert found is not None
    return found


def until_answered_by(place: Placed, name: str, uri: str) -> None:
    """Wait until the route gives a version: its pods run before the route leads to them."""
    deadline = time.monotonic() + 120
    found: list[str] = []
    while found != [digest(uri)]:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
        with suppress(InputError, ClusterError):  # nothing answers yet
            found = place.deployer.version_wait().digests(service(place, name), name, 1)


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"heart-{secrets.token_hex(2)}"


def test_a_version_answers_through_its_route(kserve_place: Placed, uris: list[str], name: str) -> None:
    """The endpoint names what answers; deploying it again changes nothing; another takes its place without a pause."""
    deployer, namespace = kserve_place.deployer, kserve_place.cluster.namespace
    first = deployer.deploy(uris[0], name=name)
    assert (first.digest, first.before, first.changed) == (digest(uris[0]), "", True)
    assert (first.platform, first.namespace, first.mode) == ("kserve", namespace, "Standard")
    assert first.url == f"http://{name}-{namespace}.example.com/v1/models/{name}:predict"
    made = service(kserve_place, name)
    assert deployer.deploy(uris[0], name=name) == replace(first, before=first.digest, changed=False)
    assert service(kserve_place, name)["metadata"]["generation"] == made["metadata"]["generation"]
    with asked(kserve_place, first.url) as statuses:
        second = deployer.deploy(uris[1], name=name)
        with EndpointClient.at(second.url, gateway=kserve_place.platform.ingress.address) as remote:
            assert {remote.digest() for _ in range(5)} == {digest(uris[1])}, "no older one answers any more"
    assert (second.digest, second.before) == (digest(uris[1]), first.digest)
    assert set(statuses) == {200}
    deployer.undeploy(second)
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None
    deployer.undeploy(second)


def test_several_pods_are_all_of_the_version(kserve_place: Placed, uris: list[str], name: str) -> None:
    """One of three that is still the old one is enough to wait."""
    deployer = kserve_place.deployer
    twice = replace(deployer, target=replace(deployer.target, min_replicas=2))
    for uri in uris:
        endpoint = twice.deploy(uri, name=name)
        deployment = kserve_place.cluster.get(DEPLOYMENTS, f"{name}-predictor")
        assert kserve_status.runs(deployment, uri)
    deployer.undeploy(endpoint)


@pytest.mark.parametrize("what", FAILURES)
def test_a_new_endpoint_that_fails_is_taken_away(kserve_place: Placed, uris: list[str], name: str, what: str) -> None:
    """The sentence says why, long before the deadline, and nothing of the attempt is left."""
    began = time.monotonic()
    with fault(kserve_place, uris[0], what), pytest.raises(ClusterError, match=FAILURES[what]) as caught:
        kserve_place.deployer.deploy(uris[0], name=name)
    assert time.monotonic() - began < 75
    assert str(caught.value).endswith(f"; {name}, which did not exist before, was deleted again.")
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None


@pytest.fixture(scope="module")
def standing(kserve_place: Placed, uris: list[str]) -> str:
    """An endpoint that answers with the first version."""
    kserve_place.deployer.deploy(uris[0], name="standing")
    return "standing"


@pytest.mark.parametrize("what", FAILURES)
def test_what_answered_before_answers_again(kserve_place: Placed, uris: list[str], standing: str, what: str) -> None:
    """Behind a version that answers, a failing one is seen through, taken back and told; no client notices."""
    url = kserve_place.deployer.deploy(uris[0], name=standing).url
    before = service(kserve_place, standing)
    with asked(kserve_place, url) as statuses:
        with fault(kserve_place, uris[1], what), pytest.raises(ClusterError, match=FAILURES[what]) as caught:
            kserve_place.deployer.deploy(uris[1], name=standing)
        assert f"{standing} must answer with {digest(uris[1])[:12]}, but " in str(caught.value)
        assert str(caught.value).endswith(f"; {standing} answers with {digest(uris[0])[:12]} as before.")
    assert service(kserve_place, standing)["spec"] == before["spec"]
    assert len(statuses) > 20
    assert set(statuses) == {200}


def test_a_failed_load_that_is_told_behind_a_version_is_believed(
    kserve_place: Placed, uris: list[str], standing: str
) -> None:
    """Other versions of KServe say so in the model's status at once."""
    kserve_place.platform.tells_failed_loads = True
    try:
        with fault(kserve_place, uris[1], "load"), pytest.raises(ClusterError, match="BlockedByFailedLoad"):
            kserve_place.deployer.deploy(uris[1], name=standing)
    finally:
        kserve_place.platform.tells_failed_loads = False
    assert service(kserve_place, standing)["status"]["modelStatus"]["lastFailureInfo"], "it stays after the recovery"
    assert kserve_place.deployer.deploy(uris[0], name=standing).digest == digest(uris[0])


def test_an_old_failure_is_not_the_new_ones(kserve_place: Placed, uris: list[str], name: str) -> None:
    """An InferenceService that failed for somebody else gets a version that answers."""
    bad = uris[0].replace(digest(uris[0]), "0" * 64)
    deployer = kserve_place.deployer
    deployer.cluster.apply(kserve_spec.build(name, bad, target=deployer.target))
    deadline = time.monotonic() + 60
    while not kserve_status.model_failure(service(kserve_place, name), known={}):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    endpoint = deployer.deploy(uris[0], name=name)
    assert (endpoint.digest, endpoint.before) == (digest(uris[0]), "")
    deployer.undeploy(endpoint)


def test_the_digest_that_is_reported_decides(kserve_place: Placed, uris: list[str], name: str) -> None:
    """All counters are right and Ready is true, but the pod got another bundle."""
    kserve_place.platform.serves = {uris[1]: uris[0]}
    try:
        told = rf"did not within 20 s: its pods run, but 3 of 3 answers came from {digest(uris[0])[:12]}"
        with pytest.raises(ClusterError, match=told) as caught:
            kserve_place.patient(20).deploy(uris[1], name=name)
    finally:
        kserve_place.platform.serves = {}
    assert caught.value.reason == "timeout"


def test_what_never_comes_up_is_given_up(kserve_place: Placed, uris: list[str], name: str) -> None:
    """At the deadline the sentence says how far it came."""
    with fault(kserve_place, uris[0], "stuck"), pytest.raises(ClusterError, match="did not within 3 s: 1 pod of it"):
        kserve_place.patient(3).deploy(uris[0], name=name)


def test_volumes_that_do_not_come_are_told(kserve_place: Placed, uris: list[str], name: str) -> None:
    """Only the pod's events know of a Secret that is not there."""
    platform, cluster = kserve_place.platform, kserve_place.cluster

    def tell() -> None:
        labels = f"{kserve_status.SERVICE_LABEL}={name}"
        while not (pods := cluster.list(PODS, labels=labels)):
            time.sleep(0.1)
        platform.event("Pod", pods[0], "FailedMount", 'secret "headrace-object-store" not found')

    with fault(kserve_place, uris[0], "stuck"):
        threading.Thread(target=tell, daemon=True).start()
        with pytest.raises(ClusterError, match=r'cannot start \(FailedMount\): secret "headrace-object-store" not'):
            kserve_place.deployer.deploy(uris[0], name=name)


def _meanwhile(place: Placed, name: str, act: Any) -> threading.Thread:
    """Do something to an InferenceService as soon as it is there."""

    def wait() -> None:
        while place.cluster.get(INFERENCE_SERVICES, name) is None:
            time.sleep(0.05)
        time.sleep(0.5)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_what_somebody_else_wants_is_left_alone(kserve_place: Placed, uris: list[str], name: str) -> None:
    """Who is overtaken neither waits nor puts anything back."""
    change = {"spec": {"predictor": {"model": {"storageUri": uris[1]}}}}
    thread = _meanwhile(
        kserve_place, name, lambda: kserve_place.cluster.patch(INFERENCE_SERVICES, name, change, manager="kubectl")
    )
    with fault(kserve_place, uris[0], "stuck"), pytest.raises(SupersededError, match="somebody changed it to s3"):
        kserve_place.deployer.deploy(uris[0], name=name)
    thread.join(20)
    assert kserve_status.source(service(kserve_place, name)) == uris[1]
    until_answered_by(kserve_place, name, uris[1])
    with pytest.raises(ClusterError, match=r"kubectl owns .*storageUri"):
        kserve_place.deployer.deploy(uris[0], name=name)
    over = replace(kserve_place.deployer, target=replace(kserve_place.deployer.target, force_conflicts=True))
    with fault(kserve_place, uris[0], "image"), pytest.raises(ClusterError, match=f"{digest(uris[1])[:12]} as before"):
        over.deploy(uris[0], name=name)
    assert over.deploy(uris[0], name=name).digest == digest(uris[0])
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_what_is_deleted_meanwhile_is_not_made_again(kserve_place: Placed, uris: list[str], name: str) -> None:
    """Somebody wanted it gone."""
    thread = _meanwhile(kserve_place, name, lambda: kserve_place.cluster.delete(INFERENCE_SERVICES, name))
    with fault(kserve_place, uris[0], "stuck"), pytest.raises(SupersededError, match="it was deleted"):
        kserve_place.deployer.deploy(uris[0], name=name)
    thread.join(20)
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None


def test_anothers_object_is_put_back_as_it_was(kserve_place: Placed, uris: list[str], name: str) -> None:
    """What was taken over from somebody and fails has their values again."""
    deployer, cluster = kserve_place.deployer, kserve_place.cluster
    theirs = kserve_spec.build(name, uris[0], target=deployer.target)
    theirs["spec"]["predictor"]["minReplicas"] = 2
    theirs["spec"]["predictor"]["maxReplicas"] = 3
    theirs["spec"]["predictor"]["timeout"] = 30
    cluster.apply(theirs, manager="kubectl")
    before = service(kserve_place, name)["spec"]
    over = replace(deployer, target=replace(deployer.target, force_conflicts=True))
    with fault(kserve_place, uris[1], "image"), pytest.raises(ClusterError, match="cannot be pulled"):
        over.deploy(uris[1], name=name)
    assert service(kserve_place, name)["spec"] == before
    cluster.delete(INFERENCE_SERVICES, name)


def test_an_interruption_leaves_what_was_there(kserve_place: Placed, uris: list[str], standing: str, name: str) -> None:
    """Ctrl-C while it waits counts as a failure."""

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    broken = replace(kserve_place.deployer, say=interrupt)
    before = service(kserve_place, standing)["spec"]
    with fault(kserve_place, uris[1], "stuck"):
        for endpoint in (standing, name):
            with pytest.raises(KeyboardInterrupt):
                broken.deploy(uris[1], name=endpoint)
    assert service(kserve_place, standing)["spec"] == before
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None


def test_a_promoted_canarys_name_is_kept(kserve_place: Placed, uris: list[str], name: str) -> None:
    """Another name would take the pods away that answer, before new ones do."""
    deployer = kserve_place.deployer
    mode = {"mode": "Standard", "predictor": "v2"}
    deployer.cluster.apply(kserve_spec.build(name, uris[0], target=deployer.target, **mode))
    endpoint = deployer.deploy(uris[1], name=name)
    assert endpoint.mode == "Standard"
    assert kserve_status.predictor(service(kserve_place, name)) == "v2"
    assert kserve_place.cluster.get(DEPLOYMENTS, f"{name}-v2-predictor")
    deployer.undeploy(endpoint)


def test_what_cannot_be_is_refused_before_anything_is_done(kserve_place: Placed, uris: list[str], name: str) -> None:
    """Addresses, names, modes, and endpoints that a rollout is at."""
    deployer = kserve_place.deployer
    with pytest.raises(InputError, match="as publish returned it"):
        deployer.deploy(uris[0].rstrip("/"), name=name)
    with pytest.raises(InputError, match="lower case letters"):
        deployer.deploy(uris[0], name="Heart")
    with pytest.raises(InputError, match="Standard, Knative or empty"):
        replace(deployer.target, mode="Foo")
    knative = replace(deployer, target=replace(deployer.target, mode="Knative"))
    with pytest.raises(InputError, match="needs Knative Serving"):
        knative.deploy(uris[0], name=name)
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None
    document = kserve_spec.build(name, uris[0], target=deployer.target, mode="Standard")
    document["spec"]["canary"] = [{"predictor": {"name": "v2"}, "trafficPercent": 5}]
    deployer.cluster.apply(document)
    with pytest.raises(InputError, match=f"headrace rollout {name} --abort"):
        deployer.deploy(uris[1], name=name)
    with pytest.raises(InputError, match="runs in the mode Standard"):
        knative._refuse({**document, "spec": {**document["spec"], "canary": []}}, name)
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


def test_a_runtime_that_is_not_there_is_told(kserve_place: Placed, uris: list[str], name: str) -> None:
    """KServe's own words, within seconds."""
    deployer = kserve_place.deployer
    other = replace(deployer.target, runtime="none")
    with pytest.raises(ClusterError, match="InvalidSpec, RuntimeNotRecognized: Waiting for runtime"):
        replace(deployer, target=other).deploy(uris[0], name=name)


def test_what_is_sent_is_what_manifest_says(kserve_place: Placed, uris: list[str], name: str) -> None:
    """Nothing is sent for it, and the mode was found by asking."""
    document = kserve_place.deployer.manifest(uris[0], name=name)
    assert document["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}
    assert kserve_place.cluster.get(INFERENCE_SERVICES, name) is None


def test_an_api_server_that_dies_meanwhile_does_no_harm(
    rclone_settings: StoreSettings, uris: list[str], name: str, tmp_path: Path
) -> None:
    """Deploying goes on with the one that comes back."""
    with api_server() as server:
        install(server.admin(), folder())
        with placed(server, rclone_settings, tmp_path / "node") as place:

            def die() -> None:
                server.kill()
                time.sleep(1)
                server.start()

            thread = _meanwhile(place, name, die)
            assert place.deployer.deploy(uris[0], name=name).digest == digest(uris[0])
            thread.join(120)


def test_knative_is_waited_for_by_its_revisions(knative_place: Placed, uris: list[str], name: str) -> None:
    """The mode is what the cluster says; a version that fails is told, and the former one answers by a new revision."""
    deployer = knative_place.deployer
    first = deployer.deploy(uris[0], name=name)
    assert first.mode == "Knative"
    assert deployer.deploy(uris[0], name=name) == replace(first, before=first.digest, changed=False)
    assert "annotations" not in deployer.manifest(uris[0], name=name)["metadata"], "only KServe knows its default"
    with asked(knative_place, first.url) as statuses:
        assert deployer.deploy(uris[1], name=name).digest == digest(uris[1])
        for what in ("crash", "image", "load"):
            with fault(knative_place, uris[0], what), pytest.raises(ClusterError, match=FAILURES[what]) as caught:
                deployer.deploy(uris[0], name=name)
            assert f"answers with {digest(uris[1])[:12]} as before." in str(caught.value)
    assert set(statuses) == {200}
    standard = replace(deployer, target=replace(deployer.target, mode="Standard"))
    with pytest.raises(InputError, match="runs in the mode Knative"):
        standard.deploy(uris[0], name=name)
    with configured(knative_place.cluster, deploy={"defaultDeploymentMode": "RawDeployment"}):
        document = KServeDeployer(knative_place.cluster, deployer.store).manifest(uris[0], name=f"{name}-b")
    assert document["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}
    deployer.undeploy(first)


def told(place: Placed, server: ApiServer) -> dict[str, str]:
    """The environment of a person with a cluster and its store."""
    return {
        **place.deployer.store.environment(),
        "KUBECONFIG": str(server.kubeconfig),
        "HEADRACE_GATEWAY": place.platform.ingress.address,
    }


def test_the_command_deploys_shows_and_removes(
    kubernetes: ApiServer, kserve_place: Placed, uris: list[str], bundle: Bundle, name: str
) -> None:
    """From a folder, which is published first, and from an address; failures end with exit code 2 and one sentence."""
    cluster, environment = kserve_place.cluster, told(kserve_place, kubernetes)
    there = ["--name", name, "--namespace", cluster.namespace]
    shown = headrace("deploy", uris[0], *there, "--manifest", **environment)
    assert yaml_documents.load(shown.stdout, source="output")["spec"]["predictor"]["model"]["storageUri"] == uris[0]
    assert cluster.get(INFERENCE_SERVICES, name) is None
    made = headrace("deploy", str(bundle.folder), *there, "--min-replicas", "1", "--cpu", "500m", **environment)
    assert made.returncode == 0, made.stderr
    assert f"{name} in {cluster.namespace} (Standard) answers with {bundle.digest[:12]}." in made.stdout
    assert "test cases" in made.stdout
    with fault(kserve_place, uris[1], "image"):
        failed = headrace("deploy", uris[1], *there, "--cpu", "500m", **environment)
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1
    assert f'cannot be pulled (ImagePullBackOff): Back-off pulling image "headrace/headrace-python:none"; {name} ' in (
        failed.stderr
    )
    removed = headrace("deploy", "--delete", *there, **environment)
    assert (removed.returncode, removed.stdout) == (0, f"{name} is gone from {cluster.namespace}.\n")
    assert cluster.get(INFERENCE_SERVICES, name) is None
    assert headrace("deploy", "--delete", **environment).returncode == 2


def test_the_components_deploy_and_verify(
    kubernetes: ApiServer, kserve_place: Placed, uris: list[str], bundle: Bundle, name: str, tmp_path: Path
) -> None:
    """In a process with a pod's environment; the record says what answered before."""
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            _STEPS,
            uris[0],
            name,
            kserve_place.cluster.namespace,
            str(bundle.folder),
            str(tmp_path),
        ],
        env={**os.environ, **told(kserve_place, kubernetes)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    record = json.loads((tmp_path / "endpoint").read_text())
    assert (record["platform"], record["mode"], record["digest"], record["before"]) == (
        "kserve",
        "Standard",
        bundle.digest,
        "",
    )
    assert json.loads((tmp_path / "verification").read_text())["verified"]
    kserve_place.cluster.delete(INFERENCE_SERVICES, name)


_STEPS = """
import sys
from kfp.dsl import Artifact, Model
from headrace.components import deploy, verify_endpoint
uri, name, namespace, bundle, folder = sys.argv[1:]
endpoint = Artifact(uri=f"{folder}/endpoint")
url = deploy.python_func(uri=uri, endpoint=endpoint, name=name, platform="kserve", namespace=namespace)
assert endpoint.metadata["mode"] == "Standard", endpoint.metadata
assert verify_endpoint.python_func(
    url=url, bundle=Model(uri=bundle), verification=Artifact(uri=f"{folder}/verification")
)
"""
