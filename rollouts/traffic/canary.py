"""Requests divided by the gateway: KServe's ``spec.canary`` in Standard mode.

The predictor of the endpoint keeps its name, whichever version it serves: a version is promoted by a rolling update of
its pods while the canary answers too. A canary is deleted only when no request has reached it for a while, because
KServe deletes its Service before it changes the route, and the gateway hears of the route later still.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import DEPLOYMENTS, INFERENCE_SERVICES
from headrace.cluster.api.watch import wait
from headrace.core.base.errors import ClusterError
from headrace.rollouts.record.record import RolloutVersion
from headrace.rollouts.traffic.base import VersionPair
from headrace.rollouts.traffic.draining import TrafficDrain
from headrace.rollouts.traffic.inference_service import RolloutEndpoint, patiently, serving
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.kserve import goal

_UNDIVIDED_SECONDS = 60.0
_LONGEST_LABEL = 63  # of the label isvc.NAME-PREDICTOR-predictor that KServe gives to pods
_DIGITS = 8


@dataclass
class CanaryTraffic:
    """A ``Traffic`` between an InferenceService's predictor and a canary beside it.

    Attributes:
        endpoint: The InferenceService.
        drain: Waits until nothing reaches the canary any more.
    """

    endpoint: RolloutEndpoint
    drain: TrafficDrain = field(default_factory=TrafficDrain)

    kind = "canary"

    def find(self) -> VersionPair:
        """See ``Traffic.find``."""
        return self.endpoint.find()

    def prepare(self) -> None:
        """See ``Traffic.prepare``.

        The canary's fewest pods are always said: without that KServe gives a canary without a share none. Its test
        cases are asked at its own Service, which only those inside of the cluster can reach.
        """
        candidate, deployer = self.endpoint.find().candidate, self.endpoint.deployer
        own = self.endpoint.own()
        name, percent = self._name(own), _percent(own)
        applied = self.endpoint.apply(divide(own, candidate.uri, name, percent))
        workload = kserve_status.workload(self.endpoint.name, name)
        deployer.waiting().until_running(goal(applied, candidate.uri, candidate.digest, None), deployment=workload)
        if not deployer.target.via:
            base = f"http://{workload}.{deployer.cluster.namespace}.svc.cluster.local"
            deployer.verify_route(f"{base}/v1/models/{self.endpoint.name}:predict", candidate.uri)

    def split(self, percent: int) -> None:
        """See ``Traffic.split``.

        Raises:
            ClusterError: If it does not become so.
        """
        own, candidate = self.endpoint.own(), self.endpoint.find().candidate
        name = self._name(own)
        more = divide(own, candidate.uri, name, _percent(own), pods=pods_of(own, percent))
        applied = self.endpoint.apply(more)  # pods come before the requests that they are for
        workload = kserve_status.workload(self.endpoint.name, name)
        if percent:
            waiting = self.endpoint.deployer.waiting()
            waiting.until_running(goal(applied, candidate.uri, candidate.digest, None), deployment=workload)
        self.endpoint.apply(divide(self.endpoint.own(), candidate.uri, name, percent))
        self._until_shared(name, percent)
        if percent:
            self.drain.wait_until_reached(self.endpoint.deployer, workload)

    def promote(self) -> str:
        """See ``Traffic.promote``; the canary answers beside the predictor until that has the candidate's pods alone.

        The address inside of the cluster stays.
        """
        candidate, own = self.endpoint.find().candidate, self.endpoint.own()
        made = serving(own, candidate.uri)
        if own["spec"].get("canary"):
            made["spec"]["canary"] = own["spec"]["canary"]
        self.endpoint.until_answering(self.endpoint.apply(made), candidate, fresh=False)
        return self._alone(candidate)

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        stable, own = self.endpoint.find().stable, self.endpoint.own()
        made = serving(own, stable.uri)  # it may have been promoted already, or half
        if own["spec"].get("canary"):
            made["spec"]["canary"] = [{**own["spec"]["canary"][0], "trafficPercent": 0}]
        self.endpoint.until_answering(self.endpoint.apply(made), stable, fresh=False)
        return self._alone(stable)

    def _alone(self, version: RolloutVersion) -> str:
        """Take the canary's share away, wait until nothing reaches it any more, delete it, and ask what answers."""
        own = self.endpoint.own()
        canary = own["spec"].get("canary")
        if canary:
            made = serving(own, version.uri)
            made["spec"]["canary"] = [{**canary[0], "trafficPercent": 0}]
            self.endpoint.apply(made)
            self._until_shared(str(canary[0]["predictor"]["name"]), 0)
            self.drain.wait(
                self.endpoint.deployer,
                kserve_status.workload(self.endpoint.name, str(canary[0]["predictor"]["name"])),
            )
        return self._whole(self.endpoint.apply(serving(self.endpoint.own(), version.uri)), version)

    def _until_shared(self, name: str, percent: int) -> None:
        """Wait until KServe says that the canary gets this share.

        Raises:
            ClusterError: If it does not become so.
        """
        wait(
            self.endpoint.deployer.cluster,
            INFERENCE_SERVICES,
            self.endpoint.name,
            until=lambda service: True if service and share(service, name) == percent else None,
            seconds=self.endpoint.deployer.patience.deadline_seconds,
            what=f"to send {percent} % of its requests to its canary",
        )

    def _whole(self, applied: Document, version: RolloutVersion) -> str:
        """Wait until KServe divides nothing any more, and every answer comes from a version.

        Should KServe never take its word back, the answers decide alone.
        """
        try:
            wait(
                self.endpoint.deployer.cluster,
                INFERENCE_SERVICES,
                self.endpoint.name,
                until=lambda service: None if service and kserve_status.status(service).get("canaryStatuses") else True,
                seconds=_UNDIVIDED_SECONDS,
                what="to divide nothing any more",
            )
        except ClusterError as error:
            if error.reason != "timeout":
                raise
        return self.endpoint.until_answering(applied, version, fresh=False)

    def _name(self, own: Document) -> str:
        """Name of the candidate's predictor: the one that it has, else one that nothing has."""
        candidate, cluster = self.endpoint.find().candidate, self.endpoint.deployer.cluster
        for canary in own["spec"].get("canary") or []:
            if canary["predictor"]["model"].get("storageUri") == candidate.uri:
                return str(canary["predictor"]["name"])
        serial = 1
        while True:
            name = name_of(candidate.digest, endpoint=self.endpoint.name, serial=serial)
            workload = kserve_status.workload(self.endpoint.name, name)
            taken = name == kserve_status.predictor(own) or patiently(lambda: cluster.get(DEPLOYMENTS, workload))  # noqa: B023 - asked at once
            if not taken:
                return name
            serial += 1


