"""The commands of the guide for Kubernetes work as they are written, as far as a lone API server allows."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from headrace.cluster.api.kinds import NAMESPACES, NETWORK_POLICIES, SECRETS
from tests import fork_server
from tests.cluster.api_server import ApiServer, binary, namespace
from tests.cluster.kfp_install import kubeflow
from tests.conftest import REPOSITORY

GUIDE = REPOSITORY / "docs" / "guides" / "kubernetes.md"
_ELSEWHERE = ("kind ",)  # makes a cluster
_UNFIT = "headrace doctor"  # no node stands behind a lone API server, and its pods' store is not reached from here


def _blocks() -> list[tuple[str, str]]:
    """Language and text of each block of code."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


def _commands() -> list[str]:
    blocks = [text for language, text in _blocks() if not language]
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_the_guide_has_commands() -> None:
    """Otherwise the test below would run nothing."""
    commands = _commands()
    assert len([line for line in commands if line.startswith("headrace ")]) >= 12
    assert all(line.split()[0] in {"headrace", "kubectl", "kind", "export"} for line in commands), commands


@pytest.mark.kubernetes
def test_the_guides_commands_work(kubernetes: ApiServer, tmp_path: Path) -> None:
    """One after another, in one folder, with the variables that the guide sets."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "headrace").write_text(
        f'#!/bin/sh\nexec {shlex.quote(fork_server.python())} -m headrace.cli.main "$@"\n'
    )
    (programs / "headrace").chmod(0o755)
    (programs / "kubectl").symlink_to(binary("kubectl"))
    (tmp_path / "pipeline.yaml").write_text((GUIDE.parents[2] / "pipelines" / "compiled" / "training.yaml").read_text())
    ((_, overlay),) = [block for block in _blocks() if block[0] == "yaml"]
    (tmp_path / "mine" / "overlay").mkdir(parents=True)
    (tmp_path / "mine" / "overlay" / "kustomization.yaml").write_text(overlay)
    script = ["set -e"]
    for line in _commands():
        if line.startswith(_ELSEWHERE):
            continue
        # It ends with 1 where something is bad, and must not end with 2, which is a mistake in the command.
        script.append(f"{line} || [ $? = 1 ]" if line.startswith(_UNFIT) else line)
    script.append("kubectl apply --server-side -k mine/overlay")
    admin = kubernetes.admin()
    namespace(admin, "team-a")  # a profile
    with kubeflow(admin):
        ended = subprocess.run(
            ["sh", "-c", "\n".join(script)],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "KUBECONFIG": str(kubernetes.kubeconfig)},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    try:
        for name in ("kubeflow", "team-a"):
            labels = (admin.get(NAMESPACES, name) or {})["metadata"]["labels"]
            assert not [label for label in labels if label.startswith("pod-security")]
            policies = {one["metadata"]["name"] for one in admin.list(NETWORK_POLICIES, namespace=name)}
            assert policies <= {"headrace-object-store", "headrace-mlflow-database"}
            found = admin.get(SECRETS, "headrace-object-store", namespace=name)
            assert found
            assert "AWS_ACCESS_KEY_ID" in found["data"]
        assert "registry.internal:5000/mirror/mlflow/mlflow" in (tmp_path / "manifests" / "images.txt").read_text()
        assert (tmp_path / "found.json").is_file()
    finally:
        admin.delete(NAMESPACES, "team-a")
