"""KServe's controller in Standard mode, played on a real node: the Deployments, Services and pods are real.

What it does of an InferenceService is what was seen of KServe: the runtime's container with the model's fields over
them, an initializer that fetches the bundle with the keys of the service account's Secret, and a status that says no
more than KServe's says.
"""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import urllib3

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import (
    DEPLOYMENTS,
    INFERENCE_SERVICES,
    PODS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    SERVING_RUNTIMES,
)
from tests.node.pods import somebody
from tests.serving.ingress import Ingress, ingress
from tests.serving.kserve_platform import LABEL, Platform, Work, condition
from tests.serving.kserve_pods import SOURCE, rendered

Document = Mapping[str, Any]
_MANAGER = "kserve"
_PLACE = "/mnt/models"
_ANNOTATION = "serving.kserve.io/s3-"
# The initializer's S3 part, restated: by prefix, without empty objects, without looking at digests.
_INITIALIZE = """
import os, sys
from minio import Minio
uri, folder = sys.argv[1:]
bucket, _, prefix = uri.removeprefix("s3://").partition("/")
client = Minio(os.environ["S3_ENDPOINT"], os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"],
               secure=os.environ["S3_USE_HTTPS"] == "1", region=os.environ["AWS_DEFAULT_REGION"])
count = 0
for entry in client.list_objects(bucket, prefix, recursive=True):
    key = entry.object_name
    if entry.size and not key.endswith("/"):
        client.fget_object(bucket, key, os.path.join(folder, key[len(prefix):].lstrip("/")))
        count += 1
if not count:
    sys.exit(f"Failed to fetch model. No model found in {uri}.")
"""


@dataclass
class Gateway(Ingress):
    """The way in from outside: Services are reached at their cluster addresses.

    Attributes:
        addresses: Cluster address by host of a Service.
    """

    addresses: dict[str, str] = field(default_factory=dict)

    def answer(self, method: str, host: str, path: str, body: bytes) -> tuple[int, bytes, str]:
        """Status, body and media type of an answer; 503 where nothing is ready, as a gateway says it."""
        service, _ = self.chosen(host)
        address = self.addresses.get(service)
        if address is None:
            return 503, b"no healthy upstream", "text/plain"
        try:
            headers = {"Content-Type": "application/json"}
            reply = self._pool.request(method, f"http://{address}{path}", body=body, headers=headers)
        except urllib3.exceptions.HTTPError:
            return 502, b"upstream connect error", "text/plain"
        return reply.status, reply.data, reply.headers.get("Content-Type", "")


