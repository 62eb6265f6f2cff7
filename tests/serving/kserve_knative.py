"""KServe in Knative mode, played: revisions, and traffic between the two latest."""

import time
from dataclasses import dataclass, field
from typing import Any

from headrace.cluster.api.kinds import INFERENCE_SERVICES
from tests.serving.kserve_platform import Document, Platform, Work, condition

TAGS = "serving.kserve.io/enable-tag-routing"

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "services.serving.knative.dev"},
    "spec": {
        "group": "serving.knative.dev",
        "scope": "Namespaced",
        "names": {"kind": "Service", "plural": "services", "singular": "service"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            }
        ],
    },
}


@dataclass
class Service:
    """A Knative service.

    Attributes:
        revisions: Its revisions, the latest last.
        rolled: The latest revision that had all traffic, and the one before it.
    """

    revisions: list[Work] = field(default_factory=list)
    rolled: list[str] = field(default_factory=lambda: ["", ""])


@dataclass
class KnativePlatform(Platform):
    """KServe in Knative mode, for one namespace."""

    knative: dict[str, Service] = field(default_factory=dict)

    def reconcile(self, name: str, service: Document) -> None:
        """Bring about what an InferenceService says."""
        predictor = service["spec"]["predictor"]
        own = self.knative.setdefault(name, Service())
        uri = predictor["model"]["storageUri"]
        if not own.revisions or own.revisions[-1].uri != uri:
            number = len(own.revisions) + 1
            work = Work(f"{name}-predictor-{number:05d}", name, uri=uri)
            self.works[work.name] = work
            own.revisions.append(work)
        latest = own.revisions[-1]
        if not self.deploy(latest, service, predictor):
            return
        ready = next((work for work in reversed(own.revisions) if work.ready), None)
        shares = self.shares(own, ready, predictor.get("canaryTrafficPercent"))
        hosts = {self.host(work.name): share for work, share in shares if share}
        for host in (self.outer(name), self.host(name)):
            self.ingress.routes[host] = hosts
        if (service["metadata"].get("annotations") or {}).get(TAGS) == "true":
            for tag, (work, _) in zip(("latest", "prev"), shares, strict=False):
                self.ingress.routes[f"{tag}-{self.outer(f'{name}-predictor')}"] = {self.host(work.name): 100}
        if ready is latest and latest.complete and time.monotonic() - latest.complete > 1:
            kept = {work.name for work, _ in shares}
            for work in [work for work in own.revisions if work.name not in kept and work.name in self.works]:
                self.remove(work)
        self.tell_knative(service, own, shares, ready)

    def shares(self, own: Service, ready: Work | None, percent: int | None) -> list[tuple[Work, int]]:
        """Revisions with their shares of the traffic, the latest ready one first."""
        if ready is None:
            return []
        if percent is not None and percent < 100:
            former = own.rolled[0] if own.rolled[0] != ready.name else own.rolled[1]
            before = next((work for work in own.revisions if work.name == former and work.name in self.works), None)
            if before is not None:
                if own.rolled[0] == ready.name:
                    own.rolled = [own.rolled[1], ""]
                return [(ready, percent), (before, 100 - percent)]
        if own.rolled[0] != ready.name:
            own.rolled = [ready.name, own.rolled[0]]
        return [(ready, 100)]

    def tell_knative(self, service: Document, own: Service, shares: list[tuple[Work, int]], ready: Work | None) -> None:
        """The status of an InferenceService, as KServe writes it."""
        name, before = service["metadata"]["name"], service.get("status") or {}
        latest = own.revisions[-1]
        done = ready is latest
        traffic = [
            {"revisionName": work.name, "percent": share, "latestRevision": work is shares[0][0], "tag": tag}
            for tag, (work, share) in zip(("latest", "prev"), shares, strict=False)
        ]
        component = {
            "latestCreatedRevision": latest.name,
            "latestReadyRevision": ready.name if ready else "",
            "latestRolledoutRevision": own.rolled[0],
            "previousRolledoutRevision": own.rolled[1],
            "traffic": traffic,
        }
        conditions = [
            condition("LatestDeploymentReady", done or None),
            condition("PredictorReady", bool(ready)),
            condition("Ready", bool(ready)),
        ]
        state = "Loaded" if done else "Pending"
        status: dict[str, Any] = {
            "deploymentMode": "Knative",
            "observedGeneration": len(own.revisions),
            "components": {"predictor": component},
            "conditions": [{**one, "lastTransitionTime": "2026-01-01T00:00:00Z"} for one in conditions],
            "modelStatus": {
                "transitionStatus": "UpToDate" if done else "InProgress",
                "states": {"activeModelState": "Loaded" if ready else "", "targetModelState": state},
            },
        }
        failed = [pod for pod in latest.pods if pod.fault == "load" and pod.told]
        if failed:
            status["modelStatus"]["transitionStatus"] = "BlockedByFailedLoad"
            status["modelStatus"]["lastFailureInfo"] = {"reason": "ModelLoadFailed", "message": failed[0].said}
        if ready:
            status["url"] = f"http://{self.outer(name)}"
            status["address"] = {"url": f"http://{self.host(name)}"}
        self.patch(name, before, status)

    def look(self) -> None:
        """Look at everything once."""
        super().look()
        names = {one["metadata"]["name"] for one in self.cluster.list(INFERENCE_SERVICES)}
        for name in [name for name in self.knative if name not in names]:
            del self.knative[name]
