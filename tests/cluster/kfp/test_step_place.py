"""Where Kubeflow Pipelines runs steps is found, and an installation there leaves alone what is not Headrace's."""

import base64
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.access_review import AccessRight, may
from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import (
    CONFIG_MAPS,
    EXPERIMENTS,
    INFERENCE_SERVICES,
    LEASES,
    NAMESPACES,
    NETWORK_POLICIES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    TASK_RESULTS,
)
from headrace.cluster.doctor.namespace import check_namespace
from headrace.cluster.doctor.steps import check_steps
from headrace.cluster.install.manifests import InstallOptions, home, own_namespace, render
from headrace.cluster.install.requirements import ClusterRequirements
from headrace.cluster.kfp import client
from headrace.cluster.kfp.step_place import StepPlace, find
from headrace.core.base.environment_values import KfpSettings
from headrace.core.base.errors import InputError
from headrace.kustomize import OVERLAYS
from tests.cluster.api_server import ApiServer, account, namespace
from tests.cluster.kfp_install import accounts, kubeflow
from tests.cluster.kfp_server import kubeflow_pipelines
from tests.conftest import headrace

ALL = ClusterRequirements(purposes=frozenset({"run", "deploy", "rollout", "tune"}))


@pytest.fixture
def profile(kubernetes: ApiServer) -> Cluster:
    """A user's namespace, with the account that Kubeflow makes there."""
    made = namespace(kubernetes.admin(), f"profile-{secrets.token_hex(3)}")
    accounts(made, "default-editor")
    return made


@pytest.fixture
def one_user(kubernetes: ApiServer) -> Iterator[Cluster]:
    """Kubeflow Pipelines for one user, in a namespace of its own."""
    with kubeflow(kubernetes.admin(), f"kfp-{secrets.token_hex(3)}") as there:
        yield there


@pytest.mark.kubernetes
def test_one_user_has_steps_where_kubeflow_pipelines_is(one_user: Cluster, cluster: Cluster) -> None:
    """Its API says that there is one user, the cluster where the server is; each is enough for what it knows."""
    expected = StepPlace(one_user.namespace, "pipeline-runner", several_users=False, on_cluster=True)
    with kubeflow_pipelines() as server:
        assert find(cluster, client.connect(server.settings)) == expected
        usual = find(None, client.connect(server.settings))
        assert usual == StepPlace("kubeflow", "pipeline-runner", several_users=False, on_cluster=False)
    assert find(cluster, None) == expected
    assert find(cluster, client.connect(KfpSettings("http://127.0.0.1:9"))) == expected
    assert str(expected).startswith("Kubeflow Pipelines has one user: it runs steps in its own namespace, kfp-")


@pytest.mark.kubernetes
def test_several_users_have_steps_in_their_own_namespaces(kubernetes: ApiServer, profile: Cluster) -> None:
    """The one that is named, or else the one in which one works."""
    with kubeflow(kubernetes.admin(), several_users=True):
        expected = StepPlace(profile.namespace, "default-editor", several_users=True, on_cluster=True)
        assert find(profile, None) == expected
        with kubeflow_pipelines(several_users=True) as server:
            named = client.connect(replace(server.settings, namespace=profile.namespace))
            assert find(kubernetes.admin(), named) == expected
            assert find(None, named) == replace(expected, on_cluster=False)
            assert find(account(profile, "somebody"), named) == expected, "who may look at nothing asks the API"
    assert find(profile, None) is None, "there is no Kubeflow Pipelines any more"


@pytest.mark.kubernetes
def test_an_installation_where_steps_run_touches_nothing_of_others(one_user: Cluster) -> None:
    """Neither labels nor policies on their pods; accounts and rights are there, for the usual account too."""
    before = one_user.get(NAMESPACES, one_user.namespace) or {}
    place = find(one_user, None)
    assert place
    (found,) = check_steps(one_user, replace(place, account="headrace-pipeline"), ALL)
    assert (found.state, found.area) == ("good", "Steps")
    refused = check_steps(one_user, place, ALL)[-1]
    assert refused.state == "note"
    assert refused.text.startswith(
        "a run that names no account runs as pipeline-runner, which may not deploy with KServe"
    )
    assert "--bind-service-account pipeline-runner" in refused.remedy
    wrong = [
        AccessRight("create", kind) for kind in (INFERENCE_SERVICES, LEASES, CONFIG_MAPS, EXPERIMENTS)
    ]  # as it was seen of the account that Kubeflow Pipelines brings
    assert not any(may(one_user, right, service_account="pipeline-runner") for right in wrong)
    for document in render(
        InstallOptions("local", namespace=one_user.namespace, shared=True, bound_service_accounts=("pipeline-runner",))
    ):
        one_user.apply(document, manager="overlay")
    after = one_user.get(NAMESPACES, one_user.namespace) or {}
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    policies = one_user.list(NETWORK_POLICIES)
    assert [one["metadata"]["name"] for one in policies] == ["headrace-object-store"]
    assert one_user.get(SERVICE_ACCOUNTS, "headrace-pipeline")
    for right in (*wrong, AccessRight("create", TASK_RESULTS), AccessRight("get", PODS)):
        assert may(one_user, right, service_account="headrace-pipeline"), right
        assert may(one_user, right, service_account="pipeline-runner"), right
    assert [finding.state for finding in check_steps(one_user, place, ALL)] == ["good"]


