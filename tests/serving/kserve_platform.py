"""KServe's controller and Kubernetes' own, played against a real API server: no node runs here whose pods could serve.

It does what was seen of them: Ready comes early and stays, ``modelStatus`` and ``status.observedGeneration`` tell of
other things than one would think, Deployments have their counters, and addresses change. Servers are real processes
that fetched their bundle from a real object store; the way to them is ``ingress``. Knative is played in
``kserve_knative``, graphs in ``kserve_graphs``.
"""

import math
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headrace.cluster.api.client import Cluster
from headrace.cluster.api.kinds import (
    DEPLOYMENTS,
    HTTP_ROUTES,
    INFERENCE_SERVICES,
    INGRESSES,
    SERVICES,
    SERVING_RUNTIMES,
)
from headrace.core.base.errors import ClusterError, MissingError
from headrace.core.base.settings import StoreSettings
from headrace.core.runtime.processes import lease
from tests.serving.ingress import Ingress, ingress
from tests.serving.kserve_graphs import Graphs
from tests.serving.kserve_pods import SOURCE, Node, Pod, now, rendered
from tests.serving.kubelet import kubelet

LABEL = "serving.kserve.io/inferenceservice"
_LAG = 0.4  # seconds for which a Deployment's counters still speak of the version before
_OVERLAP = 0.5  # seconds for which old and new pods both answer
_MANAGER = "kserve"
_NO_PODS = {"account", "event"}
Document = Mapping[str, Any]


def owner(of: Document) -> dict[str, Any]:
    """The reference by which what a controller makes goes with what it made it for."""
    names = {"apiVersion": of["apiVersion"], "kind": of["kind"], "name": of["metadata"]["name"]}
    return {**names, "uid": of["metadata"]["uid"], "controller": True}


def condition(kind: str, status: bool | None, reason: str = "", message: str = "") -> dict[str, str]:
    """A condition, as the platform writes it."""
    word = {True: "True", False: "False", None: "Unknown"}[status]
    return {"type": kind, "status": word, "reason": reason, "message": message, "lastTransitionTime": now()}


@dataclass
class Work:
    """A Deployment and its pods.

    Attributes:
        name: Its name, and that of its Service.
        service: Name of the InferenceService.
        uri: Address of the bundle that it is to serve.
        pods: Its pods, old and new.
    """

    name: str
    service: str
    uri: str = ""
    replicas: int = 1
    pods: list[Pod] = field(default_factory=list)
    generation: int = 0
    changed: float = 0.0
    complete: float = 0.0
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def own(self) -> list[Pod]:
        """Pods of the version that is wanted."""
        return [pod for pod in self.pods if pod.uri == self.uri]

    @property
    def ready(self) -> list[Pod]:
        """Pods of the wanted version that answer."""
        return [pod for pod in self.own if pod.port]