@dataclass
class Controller(Platform):
    """KServe for one namespace of a node.

    Attributes:
        image: Image of the storage initializer: one that has an S3 client.
        user: The user that the namespace's pods run as, as OpenShift chooses one.
    """

    image: str = ""
    user: int = field(default_factory=somebody)

    def deploy(self, work: Work, service: Document, predictor: Document) -> bool:
        """Bring about the Deployment and the Service; False if KServe refuses to make them."""
        name, model = service["metadata"]["name"], predictor["model"]
        runtime = self.cluster.get(SERVING_RUNTIMES, model.get("runtime", "headrace"))
        if runtime is None:
            self.invalid(name, "RuntimeNotRecognized", "Waiting for runtime to become available")
            return False
        work.uri, work.replicas = model["storageUri"], int(predictor.get("minReplicas") or 1)
        labels = {
            **runtime["spec"].get("labels", {}),
            LABEL: name,
            "app": f"isvc.{work.name}",
            "component": "predictor",
        }
        self.apply(work, service, self.template(work.uri, predictor, runtime, name, labels))
        made = self.cluster.get(SERVICES, work.name)
        if made:
            self.gateway.addresses[self.host(work.name)] = str(made["spec"]["clusterIP"])
        return True

    @property
    def gateway(self) -> Gateway:
        """The way in."""
        assert isinstance(self.ingress, Gateway)
        return self.ingress

    def template(self, uri: str, predictor: Document, runtime: Document, name: str, labels: Document) -> dict[str, Any]:
        """The pods: the runtime's, with the model's fields over them and the initializer before them."""
        model = predictor["model"]
        container = {
            **rendered(runtime, name),
            **{key: model[key] for key in ("resources", "securityContext") if key in model},
        }
        container["args"] = [*container.get("args", []), *model.get("args", [])]  # KServe appends a model's arguments
        mounted = {"name": "kserve-provision-location", "mountPath": _PLACE}
        container["volumeMounts"] = [*container.get("volumeMounts", []), {**mounted, "readOnly": True}]
        account = predictor.get("serviceAccountName", "default")
        initializer = {
            "name": "storage-initializer",
            "image": self.image,
            "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-c", _INITIALIZE],
            "args": [uri, _PLACE],
            "env": self.credentials(account),
            "terminationMessagePolicy": "FallbackToLogsOnError",
            "volumeMounts": [mounted],
            "securityContext": {**container["securityContext"], "runAsUser": 1000},
        }
        # KServe keeps a volume of this name that is there, and appends the containers that stand beside the model.
        kept = {one["name"]: one for one in (*runtime["spec"].get("volumes", []), *predictor.get("volumes", []))}
        volumes = list({mounted["name"]: {"name": mounted["name"], "emptyDir": {}}, **kept}.values())
        spec = {
            "serviceAccountName": account,
            "automountServiceAccountToken": predictor.get("automountServiceAccountToken", True),
            "securityContext": {"runAsUser": self.user},
            "initContainers": [initializer],
            "containers": [container, *predictor.get("containers", [])],
            "volumes": volumes,
        }
        annotations = {**runtime["spec"].get("annotations", {}), SOURCE: uri}
        return {"metadata": {"labels": dict(labels), "annotations": annotations}, "spec": spec}

    def credentials(self, account: str) -> list[dict[str, Any]]:
        """What KServe reads of an account's Secret: keys by name, the store by annotations."""
        found = self.cluster.get(SERVICE_ACCOUNTS, account) or {}
        for named in found.get("secrets") or []:
            secret = self.cluster.get(SECRETS, named["name"]) or {}
            if "AWS_ACCESS_KEY_ID" not in (secret.get("data") or {}):
                continue
            assert base64.b64decode(secret["data"]["AWS_ACCESS_KEY_ID"])
            said = secret["metadata"].get("annotations") or {}
            told = {
                "S3_ENDPOINT": said[f"{_ANNOTATION}endpoint"],
                "S3_USE_HTTPS": said[f"{_ANNOTATION}usehttps"],
                "AWS_DEFAULT_REGION": said[f"{_ANNOTATION}region"],
            }
            keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
            return [
                *({"name": key, "value": value} for key, value in told.items()),
                *({"name": key, "valueFrom": {"secretKeyRef": {"name": named["name"], "key": key}}} for key in keys),
            ]
        return []

    def apply(self, work: Work, service: Document, template: Document) -> None:
        """Make the Deployment and the Service as the InferenceService says, if it says something new."""
        owner = {
            "apiVersion": service["apiVersion"],
            "kind": service["kind"],
            "name": service["metadata"]["name"],
            "uid": service["metadata"]["uid"],
            "controller": True,
        }
        labels = dict(template["metadata"]["labels"])
        metadata = {"name": work.name, "labels": labels, "ownerReferences": [owner]}
        selector = {"app": labels["app"]}
        rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
        spec = {
            "replicas": work.replicas,
            "selector": {"matchLabels": selector},
            "strategy": rolling,
            "progressDeadlineSeconds": 600,
            "template": template,
        }
        route = {"selector": selector, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        wanted = {
            "service": {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": route},
            "deployment": deployment,
        }
        text = json.dumps(wanted, sort_keys=True)
        if work.told.get("wanted") == text:
            return
        for document in wanted.values():
            self.cluster.apply(document, manager=_MANAGER, force=True)
        work.told["wanted"] = text

    def tell(self, service: Document, work: Work, canaries: Sequence[Document] = ()) -> None:
        """The status, as KServe writes it: Ready is the Deployment's availability, whatever it serves."""
        name, before = service["metadata"]["name"], service.get("status") or {}
        said = (self.cluster.get(DEPLOYMENTS, work.name) or {}).get("status") or {}
        known = {one["type"]: one for one in said.get("conditions") or []}
        available = known.get("Available", {}).get("status") == "True"
        refused = known.get("ReplicaFailure", {}).get("status") == "True"
        conditions = [
            condition("PredictorReady", available, "FailedCreate" if refused else ""),
            condition("IngressReady", available),
            condition("Ready", available),
        ]
        status: dict[str, Any] = {"deploymentMode": "Standard", "observedGeneration": said.get("observedGeneration", 0)}
        status["conditions"] = [{**one, "lastTransitionTime": "2026-01-01T00:00:00Z"} for one in conditions]
        failed = "" if available else self.failed_load(name)
        if failed:
            status["modelStatus"] = {
                "transitionStatus": "BlockedByFailedLoad",
                "states": {"targetModelState": "FailedToLoad"},
                "lastFailureInfo": {"reason": "ModelLoadFailed", "message": failed, "exitCode": 1},
            }
        elif available:
            states = {"activeModelState": "Loaded", "targetModelState": "Loaded"}
            status["modelStatus"] = {"transitionStatus": "UpToDate", "states": states}
        else:
            status["modelStatus"] = {"transitionStatus": "InProgress", "states": {"targetModelState": "Pending"}}
        if available:
            status["url"] = f"http://{self.outer(name)}"
            status["address"] = {"url": f"http://{self.host(work.name)}"}
        if canaries or before.get("canaryStatuses"):
            status["canaryStatuses"] = list(canaries)
        self.patch(name, before, status)

    def failed_load(self, name: str) -> str:
        """The last words of an initializer that failed; empty if none did."""
        for pod in self.cluster.list(PODS, labels=f"{LABEL}={name}"):
            for entry in (pod.get("status") or {}).get("initContainerStatuses") or []:
                for state in (entry.get("state") or {}, entry.get("lastState") or {}):
                    if (state.get("terminated") or {}).get("exitCode"):
                        return str(state["terminated"].get("message", ""))
        return ""

    def answers(self, work: Work) -> bool:
        """Whether a canary is ready, as KServe says: its Deployment is available, whatever it serves."""
        said = (self.cluster.get(DEPLOYMENTS, work.name) or {}).get("status") or {}
        known = {one["type"]: one["status"] for one in said.get("conditions") or []}
        return bool(said.get("readyReplicas")) and known.get("Available") == "True"

    def remove(self, work: Work) -> None:
        """Take away a predictor; of an InferenceService that is gone the node's garbage collector does."""
        self.works.pop(work.name, None)
        if self.cluster.get(INFERENCE_SERVICES, work.service) is not None:
            time.sleep(0.5)  # what was on its way to it has come there
            self.cluster.delete(DEPLOYMENTS, work.name)
            self.cluster.delete(SERVICES, work.name)
        self.gateway.addresses.pop(self.host(work.name), None)


@contextmanager
def kserve(cluster: Cluster, image: str) -> Iterator[Controller]:
    """KServe at work in the cluster's namespace for the length of the block."""
    with ingress(Gateway()) as way:
        played = Controller(cluster, None, way, image=image)  # type: ignore[arg-type]
        thread = threading.Thread(target=played.work, daemon=True)
        thread.start()
        try:
            yield played
        finally:
            played.ended.set()
            thread.join(60)
    assert not played.failures, played.failures


def gone(cluster: Cluster, name: str) -> bool:
    """Whether nothing of an InferenceService is left."""
    kinds = (DEPLOYMENTS, SERVICES, PODS)
    return cluster.get(INFERENCE_SERVICES, name) is None and not any(
        cluster.list(kind, labels=f"{LABEL}={name}") for kind in kinds
    )
