"""Following a run whose pods stand in a real API server; Kubeflow Pipelines and the kubelet are played."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headrace.cluster.api.client import Cluster
from tests import fork_server
from tests.cluster.api_server import ApiServer
from tests.cluster.kfp_server import kubeflow_pipelines
from tests.cluster.kubelet import pod
from tests.conftest import headrace
from tests.pipelines import tiny

pytestmark = pytest.mark.kubernetes
WORDS = 'waiting, ErrImagePull: failed to pull image "x": not found'


@contextmanager
def lines_of(process: subprocess.Popen[str]) -> Iterator[Iterator[str]]:
    """What a process prints, line by line; it has ended after the block."""
    assert process.stdout is not None
    with process:
        try:
            yield iter(process.stdout.readline, "")
        finally:
            process.kill()


def test_what_keeps_a_run_from_starting_is_told_within_a_minute(
    kubernetes: ApiServer, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a pipe as to a terminal, and by logs; neither the API nor its Workflow say it. It is cancelled then."""
    status = {"name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 0}
    waiting = {"reason": "ErrImagePull", "message": 'failed to pull image "x": not found'}
    states = {"phase": "Pending", "containerStatuses": [{**status, "state": {"waiting": waiting}}]}
    with kubeflow_pipelines(stuck={"measure-driver": "never told"}, kept=False) as server:
        told = {
            "HEADRACE_KFP_ENDPOINT": server.address,
            "HEADRACE_KFP_NAMESPACE": cluster.namespace,
            "KUBECONFIG": str(kubernetes.kubeconfig),
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        arguments = ["--argument", "x=0.5", "--argument", "result=r", "-o", str(tmp_path / "out")]
        command = ["submit", str(tiny.compiled(tmp_path / "tiny.yaml")), "-f", *arguments]
        began = time.monotonic()
        following = subprocess.Popen(
            [fork_server.python(), "-m", "headrace.cli.main", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        with lines_of(following) as lines:
            assert any("has begun" in line for line in lines)
            (run,) = server.runs
            pod(cluster, "wf-1", on="nowhere", run=run, step="measure-driver", status=states)
            assert next(line for line in lines if "!" in line) == f"  ! measure: its driver: {WORDS}\n"
            assert time.monotonic() - began < 60
            said = headrace("logs", run)
            assert said.returncode == 0, said.stderr
            assert "Not begun: measure (pending), report-metrics (pending)" in said.stdout
            assert f"! measure: its driver: {WORDS}" in said.stdout
            assert f"! the run: it has no Workflow in {cluster.namespace}" in said.stdout
            assert headrace("cancel", run).returncode == 0
            _, errors = following.communicate(timeout=60)
    assert following.returncode == 2
    assert "was cancelled" in errors