@dataclass
class Platform:
    """KServe in Standard mode, for one namespace.

    Attributes:
        cluster: The API server, as an administrator.
        node: Where pods run.
        ingress: The way to them.
        faults: What is wrong with a version, by a part of its bundle's address.
        serves: Address of the bundle that a pod really gets, by the one that it should.
        gateway_api: Whether routes are made that weigh canaries; else an Ingress to the stable predictor.
        route_first: Whether a route is changed before what it named is deleted; KServe does it after that.
        route_lag: Seconds between the two.
        tells_failed_loads: Whether a version that cannot be loaded is told behind one that answers.
    """

    cluster: Cluster
    node: Node
    ingress: Ingress
    faults: dict[str, str] = field(default_factory=dict)
    serves: dict[str, str] = field(default_factory=dict)
    gateway_api: bool = True
    route_first: bool = False
    route_lag: float = 0.14
    tells_failed_loads: bool = False
    works: dict[str, Work] = field(default_factory=dict)
    told_routes: dict[str, dict[str, Any]] = field(default_factory=dict)
    graphs: Graphs = field(default_factory=Graphs)
    known: set[str] = field(default_factory=set)
    ended: threading.Event = field(default_factory=threading.Event)
    failures: list[BaseException] = field(default_factory=list)

    def work(self) -> None:
        """Look after the namespace until told to end."""
        try:
            while not self.ended.is_set():
                try:
                    self.look()
                except MissingError:
                    pass  # deleted in between
                except ClusterError as error:
                    if error.reason not in {"conflict", "unreachable", "timeout"}:
                        raise
                self.ended.wait(0.05)
        except BaseException as error:
            self.failures.append(error)
            traceback.print_exc()
            raise

    def look(self) -> None:
        """Look at everything once."""
        services = {one["metadata"]["name"]: one for one in self.cluster.list(INFERENCE_SERVICES)}
        for name, service in services.items():
            self.reconcile(name, service)
        for work in [work for work in self.works.values() if work.service not in services]:
            self.remove(work)
        self.graphs.look(self)
        gone = set(self.known) - set(services)
        self.known = set(services)
        for name in gone:
            self.told_routes.pop(name, None)
            self.cluster.delete(HTTP_ROUTES, name)
            self.cluster.delete(INGRESSES, name)
            for host in (self.outer(name), self.host(name)):
                self.ingress.change(host, None)

    def reconcile(self, name: str, service: Document) -> None:
        """Bring about what an InferenceService says."""
        predictor = service["spec"]["predictor"]
        work = self.workload(name, predictor)
        kept, weights, told = [work], {self.host(work.name): 100}, []
        for canary in service["spec"].get("canary") or []:
            beside, ready = self.canary(name, service, canary)
            kept.append(beside)
            percent = canary.get("trafficPercent", 0)
            told.append({"name": canary["predictor"]["name"], "ready": ready, "trafficPercent": percent})
            if ready and self.gateway_api:
                weights[self.host(work.name)] -= percent
                weights[self.host(beside.name)] = percent
        if not self.route_first and self.remove_others(name, kept):
            time.sleep(self.route_lag)
        if not self.deploy(work, service, predictor):
            return
        self.route(service, weights)
        if self.route_first:
            self.remove_others(name, kept)
        self.tell(service, work, told)

    def remove_others(self, name: str, kept: Sequence[Work]) -> bool:
        """Delete the Deployments and Services that an InferenceService no longer names; whether there were any."""
        others = [one for one in self.works.values() if one.service == name and one not in kept]
        for other in others:
            self.remove(other)
        return bool(others)

    def route(self, service: Document, weights: Mapping[str, int]) -> None:
        """The HTTPRoute, or the Ingress, of an InferenceService, and what the gateway makes of it in a while."""
        name = service["metadata"]["name"]
        host = self.outer(name)
        self.ingress.change(host, dict(weights))
        told = {"weights": dict(weights), "uid": service["metadata"]["uid"]}
        if self.told_routes.get(name) == told:
            return
        self.told_routes[name] = told
        backends = [{"name": one.partition(".")[0], "port": 80, "weight": weight} for one, weight in weights.items()]
        if self.gateway_api:
            parents = [{"name": "kserve-ingress-gateway", "namespace": "kserve"}]
            spec: dict[str, Any] = {"hostnames": [host], "parentRefs": parents, "rules": [{"backendRefs": backends}]}
            made = {"apiVersion": HTTP_ROUTES.api_version, "kind": "HTTPRoute", "spec": spec}
        else:
            backend = {"service": {"name": backends[0]["name"], "port": {"number": 80}}}
            paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
            spec = {"ingressClassName": "istio", "rules": [{"host": host, "http": {"paths": paths}}]}
            made = {"apiVersion": INGRESSES.api_version, "kind": "Ingress", "spec": spec}
        made["metadata"] = {"name": name, "ownerReferences": [owner(service)]}
        self.cluster.apply(made, manager=_MANAGER, force=True)

    def canary(self, name: str, service: Document, canary: Document) -> tuple[Work, bool]:
        """Bring a canary one step further, and whether it is ready; it is the stable predictor but for what it says."""
        stable = service["spec"]["predictor"]
        pods = math.ceil(int(stable.get("minReplicas") or 1) * canary.get("trafficPercent", 0) / 100)
        merged = {**stable, **canary["predictor"]}
        merged["minReplicas"] = canary["predictor"].get("minReplicas", pods)
        merged["model"] = {**stable["model"], **canary["predictor"].get("model", {})}
        work = self.workload(name, merged)
        self.deploy(work, service, merged)
        return work, self.answers(work)

    def answers(self, work: Work) -> bool:
        """Whether a pod of the wanted version answers."""
        return bool(work.ready)

    def workload(self, name: str, predictor: Document) -> Work:
        """The Deployment of a predictor, which its name is part of."""
        own = f"{name}-{predictor['name']}-predictor" if predictor.get("name") else f"{name}-predictor"
        return self.works.setdefault(own, Work(own, name))

    def host(self, name: str) -> str:
        """Host of a Service."""
        return f"{name}.{self.cluster.namespace}.svc.cluster.local"

    def outer(self, name: str) -> str:
        """Host of an InferenceService for those outside."""
        return f"{name}-{self.cluster.namespace}.example.com"

    def fault(self, uri: str) -> str:
        """What is wrong with a version."""
        return next((fault for part, fault in self.faults.items() if part in uri), "")

    def deploy(self, work: Work, service: Document, predictor: Document) -> bool:
        """Bring a Deployment and its pods one step further; False if KServe refuses to make it."""
        name, model = service["metadata"]["name"], predictor["model"]
        runtime = self.cluster.get(SERVING_RUNTIMES, model.get("runtime", "headrace"))
        if runtime is None:
            self.invalid(name, "RuntimeNotRecognized", "Waiting for runtime to become available")
            return False
        uri = model["storageUri"]
        fault = self.fault(uri)
        if fault == "event":
            self.event("InferenceService", service, "InternalError", f"StorageURI not supported: {uri}")
            return False
        container = rendered(runtime, name)
        work.uri, work.replicas = uri, int(predictor.get("minReplicas", 1))
        labels = {LABEL: name, "app": f"isvc.{work.name}", "component": "predictor"}
        self.apply_deployment(work, service, container, labels)
        deployment = self.cluster.get(DEPLOYMENTS, work.name) or {"metadata": {"generation": 0}}
        if deployment["metadata"]["generation"] != work.generation:
            work.generation, work.changed, work.complete = deployment["metadata"]["generation"], time.monotonic(), 0.0
        if time.monotonic() - work.changed > _LAG:
            self.roll(work, fault, labels, container)
            self.count(work, fault)
        return True

    def apply_deployment(self, work: Work, service: Document, container: Document, labels: Document) -> None:
        """The Deployment and the Service as KServe makes them."""
        metadata = {"name": work.name, "labels": dict(labels), "ownerReferences": [owner(service)]}
        template = {
            "metadata": {"labels": dict(labels), "annotations": {SOURCE: work.uri}},
            "spec": {"containers": [dict(container)]},
        }
        spec = {
            "replicas": work.replicas,
            "selector": {"matchLabels": {"app": labels["app"]}},
            "template": template,
        }
        made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
        self.cluster.apply(made, manager=_MANAGER, force=True)
        ports = [{"name": "http", "port": 80, "targetPort": 8080}]
        route = {"selector": {"app": labels["app"]}, "ports": ports}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": route}, manager=_MANAGER, force=True
        )

    def roll(self, work: Work, fault: str, labels: Document, container: Document) -> None:
        """Start what is missing, see how pods do, and end old ones once the new ones are ready."""
        missing = 0 if fault in _NO_PODS else work.replicas - len(work.own)
        for _ in range(missing):
            serves = self.serves.get(work.uri, work.uri)
            work.pods.append(
                self.node.make(work.name, work.uri, labels=labels, container=container, fault=fault, serves=serves)
            )
        for pod in work.pods:
            self.node.look(pod, container)
            if pod.fault == "tampered" and pod.port:
                self.ingress.changes[pod.port] = tampered
        # An old pod that does not answer is of no use to anybody; one that does stays until the new ones do.
        surplus = [pod for pod in work.pods if pod.uri != work.uri and not pod.port]
        if len(work.ready) >= work.replicas:
            work.complete = work.complete or time.monotonic()
            if time.monotonic() - work.complete > _OVERLAP:
                surplus = [pod for pod in work.pods if pod.uri != work.uri] + work.own[work.replicas :]
        work.pods = [pod for pod in work.pods if pod not in surplus]
        self.ingress.services[self.host(work.name)] = [pod.port for pod in work.pods if pod.port]
        for pod in surplus:
            time.sleep(0.05)  # what is in flight ends before the process is told to
            self.node.end(pod)

    def count(self, work: Work, fault: str) -> None:
        """The counters of a Deployment, as its controller writes them."""
        ready = [pod for pod in work.pods if pod.port]
        conditions = [condition("Available", len(ready) >= work.replicas, "MinimumReplicas")]
        done = len(work.ready) >= work.replicas
        conditions.append(condition("Progressing", True, "NewReplicaSetAvailable" if done else "ReplicaSetUpdated"))
        if fault == "account":
            told = (
                f'pods "{work.name}-x" is forbidden: error looking up service account: serviceaccount "none" not found'
            )
            conditions.append(condition("ReplicaFailure", True, "FailedCreate", told))
        status = {
            "observedGeneration": work.generation,
            "replicas": len(work.pods),
            "updatedReplicas": len(work.own),
            "readyReplicas": len(ready),
            "availableReplicas": len(ready),
            "unavailableReplicas": len(work.pods) - len(ready),
            "conditions": [{**one, "lastTransitionTime": "2026-01-01T00:00:00Z"} for one in conditions],
        }
        if status != work.told:
            work.told = status
            self.cluster.patch_status(DEPLOYMENTS, work.name, status, manager="deployment-controller")

    def tell(self, service: Document, work: Work, canaries: Sequence[Document] = ()) -> None:
        """The status of an InferenceService, as KServe writes it."""
        name, before = service["metadata"]["name"], service.get("status") or {}
        available = any(pod.port for pod in work.pods)
        begun = any(pod.process is not None for pod in work.own)
        # The default probe only asks for an open port: Ready may come before the model answers.
        ready = available or (begun and self.fault(work.uri) == "")
        failed = [pod for pod in work.own if pod.fault == "load" and pod.told]
        status: dict[str, Any] = {"deploymentMode": "Standard", "observedGeneration": work.generation}
        refused = self.fault(work.uri) == "account"
        conditions = [
            condition("PredictorReady", ready and not refused, "FailedCreate" if refused else ""),
            condition("IngressReady", ready),
            condition("Ready", ready and not refused),
        ]
        status["conditions"] = [{**one, "lastTransitionTime": "2026-01-01T00:00:00Z"} for one in conditions]
        if failed and (not available or self.tells_failed_loads):
            status["modelStatus"] = {
                "transitionStatus": "BlockedByFailedLoad",
                "states": {"targetModelState": "FailedToLoad"},
                "lastFailureInfo": {"reason": "ModelLoadFailed", "message": failed[0].said, "exitCode": 1},
            }
        elif ready:
            status["modelStatus"] = {
                "transitionStatus": "UpToDate",
                "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
            }
        else:
            status["modelStatus"] = {"transitionStatus": "InProgress", "states": {"targetModelState": "Pending"}}
        if ready:
            status["url"] = f"http://{self.outer(name)}"
            status["address"] = {"url": f"http://{self.host(work.name)}"}
        if canaries or before.get("canaryStatuses"):
            status["canaryStatuses"] = list(canaries)
        self.patch(name, before, status)

    def patch(self, name: str, before: Document, status: Document) -> None:
        """Write a status if it says something new; what it leaves out stays, as lastFailureInfo does."""
        if any(before.get(key) != value for key, value in status.items() if key != "modelStatus") or any(
            (before.get("modelStatus") or {}).get(key) != value for key, value in status["modelStatus"].items()
        ):
            self.cluster.patch_status(INFERENCE_SERVICES, name, status, manager=_MANAGER)

    def invalid(self, name: str, reason: str, message: str) -> None:
        """A specification that KServe cannot follow."""
        info = {"reason": reason, "message": message}
        status = {"transitionStatus": "InvalidSpec", "lastFailureInfo": info}
        self.cluster.patch_status(INFERENCE_SERVICES, name, {"modelStatus": status}, manager=_MANAGER)

    def event(self, kind: str, about: Document, reason: str, message: str) -> None:
        """Something that only an event tells."""
        metadata = about["metadata"]
        name = f"{metadata['name']}.{abs(hash((metadata['uid'], message))):x}"
        involved = {
            "apiVersion": about["apiVersion"],
            "kind": kind,
            "name": metadata["name"],
            "namespace": self.cluster.namespace,
            "uid": metadata["uid"],
        }
        self.cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name},
                "involvedObject": involved,
                "type": "Warning",
                "reason": reason,
                "message": message,
                "firstTimestamp": now(),
                "lastTimestamp": now(),
                "count": 1,
                "source": {"component": "v1beta1Controllers"},
            },
            manager=_MANAGER,
            force=True,
        )

    def remove(self, work: Work) -> None:
        """What the garbage collector does once an owner is gone, or KServe with what it no longer wants."""
        self.works.pop(work.name, None)
        self.ingress.services.pop(self.host(work.name), None)
        time.sleep(0.05)  # what is in flight ends before the processes are told to
        for pod in work.pods:
            self.node.end(pod)
        self.cluster.delete(DEPLOYMENTS, work.name)
        self.cluster.delete(SERVICES, work.name)


