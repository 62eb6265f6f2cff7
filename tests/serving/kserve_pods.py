"""Pods of the played platform: objects in a real API server, and for each that can run a real server process here."""

import json
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from minio import Minio

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import PODS
from headrace.core.base.files import read_json
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import start_guarded, stop
from tests.serving.kubelet import Kubelet

if TYPE_CHECKING:
    import subprocess

METRICS_PORT = "prometheus.kserve.io/port"
SOURCE = "internal.serving.kserve.io/storage-initializer-sourceuri"
Document = Mapping[str, Any]


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def initialize(uri: str, folder: Path, settings: StoreSettings) -> None:
    """Fetch a model as KServe's storage initializer does: by prefix, without empty objects, without looking at digests.

    Raises:
        RuntimeError: If nothing lies there.
    """
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    client = Minio(
        settings.endpoint.removeprefix("http://"),
        settings.access_key,
        settings.secret_key,
        secure=False,
        region=settings.region,
    )
    count = 0
    for entry in client.list_objects(bucket, prefix, recursive=True):
        key = str(entry.object_name)
        if not entry.size or key.endswith("/"):
            continue
        client.fget_object(bucket, key, str(folder / key[len(prefix) :].lstrip("/")))
        count += 1
    if not count:
        raise RuntimeError(f"Failed to fetch model. No model found in {uri}.")


