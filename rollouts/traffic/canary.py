"""Requests divided by the gateway: KServe's ``spec.canary`` in Standard mode.

The predictor of the endpoint keeps its name, whichever version it serves: a version is promoted by a rolling update of
its pods while the canary answers too. A canary is deleted only when no request has reached it for a while, because
KServe deletes its Service before it changes the route, and the gateway applies the new route even later.
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
from headrace.rollouts.traffic.inference_service import RolloutEndpoint, retry_unavailable
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.kserve import goal
from headrace.serving.deployment.kserve_spec import serving

_UNDIVIDED_SECONDS = 60.0
_LONGEST_LABEL = 63  # limit of the label isvc.NAME-PREDICTOR-predictor that KServe gives to pods
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

        The canary's minimum of replicas is always set: otherwise KServe starts no pods while its share is 0. The test
        cases are sent to the canary's own Service, which can be reached only inside the cluster.
        """
        candidate, deployer = self.endpoint.find().candidate, self.endpoint.deployer
        current = self.endpoint.own()
        name, percent = self._name(current), _percent(current)
        applied = self.endpoint.apply(divide(current, candidate.uri, name, percent))
        workload = kserve_status.workload(self.endpoint.name, name)
        deployer.version_wait().until_running(goal(applied, candidate.uri, candidate.digest, None), deployment=workload)
        if not deployer.target.gateway:
            base = f"http://{workload}.{deployer.cluster.namespace}.svc.cluster.local"
            deployer.verify_route(f"{base}/v1/models/{self.endpoint.name}:predict", candidate.uri)

    def split(self, percent: int) -> None:
        """See ``Traffic.split``.

        Raises:
            ClusterError: If the division does not take effect in time.
        """
        current, candidate = self.endpoint.own(), self.endpoint.find().candidate
        name = self._name(current)
        enlarged = divide(current, candidate.uri, name, _percent(current), pods=pods_of(current, percent))
        applied = self.endpoint.apply(enlarged)  # start the pods before the requests arrive
        workload = kserve_status.workload(self.endpoint.name, name)
        if percent:
            waiting = self.endpoint.deployer.version_wait()
            waiting.until_running(goal(applied, candidate.uri, candidate.digest, None), deployment=workload)
        self.endpoint.apply(divide(self.endpoint.own(), candidate.uri, name, percent))
        self._until_shared(name, percent)
        if percent:
            self.drain.wait_until_reached(self.endpoint.deployer, workload)

    def promote(self) -> str:
        """See ``Traffic.promote``; the canary answers too until the predictor has only the candidate's pods.

        The address inside the cluster stays.
        """
        candidate, current = self.endpoint.find().candidate, self.endpoint.own()
        changed = serving(current, candidate.uri)
        if current["spec"].get("canary"):
            changed["spec"]["canary"] = current["spec"]["canary"]
        self.endpoint.until_answering(self.endpoint.apply(changed), candidate, fresh=False)
        return self._remove_candidate(candidate)

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        stable, current = self.endpoint.find().stable, self.endpoint.own()
        changed = serving(current, stable.uri)  # the candidate may have been promoted already, or partly
        if current["spec"].get("canary"):
            changed["spec"]["canary"] = [{**current["spec"]["canary"][0], "trafficPercent": 0}]
        self.endpoint.until_answering(self.endpoint.apply(changed), stable, fresh=False)
        return self._remove_candidate(stable)

    def _remove_candidate(self, version: RolloutVersion) -> str:
        """Set the canary's share to 0, wait until no request reaches it, delete it, and verify the version."""
        current = self.endpoint.own()
        canary = current["spec"].get("canary")
        if canary:
            changed = serving(current, version.uri)
            changed["spec"]["canary"] = [{**canary[0], "trafficPercent": 0}]
            self.endpoint.apply(changed)
            self._until_shared(str(canary[0]["predictor"]["name"]), 0)
            self.drain.wait(
                self.endpoint.deployer,
                kserve_status.workload(self.endpoint.name, str(canary[0]["predictor"]["name"])),
            )
        return self._await_full_share(self.endpoint.apply(serving(self.endpoint.own(), version.uri)), version)

    def _until_shared(self, name: str, percent: int) -> None:
        """Wait until KServe reports this share for the canary.

        Raises:
            ClusterError: If it does not in time.
        """
        wait(
            self.endpoint.deployer.cluster,
            INFERENCE_SERVICES,
            self.endpoint.name,
            until=lambda service: True if service and share(service, name) == percent else None,
            seconds=self.endpoint.deployer.timeouts.deadline_seconds,
            what=f"to send {percent} % of its requests to its canary",
        )

    def _await_full_share(self, applied: Document, version: RolloutVersion) -> str:
        """Wait until KServe reports no canary and every answer comes from a version.

        If KServe keeps an old status, the answers alone decide.
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

    def _name(self, current: Document) -> str:
        """Return the name of the candidate's predictor: its current one, else an unused one."""
        candidate, cluster = self.endpoint.find().candidate, self.endpoint.deployer.cluster
        for canary in current["spec"].get("canary") or []:
            if canary["predictor"]["model"].get("storageUri") == candidate.uri:
                return str(canary["predictor"]["name"])
        serial = 1
        while True:
            name = name_of(candidate.digest, endpoint=self.endpoint.name, serial=serial)
            workload = kserve_status.workload(self.endpoint.name, name)
            taken = name == kserve_status.predictor(current) or retry_unavailable(
                lambda: cluster.get(DEPLOYMENTS, workload)  # noqa: B023 - called at once
            )
            if not taken:
                return name
            serial += 1