def tampered(document: Any) -> Any:
    """An answer that something on the way has spoilt."""
    for prediction in document.get("predictions", []):
        if "probabilities" in prediction:
            prediction["probabilities"] = dict.fromkeys(prediction["probabilities"], 0.5)
    return document


RUNTIME: dict[str, Any] = {
    "apiVersion": "serving.kserve.io/v1alpha1",
    "kind": "ServingRuntime",
    "metadata": {"name": "headrace"},
    "spec": {
        "supportedModelFormats": [{"name": "headrace", "version": "1", "autoSelect": True}],
        "protocolVersions": ["v1", "v2"],
        "containers": [
            {
                "name": "kserve-container",
                "image": "headrace/headrace-python:0",
                "command": ["python3", "-m", "headrace.serving.server"],
                "args": ["--model=/mnt/models", "--name={{.Name}}", "--host=0.0.0.0", "--port=8080"],
                "ports": [{"containerPort": 8080}],
            }
        ],
    },
}


@contextmanager
def kserve(
    cluster: Cluster, store: StoreSettings, folder: Path, *, platform: type[Platform] = Platform, **options: Any
) -> Iterator[Platform]:
    """KServe at work in the cluster's namespace for the length of the block."""
    cluster.create(RUNTIME)
    folder.mkdir(parents=True, exist_ok=True)
    with lease(folder / "lease") as held, ingress() as way, kubelet(cluster, folder) as node:
        played = platform(cluster, Node(cluster, node, store, folder, held), way, **options)
        thread = threading.Thread(target=played.work, daemon=True)
        thread.start()
        try:
            yield played
        finally:
            played.ended.set()
            thread.join(60)
            for work in played.works.values():
                for pod in work.pods:
                    if pod.process is not None:
                        pod.process.kill()
                        pod.process.wait(20)
    assert not played.failures, played.failures
