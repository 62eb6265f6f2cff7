"""Every overlay and every option is taken by a real API server."""

import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import NAMESPACES, SECRETS, SERVING_RUNTIMES
from headrace.cluster.api.yaml_documents import dump_all
from headrace.cluster.install.manifests import InstallOptions, render
from headrace.kustomize import FOLDER, OVERLAYS
from tests.cluster.api_server import ApiServer, binary
from tests.cluster.options import OPTIONS, option

pytestmark = pytest.mark.kubernetes

COMPONENTS = sorted(path.name for path in (FOLDER / "components").iterdir())


def _kubectl(server: ApiServer, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(binary("kubectl")), "--kubeconfig", str(server.kubeconfig), *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_applied(kubernetes: ApiServer, overlay: str) -> None:
    """Applied by a user's kubectl, with every warning an error; the second time nothing changes."""
    name = f"{overlay}-{secrets.token_hex(3)}"
    text = dump_all(render(InstallOptions(overlay, namespace=name)))
    ended = _kubectl(kubernetes, "apply", "--server-side", "--warnings-as-errors", "-f", "-", text=text)
    assert ended.returncode == 0, ended.stderr
    admin = kubernetes.admin(name)
    assert admin.get(NAMESPACES, name)
    before = {
        document["metadata"]["name"]: _version(admin, document) for document in render(InstallOptions(overlay, name))
    }
    assert _kubectl(kubernetes, "apply", "--server-side", "-f", "-", text=text).returncode == 0
    assert before == {
        document["metadata"]["name"]: _version(admin, document) for document in render(InstallOptions(overlay, name))
    }


def _version(admin: Cluster, document: dict[str, Any]) -> str:
    found = admin.get(admin.kind_of(document), document["metadata"]["name"])
    assert found, document
    return str(found["metadata"]["generation"] if "generation" in found["metadata"] else found["metadata"]["uid"])


def test_applying_again_leaves_the_keys_alone(kubernetes: ApiServer, cluster: Cluster) -> None:
    """The Secret of the manifest has no value, and takes none away, however it is applied."""
    text = dump_all(render(InstallOptions("local", namespace=cluster.namespace)))
    assert _kubectl(kubernetes, "apply", "--server-side", "-f", "-", text=text).returncode == 0
    cluster.patch(SECRETS, "headrace-object-store", {"stringData": {"HEADRACE_S3_ACCESS_KEY": "mine"}}, manager="keys")
    for way in ("--server-side", "--server-side=false"):
        ended = _kubectl(kubernetes, "apply", way, "-f", "-", text=text)
        assert ended.returncode == 0, ended.stderr
        assert set((cluster.get(SECRETS, "headrace-object-store") or {})["data"]) == {"HEADRACE_S3_ACCESS_KEY"}


@pytest.mark.parametrize("component", COMPONENTS)
def test_an_option_is_applied(kubernetes: ApiServer, component: str, tmp_path: Path) -> None:
    """Each option goes with the base alone, and the server takes it without changing it."""
    subprocess.run(["cp", "-rL", str(FOLDER), str(tmp_path / "kustomize")], check=True)
    name = f"option-{secrets.token_hex(3)}"
    own = tmp_path / "own"
    own.mkdir()
    document = {
        "namespace": name,
        "resources": ["../kustomize/base"],
        "components": [f"../kustomize/components/{component}"],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(document))
    if component == "existing-namespace":
        kubernetes.admin().create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    ended = _kubectl(kubernetes, "apply", "--server-side", "--warnings-as-errors", "-k", str(own))
    assert ended.returncode == 0, ended.stderr
    runtime = kubernetes.admin(name).get(SERVING_RUNTIMES, "headrace")
    assert runtime
    container = runtime["spec"]["containers"][0]
    if component == "gpu":
        assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert runtime["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu"
    if component.startswith("autoscaling"):
        assert runtime["spec"]["annotations"]["serving.kserve.io/autoscalerClass"] == "external"
    if component == "existing-namespace":
        labels = (kubernetes.admin().get(NAMESPACES, name) or {})["metadata"]["labels"]
        assert "pod-security.kubernetes.io/enforce" not in labels


def test_a_shared_namespace_gets_no_policy_that_needs_ours_for_names(tmp_path: Path) -> None:
    """Of the options too: a pod with a policy of its own for what it calls could look up no name there."""
    subprocess.run(["cp", "-rL", str(FOLDER), str(tmp_path / "kustomize")], check=True)
    own = tmp_path / "own"
    own.mkdir()
    options = [name for name in COMPONENTS if name not in {"existing-namespace", "autoscaling-hpa"}]
    document = {
        "namespace": "team-a",
        "resources": ["../kustomize/base"],
        "components": [f"../kustomize/components/{name}" for name in [*options, "existing-namespace"]],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(document))
    made = subprocess.run([str(binary("kubectl")), "kustomize", str(own)], check=True, capture_output=True, text=True)
    policies = [one for one in yaml.safe_load_all(made.stdout) if one["kind"] == "NetworkPolicy"]
    assert {one["metadata"]["name"] for one in policies if "Egress" in one["spec"]["policyTypes"]} == set()


def test_our_own_client_applies_an_overlay(kubernetes: ApiServer) -> None:
    """Every object passes strict validation: no field is unknown to the server."""
    name = f"own-{secrets.token_hex(3)}"
    admin = kubernetes.admin(name)
    for document in render(InstallOptions("production", namespace=name)):
        applied = admin.apply(document)
        wanted = document.get("spec", {})
        assert set(wanted) <= set(applied.get("spec", {}))


def test_pods_of_the_manifests_are_restricted(kubernetes: ApiServer) -> None:
    """The strictest of Kubernetes' pod security standards lets every pod of ours pass."""
    name = f"restricted-{secrets.token_hex(3)}"
    admin = kubernetes.admin(name)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    admin.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    made = 0
    for documents in [*(render(InstallOptions(overlay)) for overlay in OVERLAYS), *map(option, OPTIONS)]:
        for document in documents:
            spec = document["spec"] if document["kind"] == "ServingRuntime" else None
            if document["kind"] == "CronJob":
                spec = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]
            if "template" in document.get("spec", {}):
                spec = document["spec"]["template"]["spec"]
            if spec:
                pod = {key: value for key, value in spec.items() if key in {"containers", "volumes", "securityContext"}}
                volumes = {volume["name"] for volume in pod.get("volumes", [])}
                claims = {"data"} - volumes
                pod["volumes"] = [*pod.get("volumes", []), *({"name": claim, "emptyDir": {}} for claim in claims)]
                admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"pod-{made}"}, "spec": pod})
                made += 1
    assert made >= 15