def name_of(digest: str, *, endpoint: str, serial: int = 1) -> str:
    """Return the name of a version's predictor.

    Args:
        digest: Digest of its bundle.
        endpoint: Name of the InferenceService; a long one leaves room for fewer digits of the digest.
        serial: Serial number, if an earlier predictor of that version still exists.
    """
    end = f"-{serial}" if serial > 1 else ""
    room = _LONGEST_LABEL - len(f"isvc.{endpoint}-v{end}-predictor")
    return f"v{digest[: max(1, min(_DIGITS, room))]}{end}"


def pods_of(current: Mapping[str, Any], percent: int) -> int:
    """Return the number of a canary's pods: its share of the predictor's, at least one, and never fewer than it had.

    Otherwise pods would end before the gateway has applied the smaller share.
    """
    minimum = int(current["spec"]["predictor"].get("minReplicas") or 1)
    previous = [int(canary["predictor"].get("minReplicas") or 1) for canary in current["spec"].get("canary") or []]
    return min(minimum, max([1, math.ceil(minimum * percent / 100), *previous])) or 1


def divide(current: Document, uri: str, name: str, percent: int, *, pods: int = 0) -> Document:
    """Return an InferenceService with a canary.

    Args:
        current: The InferenceService as Headrace applied it last.
        uri: Address of the canary's bundle.
        name: Name of the canary's predictor.
        percent: Its share of the requests.
        pods: Its minimum of replicas; 0 for the number by its share.
    """
    changed = serving(current, kserve_status.source(current))
    model = {**changed["spec"]["predictor"]["model"], "storageUri": uri}
    predictor = {"name": name, "minReplicas": pods or pods_of(current, percent), "model": model}
    changed["spec"]["canary"] = [{"predictor": predictor, "trafficPercent": percent}]
    return changed


def share(service: Document, name: str) -> int:
    """Return the share that KServe reports for a canary; -1 until it reports one and the canary is ready."""
    statuses = kserve_status.status(service).get("canaryStatuses") or []
    status = next((entry for entry in statuses if entry["name"] == name), {"trafficPercent": -1})
    percent = int(status.get("trafficPercent") or 0)
    return percent if status.get("ready") or not percent else -1


def _percent(current: Document) -> int:
    """Return the share in a canary's specification; 0 if there is none."""
    return sum(int(canary.get("trafficPercent") or 0) for canary in current["spec"].get("canary") or [])
