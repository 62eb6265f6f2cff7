"""What is wrong with a cluster is found, in a real API server, and each remedy mends it."""

import dataclasses
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import (
    CLAIMS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    ROLE_BINDINGS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVING_RUNTIMES,
    STATEFUL_SETS,
    STORAGE_CLASSES,
)
from headrace.cluster.doctor.examine import examine
from headrace.cluster.install import requirements as needing
from headrace.cluster.install.manifests import InstallOptions, render
from headrace.cluster.install.requirements import ClusterRequirements, ObjectReference, PodRequirements
from headrace.cluster.install.secrets import put_kafka_login, put_store_keys
from headrace.core.base.diagnostics import Diagnostic, DiagnosticState
from headrace.core.base.environment_values import KafkaSettings
from headrace.core.base.secret_names import STORE_SECRET
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import free_port
from tests.cluster.api_server import ApiServer, account, api_server, namespace
from tests.cluster.http import answering, at, status
from tests.cluster.options import OPTIONS, option

pytestmark = pytest.mark.kubernetes

IMAGE = "headrace/headrace-python:0.1.0"
STORE = StoreSettings(endpoint="http://headrace-object-store:9000", access_key="me", secret_key="my-s3cret")
ALL = ClusterRequirements(
    purposes=frozenset({"run", "deploy", "tune"}),
    pods=(PodRequirements("train", IMAGE, {"cpu": "500m", "memory": "1Gi"}),),
    storage_classes={"": ("ingest",)},
)
DEFAULT = {"storageclass.kubernetes.io/is-default-class": "true"}


def _node(name: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    spec = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"disk": "ssd"}}}
    state = {
        "conditions": [{"type": "Ready", "status": "True"}],
        "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
        "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux"},
        "images": [{"names": [f"docker.io/{IMAGE}"], "sizeBytes": 1}, {"names": None, "sizeBytes": 1}],
    }
    return spec, {**state, **more}


@pytest.fixture(scope="module")
def whole() -> Iterator[ApiServer]:
    """An API server of its own, with a node and a storage class: what is not in a namespace is changed here."""
    from tests.cluster import platform

    with api_server() as server:
        admin = server.admin()
        platform.install(admin, platform.folder())
        spec, state = _node("node-1")
        admin.create(spec)
        _set_node(admin, "node-1", state)
        metadata = {"name": "standard", "annotations": DEFAULT}
        admin.create(
            {
                "apiVersion": STORAGE_CLASSES.api_version,
                "kind": "StorageClass",
                "metadata": metadata,
                "provisioner": "x/y",
            }
        )
        yield server


def _set_node(admin: Cluster, name: str, state: dict[str, Any]) -> None:
    full = {
        "nodeInfo": {
            "machineID": "",
            "systemUUID": "",
            "bootID": "",
            "kernelVersion": "",
            "osImage": "",
            "containerRuntimeVersion": "",
            "kubeletVersion": "",
            "kubeProxyVersion": "",
            **state["nodeInfo"],
        }
    }
    admin.patch_status(NODES, name, {**state, **full})
    # A new node is tainted as not ready; the controller that takes this away does not run here.
    admin.patch(NODES, name, {"spec": {"taints": None}})


@pytest.fixture
def installed(whole: ApiServer) -> Cluster:
    """A namespace in which nothing is missing."""
    name = f"doctor-{secrets.token_hex(3)}"
    admin = whole.admin(name)
    for document in render(InstallOptions("local", namespace=name)):
        admin.apply(document, manager="overlay")
    put_store_keys(admin, STORE)
    for kind, what in (("ConfigMap", "kfp-launcher"), ("Secret", "mlpipeline-minio-artifact")):
        admin.create({"apiVersion": "v1", "kind": kind, "metadata": {"name": what}})
    return admin


def _bad(findings: list[Diagnostic]) -> list[Diagnostic]:
    return [finding for finding in findings if finding.state == "bad"]


