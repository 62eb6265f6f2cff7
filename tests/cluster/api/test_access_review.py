"""Each account may do what its steps do, and nothing else."""

import itertools
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from headrace.cluster.api.access_review import AccessRight, may
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import (
    CONFIG_MAPS,
    CRDS,
    CRON_JOBS,
    DEPLOYMENTS,
    EVENTS,
    EXPERIMENTS,
    INFERENCE_GRAPHS,
    INFERENCE_SERVICES,
    JOBS,
    LEASES,
    NAMESPACES,
    NETWORK_POLICIES,
    NODES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVING_RUNTIMES,
    SUGGESTIONS,
    TASK_RESULTS,
    TRIALS,
    ObjectKind,
)
from headrace.cluster.api.pods import events, logs
from headrace.cluster.api.transport import ApiRequest
from headrace.cluster.api.watch import follow
from headrace.cluster.install.manifests import InstallOptions, render
from headrace.core.base.errors import ClusterError
from tests.cluster.api.test_client import inference_service
from tests.cluster.api.test_crds import experiment
from tests.cluster.api_server import ApiServer, account
from tests.cluster.options import OPTIONS, option

pytestmark = pytest.mark.kubernetes

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
Allowed = set[tuple[str, str, str, str]]  # verb, resource, subresource, name


def _allowed(kinds: tuple[ObjectKind, ...], verbs: str, *, sub: str = "", name: str = "") -> Allowed:
    return {(verb, kind.resource, sub, name) for kind in kinds for verb in verbs.split()}


STEP = (
    _allowed((TASK_RESULTS,), "create patch")
    | _allowed((CONFIG_MAPS,), "get", name="kfp-launcher")
    | _allowed((SECRETS,), "get", name="mlpipeline-minio-artifact")
    | _allowed((PODS,), "get")
)
CLAIMS = _allowed((LEASES,), "get create patch delete")
DEPLOYER = (
    CLAIMS
    | _allowed((INFERENCE_SERVICES, INFERENCE_GRAPHS), "get watch create patch delete")
    | _allowed((DEPLOYMENTS,), "get")
    | _allowed((CONFIG_MAPS,), "get create patch")
    | _allowed((PODS, EVENTS), "list")
    | _allowed((PODS,), "get", sub="log")
)
TUNER = (
    CLAIMS
    | _allowed((EXPERIMENTS,), "get create delete")
    | _allowed((TRIALS,), "list")
    | _allowed((SUGGESTIONS, NAMESPACES), "get")
)
CLEANUP = (
    _allowed((LEASES,), "get list patch delete")
    | _allowed((EXPERIMENTS,), "get delete")
    | _allowed((INFERENCE_SERVICES,), "get watch patch delete")
    | _allowed((INFERENCE_GRAPHS,), "get watch create patch delete")
    | _allowed((CONFIG_MAPS,), "get list patch")
    | _allowed((DEPLOYMENTS,), "get")
    | _allowed((PODS, EVENTS), "list")
)
ACCOUNTS: dict[str, Allowed] = {
    "headrace-pipeline": STEP | DEPLOYER | TUNER,
    "headrace-deployer": DEPLOYER,
    "headrace-tuner": TUNER,
    "headrace-cleanup": CLEANUP,
    "headrace-retrain": DEPLOYER,
    "headrace-trial": set(),
    "headrace-serving": set(),
    "headrace-collector": set(),
    "headrace-monitor": set(),
}


@pytest.fixture(scope="module")
def installed(kubernetes: ApiServer) -> Cluster:
    """A namespace with the local overlay in it, and what collects, monitors and retrains."""
    name = f"rights-{secrets.token_hex(3)}"
    admin = kubernetes.admin(name)
    options = [document for one in OPTIONS for document in option(one, namespace=name)]
    for document in [*render(InstallOptions("local", namespace=name)), *options]:
        admin.apply(document)
    return admin


@pytest.fixture(params=ACCOUNTS)
def who(request: pytest.FixtureRequest, installed: Cluster) -> tuple[str, Cluster]:
    """Each account's name, and a client with its token."""
    return request.param, account(installed, request.param)


def _rules(cluster: Cluster) -> Allowed:
    """Every right that the server says an account has in its namespace."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": cluster.namespace},
    }
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    status = cluster.transport.json(ApiRequest("POST", path, "list its rights", body=body))["status"]
    found: Allowed = set()
    for rule in status["resourceRules"]:
        for verb, group, resource, name in itertools.product(
            rule["verbs"], rule["apiGroups"], rule["resources"], rule.get("resourceNames") or [""]
        ):
            plural, _, sub = resource.partition("/")
            found.add((verb, f"{plural}.{group}" if group else plural, sub, name))
    return found


def test_an_accounts_rights_are_these_and_no_others(who: tuple[str, Cluster], installed: Cluster) -> None:
    """The server's own list of its rights is the table above, beside what every account has."""
    name, client = who
    everybody = _rules(account(installed, "nobody"))
    assert _rules(client) - everybody == ACCOUNTS[name]


