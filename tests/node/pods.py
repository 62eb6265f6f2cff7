"""Pods and Jobs that run a command in the suite's image and end, held to what a careful cluster allows."""

import os
import secrets
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.cluster.api.client import Cluster, Document
from headrace.cluster.api.kinds import PODS
from headrace.cluster.api.pods import events, logs
from headrace.core.base.errors import MissingError
from tests.node.single_node import SingleNode

STEP = {"app.kubernetes.io/component": "headrace-step"}
CONTAINED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SCRATCH = "/tmp"  # noqa: S108 - the one place that a container may write to
_ENDED = {"Succeeded", "Failed"}
_WHO = (
    "id -u; touch /opt/x 2>/dev/null && echo writable || echo read-only; "
    "test -e /var/run/secrets/kubernetes.io && echo token || echo no-token"
)


def somebody() -> int:
    """A user that no image knows."""
    return 100_000 + secrets.randbelow(1_000_000)


def wait_for(happened: Callable[[], Any], what: str, seconds: float = 240) -> Any:
    """Wait until something is so, and give it."""
    deadline = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:.0f} s"
        time.sleep(0.2)
    return found


@dataclass(frozen=True)
class Work:
    """What a pod is to do.

    Attributes:
        command: Its command.
        image: Its image.
        account: Its service account.
        user: The user that it runs as.
        environment: Variables.
        keys: Secret whose keys become variables too; empty for none.
        claim: Claim of a volume; empty for none.
        folder: Where that is mounted.
    """

    command: Sequence[str]
    image: str
    account: str
    user: int = field(default_factory=somebody)
    environment: Mapping[str, str] = field(default_factory=dict)
    keys: str = "headrace-object-store"
    claim: str = ""
    folder: str = ""

    def document(self, name: str) -> dict[str, Any]:
        """The pod."""
        mounts, volumes = [{"name": "tmp", "mountPath": _SCRATCH}], [{"name": "tmp", "emptyDir": {}}]
        if self.claim:
            mounts.append({"name": "shared", "mountPath": self.folder})
            volumes.append({"name": "shared", "persistentVolumeClaim": {"claimName": self.claim}})
        container: dict[str, Any] = {
            "name": "main",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": list(self.command),
            "env": [{"name": key, "value": value} for key, value in self.environment.items()],
            "envFrom": [{"secretRef": {"name": self.keys}}] if self.keys else [],
            "volumeMounts": mounts,
            "securityContext": CONTAINED,
        }
        spec = {
            "serviceAccountName": self.account,
            "restartPolicy": "Never",
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 30,
            "securityContext": {"runAsUser": self.user, "runAsGroup": 0},
            "containers": [container],
            "volumes": volumes,
        }
        metadata = {"name": name, "labels": STEP}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def start(cluster: Cluster, work: Work, name: str) -> str:
    """Start a pod; its full name."""
    full = f"{name}-{secrets.token_hex(3)}"
    cluster.create(work.document(full))
    return full


def ended(cluster: Cluster, name: str, seconds: float = 240) -> tuple[int, str]:
    """Exit code and log of a pod, once it has ended."""
    deadline = time.monotonic() + seconds
    while True:
        pod = cluster.get(PODS, name)
        assert pod, f"{name} is gone"
        if pod.get("status", {}).get("phase") in _ENDED:
            break
        told = [event.message for event in events(cluster, "Pod", name)] if time.monotonic() > deadline else []
        assert time.monotonic() < deadline, f"{name} did not end: {pod['status']}\n{told}"
        time.sleep(0.2)
    (status,) = pod["status"]["containerStatuses"]
    return int(status["state"]["terminated"]["exitCode"]), said(cluster, name)


def said(cluster: Cluster, name: str) -> str:
    """The log of a pod; empty while there is none."""
    try:
        return logs(cluster, name, lines=10_000)
    except MissingError:
        return ""


def run(cluster: Cluster, work: Work, name: str, seconds: float = 240) -> tuple[int, str]:
    """Exit code and log of a pod, which is deleted afterwards."""
    full = start(cluster, work, name)
    found = ended(cluster, full, seconds)
    cluster.delete(PODS, full)
    return found


def is_ready(pod: Document) -> bool:
    """Whether a pod is ready, and not on its way out."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    ready = any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def kill_processes(pod: Document) -> int:
    """Kill the processes of headrace in a pod by SIGKILL, as the kernel does that has no memory left; how many."""
    killed = 0
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # no process, or one that ended while it was looked at
            if (
                pod["metadata"]["uid"] in (process / "cgroup").read_text()
                and b"headrace" in (process / "cmdline").read_bytes()
            ):
                os.kill(int(process.name), signal.SIGKILL)
                killed += 1
    return killed


def who_runs(node: SingleNode, pod: Document, container: str = "") -> list[str]:
    """The user of a container's processes, and whether its root may be written and whether it has a token.

    Args:
        node: The node.
        pod: The pod.
        container: The container; empty for the only one.
    """
    metadata = pod["metadata"]
    chosen = ("-c", container) if container else ()
    words = ("exec", metadata["name"], *chosen, "--", "sh", "-c", _WHO)
    return node.kubectl("-n", metadata["namespace"], *words).split()