@dataclass
class Pod:
    """A pod.

    Attributes:
        name: Its name.
        uri: Address of its bundle.
        fault: What is wrong with it; empty if nothing is.
        port: Where its server listens; 0 before it answers.
    """

    name: str
    uri: str
    fault: str = ""
    port: int = 0
    made: float = field(default_factory=time.monotonic)
    when: str = field(default_factory=now)
    process: "subprocess.Popen[bytes] | None" = None
    folder: Path = Path()
    crashes: int = 0
    said: str = ""
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def age(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self.made


@dataclass
class Node:
    """Where pods run.

    Attributes:
        cluster: The API server, as an administrator.
        kubelet: What tells their logs.
        store: The object store that the storage initializer reads.
        folder: Where their files lie.
        lease_path: The lease that their processes must not outlive.
    """

    cluster: Cluster
    kubelet: Kubelet
    store: StoreSettings
    folder: Path
    lease_path: Path

    def make(self, base: str, uri: str, *, labels: Document, container: Document, fault: str, serves: str) -> Pod:
        """Make a pod and begin to start it.

        Args:
            base: Beginning of its name.
            uri: Address of its bundle, as it is said.
            labels: Its labels.
            container: The server's container.
            fault: What will be wrong with it.
            serves: Address of the bundle that it really gets.
        """
        pod = Pod(f"{base}-{secrets.token_hex(3)}", uri, fault)
        spec: dict[str, Any] = {
            "initContainers": [
                {"name": "storage-initializer", "image": "kserve/storage-initializer", "args": [uri, "/mnt/models"]}
            ],
            "containers": [dict(container)],
        }
        if fault != "unschedulable":
            spec["nodeName"] = self.kubelet.node
        metadata = {"name": pod.name, "labels": dict(labels), "annotations": {SOURCE: uri}}
        self.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        pod.folder = self.folder / pod.name
        if fault in {"", "crash", "tampered"}:
            try:
                initialize(serves, pod.folder / "models", self.store)
            except RuntimeError as error:
                pod.fault, pod.said = "load", str(error)
            else:
                if fault == "crash":
                    (pod.folder / "models" / "card.md").unlink()
                self.start(pod, container)
        elif fault == "load":
            pod.said = f"Failed to fetch model. No model found in {uri}."
        return pod

    def start(self, pod: Pod, container: Document) -> None:
        """Start its server, as its container says, but here."""
        own = {"--model": str(pod.folder / "models"), "--host": "127.0.0.1", "--port": "0"}
        given = [arg for arg in container["args"] if arg.partition("=")[0] not in own]
        arguments = [f"{key}={value}" for key, value in own.items()]
        command = [sys.executable, *container["command"][1:], *given, *arguments]
        command.append(f"--address-file={pod.folder / 'address.json'}")
        with (pod.folder / "log").open("ab") as log:
            pod.process = start_guarded(command, lease_path=self.lease_path, log=log)

    def look(self, pod: Pod, container: Document) -> None:
        """See how a pod does, and write its status."""
        if pod.process is not None and not pod.port:
            if (pod.folder / "address.json").exists():
                pod.port = int(read_json(pod.folder / "address.json")["url"].split(":")[2].split("/")[0])
                # All pods have one address here: each says by KServe's annotation at which port its metrics are.
                annotated = {"metadata": {"annotations": {METRICS_PORT: str(pod.port)}}}
                self.cluster.patch(PODS, pod.name, annotated)
            elif pod.process.poll() is not None:
                pod.crashes += 1
                text = (pod.folder / "log").read_text()
                for previous in (False, True):
                    self.kubelet.logs[pod.name, "kserve-container", previous] = text
                if pod.crashes < 2:
                    self.start(pod, container)
                else:
                    pod.process = None
        status = _STATUSES.get(pod.fault, _running)(pod)
        if status != pod.told:
            pod.told = status
            self.cluster.patch_status(PODS, pod.name, status)

    def end(self, pod: Pod) -> None:
        """End its process and delete it."""
        if pod.process is not None:
            stop(pod.process)
        self.cluster.delete(PODS, pod.name)


def _state(name: str, state: Document, *, ready: bool = False, restarts: int = 0, last: Document | None = None) -> Any:
    entry = {"name": name, "image": "x", "imageID": "", "ready": ready, "restartCount": restarts, "state": dict(state)}
    return {**entry, "lastState": dict(last or {})}


def _conditions(**statuses: bool) -> list[dict[str, str]]:
    return [{"type": kind, "status": str(holds)} for kind, holds in statuses.items()]


def _running(pod: Pod) -> dict[str, Any]:
    if pod.crashes >= 2:
        ended = {"exitCode": 2, "reason": "Error", "startedAt": pod.when, "finishedAt": pod.when}
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
        entry = _state("kserve-container", {"waiting": waiting}, restarts=2, last={"terminated": ended})
        return {"phase": "Running", "containerStatuses": [entry], "conditions": _conditions(PodScheduled=True)}
    ready = bool(pod.port)
    state = {"running": {"startedAt": pod.when}} if ready else {"waiting": {"reason": "ContainerCreating"}}
    return {
        "phase": "Running" if ready else "Pending",
        **({"podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}]} if ready else {}),
        "containerStatuses": [_state("kserve-container", state, ready=ready)],
        "conditions": _conditions(PodScheduled=True, Ready=ready),
    }


def _image(pod: Pod) -> dict[str, Any]:
    reason = "ErrImagePull" if pod.age < 0.5 else "ImagePullBackOff"
    waiting = {"reason": reason, "message": 'Back-off pulling image "headrace/headrace-python:none"'}
    return {
        "phase": "Pending",
        "containerStatuses": [_state("kserve-container", {"waiting": waiting})],
        "conditions": _conditions(PodScheduled=True),
    }


def _nowhere(_: Pod) -> dict[str, Any]:
    message = "0/1 nodes are available: 1 Insufficient memory."
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {"phase": "Pending", "conditions": [condition]}


def _load(pod: Pod) -> dict[str, Any]:
    ended = {"exitCode": 1, "reason": "Error", "message": pod.said}
    if pod.age < 0.5:
        state: dict[str, Any] = {"terminated": ended}
        entry = _state("storage-initializer", state)
    else:
        waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}
        entry = _state("storage-initializer", {"waiting": waiting}, restarts=1, last={"terminated": ended})
    return {"phase": "Pending", "initContainerStatuses": [entry], "conditions": _conditions(PodScheduled=True)}


def _stuck(_: Pod) -> dict[str, Any]:
    return {
        "phase": "Pending",
        "containerStatuses": [_state("kserve-container", {"waiting": {"reason": "ContainerCreating"}})],
        "conditions": _conditions(PodScheduled=True),
    }


_STATUSES: dict[str, Callable[[Pod], dict[str, Any]]] = {
    "image": _image,
    "unschedulable": _nowhere,
    "load": _load,
    "stuck": _stuck,
}


def rendered(runtime: Document, name: str) -> dict[str, Any]:
    """The server's container of a ServingRuntime, with KServe's placeholder filled in."""
    (container,) = (c for c in runtime["spec"]["containers"] if c["name"] == "kserve-container")
    made: dict[str, Any] = json.loads(json.dumps(container).replace("{{.Name}}", name))
    return made
