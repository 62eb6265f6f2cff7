"""Steps of pipelines as pods: kfp.local runs a pipeline, and each step's container runs on the node.

The folder that kfp.local keeps its artifacts in is the volume that the pods share: the node's volumes are folders of
this machine, and a link gives it a path that pods can have too.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from kfp import local
from kfp.local.docker_task_handler import DockerTaskHandler
from kfp.local.status import Status

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import CLAIMS, ObjectKind
from headrace.pipelines.definitions.catalogue import pipeline
from tests.node.pods import Work, run, somebody, wait_for

VOLUMES = ObjectKind("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
_CLAIM = "steps"
# Which account a step has whose right it needs; all others have the pipeline's.
ACCOUNTS = {"deploy": "headrace-deployer", "verify_endpoint": "headrace-deployer", "tune": "headrace-tuner"}


@dataclass
class Steps:
    """Where steps run.

    Attributes:
        cluster: Where their pods are made.
        image: The suite's image.
        volume: Where the shared volume is mounted; the same path on this machine.
        root: Folder in it for one pipeline.
        user: Who they run as; one user, for the volume has no group.
        ran: Names of the steps that ran, with exit codes and logs.
    """

    cluster: Cluster
    image: str
    volume: Path
    root: Path
    user: int = field(default_factory=somebody)
    ran: dict[str, tuple[int, str]] = field(default_factory=dict)

    def work(self, command: list[str], step: str, environment: dict[str, str]) -> Work:
        """The pod of a step."""
        account = ACCOUNTS.get(step, "headrace-pipeline")
        return Work(command, self.image, account, self.user, environment, claim=_CLAIM, folder=str(self.volume))

    def run(self, handler: DockerTaskHandler) -> Status:
        """Run a step's container as a pod."""
        step = handler.full_command[handler.full_command.index("--function_to_execute") + 1]
        environment = {**(handler.env_vars or {}), "HEADRACE_EVENTS": str(self.root / "events.jsonl")}
        self.ran[step] = run(self.cluster, self.work(handler.full_command, step, environment), step.replace("_", "-"))
        code, log = self.ran[step]
        sys.stdout.write(log)  # shown with a test that fails
        return Status.FAILURE if code else Status.SUCCESS

    def artifact(self, step: str, name: str) -> Path:
        """Where a step left an output."""
        found = [one for one in self.root.rglob(name) if one.parent.name.startswith(step.replace("_", "-"))]
        assert len(found) == 1, f"{step} left {found} as its output {name}"
        return found[0]

    def events(self) -> list[dict[str, Any]]:
        """What the steps told."""
        return [json.loads(row) for row in (self.root / "events.jsonl").read_text().splitlines()]


@contextmanager
def volume(cluster: Cluster, image: str, link: Path) -> Iterator[Path]:
    """A shared volume of the node for the length of the block; it appears once the first pod wants it."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": _CLAIM}, "spec": spec})
    probe = Work(["true"], image, "headrace-trial", claim=_CLAIM, folder="/shared")
    assert run(cluster, probe, "probe") == (0, "")
    claim = wait_for(lambda: _bound(cluster), "the volume")
    found = cluster.get(VOLUMES, claim["spec"]["volumeName"]) or {}
    source = found["spec"].get("hostPath") or found["spec"]["local"]
    link.symlink_to(source["path"])
    try:
        yield link
    finally:
        cluster.delete(CLAIMS, _CLAIM)


def _bound(cluster: Cluster) -> Any:
    claim = cluster.get(CLAIMS, _CLAIM) or {}
    return claim if claim.get("status", {}).get("phase") == "Bound" else None


def run_pipeline(made: Steps, name: str, arguments: dict[str, Any], patch: pytest.MonkeyPatch) -> None:
    """Run a pipeline, each step in a pod.

    Raises:
        RuntimeError: If a step failed.
    """
    made.root.mkdir()
    made.root.chmod(0o777)  # for whoever the pods run as
    patch.setattr(DockerTaskHandler, "run", lambda handler: made.run(handler))  # noqa: PLW0108 - a method would take its place
    local.init(runner=local.DockerRunner(), pipeline_root=str(made.root))
    pipeline(name)(**arguments)
