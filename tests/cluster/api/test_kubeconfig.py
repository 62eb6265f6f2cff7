"""How a cluster is found."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from headrace.cluster.api.kinds import PODS
from headrace.cluster.api.kubeconfig import connect, with_token
from headrace.core.base.errors import ClusterError
from tests.cluster.http import answering

NOWHERE = Path("/nowhere")


def _kubeconfig(path: Path, *, namespace: str | None = "models", port: int = 6443, **change: Any) -> Path:
    context = {"cluster": "here", "user": "me"} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": {"token": "s3cret"}}],
        "contexts": [{"name": "one", "context": context}, {"name": "two", "context": {**context, "namespace": "b"}}],
        **change,
    }
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture(autouse=True)
def _no_kubeconfig(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What Kubernetes puts into a pod."""
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    for name, text in (("token", "pod-token"), ("ca.crt", "not empty"), ("namespace", "pods-own\n")):
        (folder / name).write_text(text)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return folder


def test_the_kubeconfig_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its current context decides, unless another is named; so does its namespace."""
    monkeypatch.setenv("KUBECONFIG", str(_kubeconfig(tmp_path / "config")))
    found = connect(folder=NOWHERE)
    assert (found.address, found.namespace, found.context) == ("http://127.0.0.1:6443", "models", "one")
    assert connect(context="two", folder=NOWHERE).namespace == "b"
    assert connect(namespace="other", folder=NOWHERE).namespace == "other"


def test_kubectls_default_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a variable, the file that kubectl reads is read; without a namespace it is the default one."""
    (tmp_path / ".kube").mkdir()
    _kubeconfig(tmp_path / ".kube" / "config", namespace=None)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert connect(folder=NOWHERE).namespace == "default"


def test_several_files_are_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are joined by colons are merged, and those that are not there are passed over."""
    first = _kubeconfig(tmp_path / "a", contexts=[])
    second = _kubeconfig(tmp_path / "b")
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'none'}:{second}")
    assert connect(context="two", folder=NOWHERE).namespace == "b"


def test_a_pods_service_account(pod: Path) -> None:
    """In a pod, its own address, token and namespace are used."""
    found = connect(folder=pod)
    assert (found.address, found.namespace, found.context) == ("https://10.96.0.1:443", "pods-own", "")
    headers: dict[str, str] = {}
    found.transport.api.update_params_for_auth(headers, [], ["BearerToken"])
    assert headers == {"authorization": "bearer pod-token"}


def test_a_named_kubeconfig_comes_before_the_pod(pod: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who sets KUBECONFIG in a pod means it."""
    monkeypatch.setenv("KUBECONFIG", str(_kubeconfig(tmp_path / "config")))
    assert connect(folder=pod).namespace == "models"


def test_a_pod_without_variables(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service account alone does not tell where the server is."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    with pytest.raises(ClusterError, match="set KUBECONFIG") as caught:
        connect(folder=pod)
    assert caught.value.reason == "config"


def test_no_cluster_at_all() -> None:
    """It is said what to set."""
    with pytest.raises(ClusterError, match=r"^no cluster is known: .*~/\.kube/config; set KUBECONFIG"):
        connect(folder=NOWHERE)


@pytest.mark.parametrize(
    "change",
    [
        {"current-context": "three"},
        {"contexts": None},
        {"contexts": "one"},
        {"clusters": []},
        {"contexts": [{"name": "one"}]},
        {"users": [{"name": "me", "user": {"client-certificate": "/nowhere.pem", "client-key": "/nowhere.key"}}],
         "clusters": [{"name": "here", "cluster": {"server": "https://127.0.0.1"}}]},
        {"clusters": [{"name": "here", "cluster": {"server": "https://x", "certificate-authority-data": "a"}}]},
        {"clusters": [{"name": "here", "cluster": {"server": "https://x", "certificate-authority": "/nowhere.crt"}}]},
    ],
)  # fmt: skip
def test_a_kubeconfig_that_cannot_be_used(change: dict[str, Any], tmp_path: Path) -> None:
    """Whatever is wrong with it, one sentence names the file, and no secret."""
    path = _kubeconfig(tmp_path / "config", **change)
    with pytest.raises(ClusterError, match="config cannot be used") as caught:
        connect(kubeconfig=str(path), folder=NOWHERE)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "a: [", "just words", "[1, 2]", "\x00"])
def test_a_file_that_is_no_kubeconfig(text: str, tmp_path: Path) -> None:
    """Any file is refused in one sentence."""
    (tmp_path / "config").write_text(text)
    with pytest.raises(ClusterError, match="config cannot be used"):
        connect(kubeconfig=str(tmp_path / "config"), folder=NOWHERE)


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    """The context's name stands in the sentence."""
    path = _kubeconfig(tmp_path / "config")
    with pytest.raises(ClusterError, match="context 'nine'"):
        connect(kubeconfig=str(path), context="nine", folder=NOWHERE)


def test_kubernetes_client_is_imported_when_it_is_needed() -> None:
    """It is slow, and most commands need no cluster."""
    script = "import sys, headrace.cluster.doctor.examine, headrace.cluster.install.secrets; "
    script += "import headrace.cluster.install.manifests; "
    script += "sys.exit('kubernetes' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_keys_are_not_shown(tmp_path: Path) -> None:
    """A client that is printed shows no token."""
    found = connect(kubeconfig=str(_kubeconfig(tmp_path / "config")), folder=NOWHERE)
    assert "s3cret" not in repr(found)
    assert "other-token" not in repr(with_token(found, "other-token"))


@pytest.mark.parametrize(
    ("certificate", "told"),
    [({"certificate-authority-data": "aGVsbG8="}, "certificate"), ({}, "is not an address of an API server")],
)
def test_a_certificate_that_is_none(tmp_path: Path, certificate: dict[str, str], told: str) -> None:
    """Bytes that are no certificate, and a server without TLS, are noticed with the first request."""
    with answering((200, b"{}")) as (plain, _):
        server = {"server": plain.address.replace("http:", "https:"), **certificate}
        path = _kubeconfig(tmp_path / "config", clusters=[{"name": "here", "cluster": server}])
        with pytest.raises(ClusterError, match=told) as caught:
            connect(kubeconfig=str(path), folder=NOWHERE).get(PODS, "a")
    assert caught.value.reason == "config"