def test_a_whole_installation_is_well(installed: Cluster) -> None:
    """Nothing is bad, doubtful or unknown, and no key is shown."""
    findings = examine(installed, ALL)
    troubled = [finding for finding in findings if finding.state in {"bad", "warning", "unknown"}]
    assert [finding.area for finding in troubled] == ["Knative"] or not troubled
    told = "\n".join(str(finding) for finding in findings)
    assert "my-s3cret" not in told
    for part in ("v1.34", "spec.canary", "headrace-pipeline may deploy", "1 of 1 nodes", "standard", IMAGE):
        assert part in told
    assert "(its controller is not in kserve or kubeflow, where it usually is)" in told, "only its kinds are there"


def test_an_empty_namespace(whole: ApiServer) -> None:
    """All that an overlay brings is missing, each with its remedy."""
    bare = namespace(whole.admin(), f"bare-{secrets.token_hex(3)}")
    found = _bad(examine(bare, ALL))
    told = " ".join(finding.text for finding in found)
    for what in ("Secret headrace-object-store", "ServiceAccount headrace-pipeline", "ServingRuntime headrace"):
        assert what in told
    assert all(finding.remedy for finding in found)


def test_a_namespace_that_is_not_there(whole: ApiServer) -> None:
    """It is said once, and what would lie in it is not looked for."""
    found = _bad(examine(whole.admin("nowhere"), ALL))
    assert [(finding.area, finding.text) for finding in found] == [("Namespace", "there is no namespace nowhere")]


Break = Callable[[Cluster], Any]


def _pod(**change: Any) -> ClusterRequirements:
    return dataclasses.replace(ALL, pods=(dataclasses.replace(ALL.pods[0], **change),))


def _needs(**change: Any) -> ClusterRequirements:
    return dataclasses.replace(ALL, **change)


def _quota(cluster: Cluster) -> None:
    hard = {"requests.cpu": "10", "pods": "5"}
    cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})


def _config(cluster: Cluster) -> None:
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}})


def _claim(cluster: Cluster) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec})


def _label(cluster: Cluster, **labels: str | None) -> None:
    cluster.patch(NAMESPACES, cluster.namespace, {"metadata": {"labels": labels}}, manager="someone")


def _runtime(cluster: Cluster, spec: dict[str, Any]) -> None:
    cluster.patch(SERVING_RUNTIMES, "headrace", {"spec": spec}, manager="someone")


def _container(cluster: Cluster, **change: Any) -> None:
    found = (cluster.get(SERVING_RUNTIMES, "headrace") or {})["spec"]["containers"][0]
    _runtime(cluster, {"containers": [{**found, **change}]})