def name_of(digest: str, *, endpoint: str, serial: int = 1) -> str:
    """Name of the predictor of a version.

    Args:
        digest: Digest of its bundle.
        endpoint: Name of the InferenceService; a long one leaves room for fewer digits of the digest.
        serial: Which one of that version, where an earlier one is still there.
    """
    end = f"-{serial}" if serial > 1 else ""
    room = _LONGEST_LABEL - len(f"isvc.{endpoint}-v{end}-predictor")
    return f"v{digest[: max(1, min(_DIGITS, room))]}{end}"


def pods_of(own: Mapping[str, Any], percent: int) -> int:
    """Return how many pods a canary has: its share of the predictor's, at least one, and never fewer than it had.

    Fewer would end before the gateway has heard that the share is smaller.
    """
    fewest = int(own["spec"]["predictor"].get("minReplicas") or 1)
    had = [int(one["predictor"].get("minReplicas") or 1) for one in own["spec"].get("canary") or []]
    return min(fewest, max([1, math.ceil(fewest * percent / 100), *had])) or 1


def divide(own: Document, uri: str, name: str, percent: int, *, pods: int = 0) -> Document:
    """Return an InferenceService with a canary.

    Args:
        own: What was applied before.
        uri: Address of the canary's bundle.
        name: Name of the canary's predictor.
        percent: Its share of the requests.
        pods: Its fewest pods; 0 for those of its share.
    """
    made = serving(own, kserve_status.source(own))
    model = {**made["spec"]["predictor"]["model"], "storageUri": uri}
    predictor = {"name": name, "minReplicas": pods or pods_of(own, percent), "model": model}
    made["spec"]["canary"] = [{"predictor": predictor, "trafficPercent": percent}]
    return made


def share(service: Document, name: str) -> int:
    """Return the share that a canary gets, as KServe says; -1 while it does not say so, or the canary is not ready for it."""
    said = kserve_status.status(service).get("canaryStatuses") or []
    found = next((one for one in said if one["name"] == name), {"trafficPercent": -1})
    percent = int(found.get("trafficPercent") or 0)
    return percent if found.get("ready") or not percent else -1


def _percent(own: Document) -> int:
    """Return the share that is wanted for a canary; 0 if there is none."""
    return sum(int(one.get("trafficPercent") or 0) for one in own["spec"].get("canary") or [])