def test_every_verb_on_every_kind(who: tuple[str, Cluster]) -> None:
    """Asked one by one, the answers are the same; `update` and mass deletion are nobody's."""
    name, client = who
    kinds = [NAMESPACES, NODES, CRDS, SERVICE_ACCOUNTS, ROLES, ROLE_BINDINGS, NETWORK_POLICIES, CONFIG_MAPS, SECRETS]
    kinds += [
        TASK_RESULTS,
        INFERENCE_SERVICES,
        SERVING_RUNTIMES,
        DEPLOYMENTS,
        PODS,
        EXPERIMENTS,
        TRIALS,
        LEASES,
        CRON_JOBS,
        JOBS,
    ]
    wrong = []
    for kind, verb in itertools.product(kinds, VERBS):
        wanted = (verb, kind.resource, "", "") in ACCOUNTS[name]
        if kind is NAMESPACES:
            assert not may(client, AccessRight(verb, kind)), "of all namespaces"
            continue
        if may(client, AccessRight(verb, kind)) != wanted:
            wrong.append(f"{verb} {kind.resource}: {not wanted}")
    for kind, sub in (
        (INFERENCE_SERVICES, "status"),
        (PODS, "exec"),
        (SERVICE_ACCOUNTS, "token"),
        (DEPLOYMENTS, "scale"),
    ):
        wrong += [f"{verb} {kind}/{sub}" for verb in VERBS if may(client, AccessRight(verb, kind, subresource=sub))]
    assert not wrong


def test_nothing_is_allowed_elsewhere(who: tuple[str, Cluster]) -> None:
    """Rights end at the namespace."""
    _, client = who
    for namespace in ("default", "kubeflow"):
        with pytest.raises(ClusterError, match="cannot get"):
            client.get(NAMESPACES, namespace)
    for kind in (INFERENCE_SERVICES, EXPERIMENTS, PODS, SECRETS):
        assert not may(client, AccessRight("get", kind, namespace="default"))
        with pytest.raises(ClusterError) as caught:
            client.list(kind, everywhere=True)
        assert caught.value.reason == "forbidden"


def test_deploying_for_real(installed: Cluster) -> None:
    """The requests of a deployment pass under the deployer's own token."""
    deployer = account(installed, "headrace-deployer")
    deployer.apply(inference_service("heart"))
    deployer.apply(inference_service("heart", minReplicas=2))
    assert next(follow(deployer, INFERENCE_SERVICES, "heart", seconds=5))
    assert deployer.get(DEPLOYMENTS, "heart-predictor") is None
    assert deployer.list(PODS, labels="serving.kserve.io/inferenceservice=heart") == []
    assert events(deployer, "InferenceService", "heart") == []
    container = {"name": "main", "image": "nothing", "securityContext": {"runAsNonRoot": True}}
    installed.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [container]}}
    )
    assert logs(deployer, "a") == ""
    assert deployer.delete(INFERENCE_SERVICES, "heart")


def test_tuning_for_real(installed: Cluster) -> None:
    """The requests of a search pass under the tuner's own token."""
    tuner = account(installed, "headrace-tuner")
    assert (tuner.get(NAMESPACES, tuner.namespace) or {})["metadata"]["labels"]
    tuner.create(experiment("search"))
    assert tuner.get(EXPERIMENTS, "search")
    assert tuner.list(TRIALS, labels="katib.kubeflow.org/experiment=search") == []
    assert tuner.get(SUGGESTIONS, "search") is None
    assert tuner.delete(EXPERIMENTS, "search")


def test_a_pipelines_launcher_for_real(installed: Cluster) -> None:
    """What the launcher of Kubeflow Pipelines reads and writes in a step's pod."""
    pipeline = account(installed, "headrace-pipeline")
    for kind, name in (("ConfigMap", "kfp-launcher"), ("Secret", "mlpipeline-minio-artifact")):
        installed.apply({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}})
    assert pipeline.get(CONFIG_MAPS, "kfp-launcher")
    assert pipeline.get(SECRETS, "mlpipeline-minio-artifact")
    result = {"apiVersion": TASK_RESULTS.api_version, "kind": TASK_RESULTS.kind, "metadata": {"name": "step-1"}}
    pipeline.create(result)
    pipeline.patch(TASK_RESULTS, "step-1", {"outputs": {}})
    assert pipeline.get(PODS, "step-1") is None  # where the number of its attempt stands


_PRIVILEGES: dict[str, Callable[[Cluster], Any]] = {
    "read the store's keys": lambda c: c.get(SECRETS, "headrace-object-store"),
    "list secrets": lambda c: c.list(SECRETS),
    "run a pod": lambda c: c.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": [{"name": "x"}]}}
    ),
    "say that a model is ready": lambda c: c.patch_status(INFERENCE_SERVICES, "heart", {"url": "http://evil"}),
    "change the runtime": lambda c: c.patch(SERVING_RUNTIMES, "headrace", {"spec": {"disabled": True}}),
    "delete a policy": lambda c: c.delete(NETWORK_POLICIES, "headrace-default-deny"),
    "scale a deployment": lambda c: c.patch(DEPLOYMENTS, "heart-predictor", {"spec": {"replicas": 0}}),
    "give itself rights": lambda c: c.patch(ROLES, "headrace-step", {"rules": []}),
    "be bound to more": lambda c: c.create(
        {
            "apiVersion": ROLE_BINDINGS.api_version,
            "kind": "RoleBinding",
            "metadata": {"name": "more"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        }
    ),
    "take another's token": lambda c: c.transport.json(
        ApiRequest(
            "POST",
            SERVICE_ACCOUNTS.path(c.namespace, "headrace-deployer", "token"),
            "take a token",
            body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        )
    ),
    "relabel the namespace": lambda c: c.patch(NAMESPACES, c.namespace, {"metadata": {"labels": {"a": "b"}}}),
}


@pytest.mark.parametrize("privilege", _PRIVILEGES)
def test_what_must_not_work_does_not(who: tuple[str, Cluster], privilege: str) -> None:
    """Tried with each account's own token, for real."""
    _, client = who
    with pytest.raises(ClusterError) as caught:
        _PRIVILEGES[privilege](client)
    assert caught.value.reason == "forbidden"