BROKEN: dict[str, tuple[Break, ClusterRequirements, DiagnosticState, str, str]] = {
    "no label of Katib's": (
        lambda c: _label(c, **{"katib.kubeflow.org/metrics-collector-injection": None}),
        ALL,
        "bad",
        "Katib takes no Experiment",
        "kubectl label namespace",
    ),
    "a strict namespace": (
        lambda c: _label(c, **{"pod-security.kubernetes.io/enforce": "restricted"}),
        ALL,
        "bad",
        "restricted pod security standard",
        "enforce=baseline",
    ),
    "no account for trials": (
        lambda c: c.delete(SERVICE_ACCOUNTS, "headrace-trial"),
        ALL,
        "bad",
        "no ServiceAccount headrace-trial",
        "apply an overlay",
    ),
    "no account": (
        lambda c: c.delete(SERVICE_ACCOUNTS, "headrace-pipeline"),
        ALL,
        "bad",
        "no ServiceAccount headrace-pipeline",
        "apply an overlay",
    ),
    "no rights": (
        lambda c: c.delete(ROLE_BINDINGS, "headrace-deployer"),
        ALL,
        "bad",
        "headrace-pipeline may not deploy with KServe: it lacks get inferenceservices.serving.kserve.io, watch",
        "Role headrace-deployer",
    ),
    "no rights to report": (
        lambda c: c.delete(ROLE_BINDINGS, "headrace-step"),
        ALL,
        "bad",
        "may not report its result",
        "Role headrace-step",
    ),
    "no keys": (
        lambda c: c.patch(SECRETS, STORE_SECRET, {"data": {"HEADRACE_S3_BUCKET": None}}),
        ALL,
        "bad",
        "lacks HEADRACE_S3_BUCKET",
        "headrace cluster keys",
    ),
    "no keys for KServe": (
        lambda c: c.patch(SECRETS, STORE_SECRET, {"data": {"AWS_ACCESS_KEY_ID": None}}),
        ALL,
        "bad",
        "lacks AWS_ACCESS_KEY_ID",
        "headrace cluster keys",
    ),
    "another store for KServe": (
        lambda c: c.patch(
            SECRETS, STORE_SECRET, {"metadata": {"annotations": {"serving.kserve.io/s3-endpoint": "other:9000"}}}
        ),
        ALL,
        "bad",
        "http://other:9000 to KServe",
        "headrace cluster keys",
    ),
    "no TLS for KServe": (
        lambda c: c.patch(
            SECRETS, STORE_SECRET, {"metadata": {"annotations": {"serving.kserve.io/s3-usehttps": None}}}
        ),
        ALL,
        "bad",
        "https://headrace-object-store:9000 to KServe",
        "headrace cluster keys",
    ),
    "no runtime": (
        lambda c: c.delete(SERVING_RUNTIMES, "headrace"),
        ALL,
        "bad",
        "KServe does not know the format headrace",
        "apply an overlay of this version",
    ),
    "a disabled runtime": (lambda c: _runtime(c, {"disabled": True}), ALL, "bad", "is disabled", "spec.disabled"),
    "an old runtime": (
        lambda c: _container(c, image="registry.local/headrace-python:0.0.1"),
        ALL,
        "warning",
        "headrace-python:0.0.1, and this is headrace 0.1.0",
        "overlay of this version",
    ),
    "no probe": (
        lambda c: _container(c, readinessProbe={"tcpSocket": {"port": 8080}}),
        ALL,
        "warning",
        "no readiness probe over HTTP",
        "overlay of this version",
    ),
    "no launcher's ConfigMap": (
        lambda c: c.delete(CONFIG_MAPS, "kfp-launcher"),
        ALL,
        "warning",
        "no ConfigMap kfp-launcher",
        "make the ConfigMap",
    ),
    "a Secret that a step names": (
        lambda _: None,
        _needs(references=(ObjectReference(SECRETS, "db", by=("ingest",)),)),
        "bad",
        "no Secret db in doctor-",
        "make the Secret db",
    ),
    "a Secret that may be missing": (
        lambda _: None,
        _needs(references=(ObjectReference(SECRETS, "db", optional=True, by=("ingest",)),)),
        "warning",
        "no Secret db in doctor-",
        "make the Secret db",
    ),
    "a key that a step names": (
        _config,
        _needs(references=(ObjectReference(CONFIG_MAPS, "settings", keys=("a", "b"), by=("ingest", "train")),)),
        "bad",
        "the ConfigMap settings, which ingest, train name, lacks b",
        "make the ConfigMap settings",
    ),
    "a claim without a volume": (
        _claim,
        _needs(references=(ObjectReference(CLAIMS, "data", by=("ingest",)),)),
        "warning",
        "has no volume yet",
        "kubectl describe pvc data",
    ),
    "a class that is not there": (
        lambda _: None,
        _needs(storage_classes={"fast": ("ingest",)}),
        "bad",
        "ingest: the storage class fast is requested",
        "name one of standard",
    ),
    "too much memory": (
        lambda _: None,
        _pod(requests={"cpu": "1", "memory": "9Gi"}),
        "bad",
        "train: cpu 1, memory 9Gi are requested; no node has as much",
        "ask for less",
    ),
    "a GPU": (
        lambda _: None,
        _pod(requests={"nvidia.com/gpu": "1"}),
        "bad",
        "nvidia.com/gpu 1 are requested; no node",
        "ask for less",
    ),
    "no quantity": (lambda _: None, _pod(requests={"cpu": "lots"}), "bad", "cannot be parsed", "correct its resources"),
    "a label": (
        lambda _: None,
        _pod(labels={"disk": "hdd"}),
        "bad",
        "train: a node with disk=hdd is required; there is none",
        "label one",
    ),
    "an image that moves": (
        lambda _: None,
        _pod(image="headrace/headrace-python"),
        "warning",
        "its tag moves",
        "imagePullSecret",
    ),
    "an image of another place": (
        lambda _: None,
        _pod(image="registry.local:5000/headrace-python:0.1.0"),
        "note",
        "registry.local:5000/headrace-python:0.1.0 will be pulled: it is on no node",
        "reach its registry",
    ),
    "an image that is always pulled": (
        lambda _: None,
        _pod(pull="Always"),
        "note",
        "its pull policy is Always",
        "reach its registry",
    ),
    "a quota": (_quota, _pod(requests={}), "bad", "a quota of cpu, and train asks for none", "LimitRange"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_broken_is_found(installed: Cluster, what: str) -> None:
    """One thing is broken at a time: it is found, with its remedy, and nothing else is bad."""
    break_it, needs, state, text, remedy = BROKEN[what]
    break_it(installed)
    findings = examine(installed, needs)
    deadline = time.monotonic() + 30
    while not any(text in finding.text for finding in findings) and time.monotonic() < deadline:
        time.sleep(0.2)  # the server hears of a change of rights a moment later
        findings = examine(installed, needs)
    (found,) = [finding for finding in findings if text in finding.text]
    assert found.state == state
    assert remedy in found.remedy
    assert [finding for finding in _bad(findings) if finding is not found] == []
    assert not found.text.endswith(".")


def test_the_remedies_mend(installed: Cluster) -> None:
    """Writing the keys and applying the overlay again make all well."""
    for what in ("no keys", "no keys for KServe", "another store for KServe", "no account", "no rights", "no runtime"):
        BROKEN[what][0](installed)
    assert len(_bad(examine(installed, ALL))) >= 4
    for document in render(InstallOptions("local", namespace=installed.namespace)):
        installed.apply(document, manager="overlay", force=True)
    put_store_keys(installed, STORE)
    assert _bad(examine(installed, ALL)) == []


def test_collector_and_monitor_are_named(installed: Cluster) -> None:
    """A missing one is a note that names its option, one that is not ready a warning, for nobody watches the model."""
    before = [finding for finding in examine(installed, ALL) if finding.area == "Monitoring"]
    assert [finding.state for finding in before] == ["note", "note"]
    assert "add the option monitor to your overlay" in before[1].remedy
    for name in OPTIONS:
        for document in option(name, namespace=installed.namespace):
            installed.apply(document, manager="overlay")
    installed.patch_status(DEPLOYMENTS, "headrace-collector", {"replicas": 1, "readyReplicas": 1})
    collector, monitor = (finding for finding in examine(installed, ALL) if finding.area == "Monitoring")
    assert (collector.state, monitor.state) == ("good", "warning")
    assert "logs deployment/headrace-monitor" in monitor.remedy


def test_workers_of_a_stream_are_counted(installed: Cluster) -> None:
    """Without the option there is a note; with it, how many are ready, and whether there is a login."""
    (before,) = (finding for finding in examine(installed, ALL) if finding.area == "Streams")
    assert (before.state, "option stream" in before.remedy) == ("note", True)
    for document in option("stream", namespace=installed.namespace):
        installed.apply(document, manager="overlay")
    workers, login = (finding for finding in examine(installed, ALL) if finding.area == "Streams")
    assert (workers.state, login.state) == ("warning", "note")
    assert "0 of 1 workers" in workers.text
    assert "cluster keys --kafka" in login.remedy
    installed.patch_status(STATEFUL_SETS, "headrace-stream", {"replicas": 1, "readyReplicas": 1})
    put_kafka_login(installed, KafkaSettings(user="me", password="my-s3cret"))
    found = [finding for finding in examine(installed, ALL) if finding.area == "Streams"]
    assert [finding.state for finding in found] == ["good", "good"]
    assert "my-s3cret" not in str(found)


@pytest.mark.parametrize(
    ("state", "spec", "text"),
    [
        ({"conditions": [{"type": "Ready", "status": "False"}]}, {}, "none of 1 nodes is ready"),
        ({}, {"unschedulable": True}, "none of 1 nodes is ready"),
        ({"nodeInfo": {"architecture": "arm64"}}, {}, "the nodes are arm64, and the image is amd64"),
        (
            {},
            {"taints": [{"key": "team", "value": "a", "effect": "NoSchedule"}]},
            "train: no toleration of the taint team",
        ),
        ({}, {"taints": [{"key": "team", "effect": "PreferNoSchedule"}]}, ""),
    ],
)
def test_nodes_that_take_nothing(
    whole: ApiServer, installed: Cluster, state: dict[str, Any], spec: dict[str, Any], text: str
) -> None:
    """A pod that would wait for ever is told beforehand."""
    _, good = _node("node-1")
    _set_node(whole.admin(), "node-1", {**good, **state})
    installed.patch(NODES, "node-1", {"spec": spec})
    try:
        found = _bad(examine(installed, ALL))
    finally:
        _set_node(whole.admin(), "node-1", good)
        installed.patch(NODES, "node-1", {"spec": dict.fromkeys(spec)})
    assert [finding.text for finding in found] == ([next(f.text for f in found if text in f.text)] if text else [])


@pytest.mark.parametrize(
    "toleration",
    [
        {"key": "team", "operator": "Exists"},
        {"key": "team", "value": "a", "effect": "NoSchedule"},
        {"operator": "Exists", "effect": "NoSchedule"},
    ],
)
def test_a_toleration_is_understood(installed: Cluster, toleration: dict[str, str]) -> None:
    """A pod that bears the taint is let on the node."""
    installed.patch(NODES, "node-1", {"spec": {"taints": [{"key": "team", "value": "a", "effect": "NoSchedule"}]}})
    try:
        found = _bad(examine(installed, _pod(tolerations=(toleration,))))
    finally:
        installed.patch(NODES, "node-1", {"spec": {"taints": None}})
    assert found == []


def test_pods_that_ask_the_same_are_told_together(installed: Cluster) -> None:
    """A pipeline of many steps is not as many lines."""
    pods = tuple(PodRequirements(f"step-{number}", IMAGE, {"cpu": "9"}) for number in range(6))
    (found,) = _bad(examine(installed, _needs(pods=pods)))
    assert found.text.startswith("step-0, step-1, step-2, step-3 and 2 more: cpu 9 are requested")


def test_two_architectures(whole: ApiServer, installed: Cluster) -> None:
    """A pod may land where its image does not run."""
    spec, state = _node("node-2", nodeInfo={"architecture": "arm64"})
    installed.create(spec)
    _set_node(whole.admin(), "node-2", state)
    try:
        findings = examine(installed, ALL)
    finally:
        installed.delete(NODES, "node-2")
    (found,) = [finding for finding in findings if "amd64, arm64" in finding.text]
    assert found.state == "warning"
    assert "kubernetes.io/arch=amd64" in found.remedy


def test_no_default_storage_class(installed: Cluster) -> None:
    """A volume without a class would wait for ever."""
    installed.patch(STORAGE_CLASSES, "standard", {"metadata": {"annotations": {next(iter(DEFAULT)): None}}})
    try:
        (found,) = _bad(examine(installed, ALL))
        (doubtful,) = [
            f for f in examine(installed, _needs(storage_classes={})) if "no default storage class" in f.text
        ]
    finally:
        installed.patch(STORAGE_CLASSES, "standard", {"metadata": {"annotations": DEFAULT}})
    assert "ingest: the default storage class is requested, but there is none" in found.text
    assert doubtful.state == "warning"


def test_an_account_with_few_rights_learns_what_it_may(installed: Cluster) -> None:
    """What it may not look at is unknown, and not bad; its own rights are told."""
    findings = examine(
        account(installed, "headrace-deployer"), dataclasses.replace(ALL, purposes=frozenset({"deploy"}))
    )
    assert _bad(findings) == []
    unknown = " ".join(finding.text for finding in findings if finding.state == "unknown")
    for what in ("Secret headrace-object-store", "rights of headrace-pipeline", "list nodes", "storage classes"):
        assert what in unknown
    assert any("your account may deploy" in finding.text for finding in findings)


def test_an_account_without_rights(installed: Cluster) -> None:
    """Nothing breaks, and what it lacks is told."""
    findings = examine(account(installed, "nobody"), ALL)
    assert any(f.state == "bad" and "your account may not deploy" in f.text for f in findings)
    assert any("you are system:serviceaccount:" in finding.text for finding in findings)


def test_a_cluster_without_the_platform() -> None:
    """What is not installed is told with what cannot be done without it."""
    with api_server() as bare:
        everything = examine(bare.admin(), ALL)
        nothing = examine(bare.admin(), ClusterRequirements())
    lacking = {finding.area: finding for finding in everything if "is not served" in finding.text}
    assert {area for area, finding in lacking.items() if finding.state == "bad"} == {"Pipelines", "KServe", "Katib"}
    assert {area for area, finding in lacking.items() if finding.state == "note"} >= {"KEDA", "Gateway API", "Knative"}
    assert lacking["Katib"].remedy == "install Katib, which is needed for searching with many pods at once"
    assert {finding.state for finding in nothing if "is not served" in finding.text} == {"warning", "note"}


def test_a_controllers_version_is_told(installed: Cluster) -> None:
    """It is the tag of the image that it runs."""
    labels = {"app": "katib"}
    pod = {"containers": [{"name": "m", "image": "ghcr.io/kubeflow/katib/katib-controller:v0.19.0"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    installed.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kubeflow"}})
    installed.create(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "katib-controller", "namespace": "kubeflow"},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
    )
    told = {finding.area: finding.text for finding in examine(installed, ALL)}
    assert told["Katib"] == "experiments.kubeflow.org v1beta1 is served, katib-controller v0.19.0"


def test_a_server_that_is_not_there() -> None:
    """It is the only finding."""
    (found,) = examine(at(f"http://127.0.0.1:{free_port()}"), ALL)
    assert (found.state, found.area) == ("bad", "Kubernetes")
    assert found.remedy.startswith("start it, or correct")


def test_a_server_that_does_not_know_you() -> None:
    """Wrong credentials are told once."""
    with answering(status(401, "Unauthorized", "Unauthorized")) as (cluster, _):
        (found,) = examine(cluster, ALL)
    assert "does not know the credentials" in found.text
    assert "sign in again" in found.remedy


def test_the_rights_that_are_asked_for_are_granted(installed: Cluster) -> None:
    """What the doctor wants of an account is no more than what the roles give."""
    from headrace.cluster.api.access_review import may

    lacking = [
        str(right)
        for rights in needing.RIGHTS.values()
        for right in rights
        if not may(installed, right, service_account="headrace-pipeline")
    ]
    assert lacking == []