@pytest.mark.kubernetes
def test_an_installation_beside_the_steps_is_told(one_user: Cluster, cluster: Cluster) -> None:
    """A namespace that is Headrace's own is none in which one user's Kubeflow Pipelines runs anything."""
    place = find(cluster, None)
    (found,) = check_steps(cluster, place, ALL)
    assert found.state == "bad"
    assert found.text.endswith(f"; this is {cluster.namespace}")
    assert f"--namespace {one_user.namespace}" in found.remedy
    (found,) = check_steps(cluster, place, ClusterRequirements())
    assert found.state == "warning"
    (found,) = check_steps(cluster, None, ALL)
    assert (found.state, "HEADRACE_KFP_ENDPOINT" in found.remedy) == ("unknown", True)


@pytest.mark.kubernetes
def test_a_namespace_that_kserve_passes_over_is_told(one_user: Cluster) -> None:
    """Its maintainers serve no models in a namespace of the platform's own, which a label marks."""
    one_user.patch(NAMESPACES, one_user.namespace, {"metadata": {"labels": {"control-plane": "kubeflow"}}})
    (found,) = [one for one in check_namespace(one_user, ALL) if one.state == "warning"]
    assert "KServe does not serve models in such a namespace" in found.text
    assert not [one for one in check_namespace(one_user, ClusterRequirements()) if "KServe" in one.text]


@pytest.mark.kubernetes
def test_the_commands_find_where_steps_run(kubernetes: ApiServer, one_user: Cluster, tmp_path: Path) -> None:
    """Manifests, keys and examination, without a namespace being named; each says which it is."""
    environment = {
        "KUBECONFIG": str(kubernetes.kubeconfig),
        "HEADRACE_S3_ENDPOINT": "http://store:9000",
        "HEADRACE_S3_ACCESS_KEY": "me",
        "HEADRACE_S3_SECRET_KEY": "my-s3cret",
    }
    ended = headrace("cluster", "render", "local", "--detect-namespace", "-o", str(tmp_path), **environment)
    assert ended.returncode == 0, ended.stderr
    assert f"it runs steps in its own namespace, {one_user.namespace}" in ended.stdout
    assert f"{one_user.namespace} is used by others too" in ended.stdout
    documents = list(yaml.safe_load_all((tmp_path / "local.yaml").read_text()))
    assert {one["metadata"]["namespace"] for one in documents} == {one_user.namespace}
    ended = headrace("cluster", "keys", **environment)
    assert ended.returncode == 0, ended.stderr
    assert f"the Secret headrace-object-store in {one_user.namespace} holds the keys" in ended.stdout
    data = (one_user.get(SECRETS, "headrace-object-store") or {})["data"]
    assert base64.b64decode(data["HEADRACE_S3_ENDPOINT"]) == b"http://store:9000"
    ended = headrace("doctor", "--platform", "cluster", **environment)
    assert f"namespace {one_user.namespace}" in ended.stdout.splitlines()[0]
    assert "✓ Steps" in ended.stdout
    ended = headrace("cluster", "keys", "--namespace", "default", **environment)
    assert f"headrace cluster keys --namespace {one_user.namespace}" in ended.stdout


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_namespace_that_others_use_is_left_alone(overlay: str) -> None:
    """No object is the namespace, and no policy selects a pod that is not Headrace's own, or keeps it from names."""
    documents = render(InstallOptions(overlay, namespace="kubeflow", shared=True))
    assert {one["metadata"]["namespace"] for one in documents} == {"kubeflow"} == {home(documents)}
    policies = [one["spec"] for one in documents if one["kind"] == "NetworkPolicy"]
    assert policies
    for spec in policies:
        assert spec["podSelector"]["matchLabels"]["app.kubernetes.io/name"].startswith("headrace-")
        assert spec["policyTypes"] == ["Ingress"]
    whole = [one for one in render(InstallOptions(overlay)) if one["kind"] not in {"Namespace", "NetworkPolicy"}]
    assert len(documents) == len(whole) + len(policies)


@pytest.mark.parametrize("name", ["kubeflow", "default", "kube-system", "kserve"])
def test_what_is_not_headraces_alone_is_not_made(name: str) -> None:
    """The platform's own namespaces are refused in one sentence."""
    with pytest.raises(InputError, match=f"{name} is not: leave out --create-namespace"):
        InstallOptions("local", namespace=name)


def _said(*arguments: str) -> Any:
    return headrace("cluster", "render", *arguments, KUBECONFIG="/nowhere", HEADRACE_KFP_ENDPOINT="")


def test_a_namespace_is_made_on_request_only(tmp_path: Path) -> None:
    """One that is named may be another's; what stands in no relation is refused."""
    folder = str(tmp_path)
    for options, kinds in (
        (["--namespace", "team-a"], set()),
        (["--namespace", "team-a", "--create-namespace"], {"Namespace"}),
        (["--namespace", own_namespace("local")], {"Namespace"}),
        ([], {"Namespace"}),
    ):
        assert _said("local", "-o", folder, *options).returncode == 0
        found = yaml.safe_load_all((tmp_path / "local.yaml").read_text())
        assert {one["kind"] for one in found} & {"Namespace"} == kinds, options
    for options, says in (
        (["--create-namespace"], "--create-namespace must be given with --namespace"),
        (["--detect-namespace", "--namespace", "x"], "--detect-namespace must not be given with --namespace"),
        (["--bind-service-account", "Pipeline Runner"], "--bind-service-account must be at most 63"),
        (["--detect-namespace"], "no cluster is known"),
    ):
        ended = _said("local", "-o", folder, *options)
        assert ended.returncode == 2
        assert says in ended.stderr
