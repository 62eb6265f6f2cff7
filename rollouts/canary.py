"""Requests divided by the gateway: KServe's ``spec.canary`` in Standard mode."""

from dataclasses import dataclass

from headrace.cluster.client import Document
from headrace.cluster.following import wait
from headrace.cluster.kinds import INFERENCE_SERVICES
from headrace.core.errors import ClusterError
from headrace.rollouts.endpoint import Endpoint, serving
from headrace.rollouts.record import Version
from headrace.rollouts.traffic import Pair
from headrace.serving import kserve_status
from headrace.serving.kserve import goal

_UNDIVIDED_SECONDS = 60.0


@dataclass
class Canary:
    """A ``Traffic`` between an InferenceService's predictor and a canary beside it.

    Attributes:
        endpoint: The InferenceService.
    """

    endpoint: Endpoint

    kind = "canary"

    def find(self) -> Pair:
        """See ``Traffic.find``."""
        return self.endpoint.find()

    def prepare(self) -> None:
        """See ``Traffic.prepare``.

        KServe gives a canary without a share no pods. It begins with one percent, which it gets once it is ready. Its
        test cases are asked at its own Service, which only those inside of the cluster can reach.
        """
        candidate, deployer = self.endpoint.find().candidate, self.endpoint.deployer
        applied = self.endpoint.apply(divided(self.endpoint.own(), candidate.uri, name_of(candidate.digest), 1))
        workload = kserve_status.workload(self.endpoint.name, name_of(candidate.digest))
        deployer.waiting().until_running(goal(applied, candidate.uri, candidate.digest, None), deployment=workload)
        if not deployer.options.via:
            base = f"http://{workload}.{deployer.cluster.namespace}.svc.cluster.local"
            deployer.verified(f"{base}/v1/models/{self.endpoint.name}:predict", candidate.uri)

    def split(self, percent: int) -> None:
        """See ``Traffic.split``.

        Raises:
            ClusterError: If it does not become so.
        """
        candidate = self.endpoint.find().candidate
        name = name_of(candidate.digest)
        self.endpoint.apply(divided(self.endpoint.own(), candidate.uri, name, percent))
        wait(
            self.endpoint.deployer.cluster,
            INFERENCE_SERVICES,
            self.endpoint.name,
            until=lambda service: True if service and share(service, name) == percent else None,
            seconds=self.endpoint.deployer.options.patience.deadline_seconds,
            what=f"to send {percent} % of its requests to its canary",
        )

    def promote(self) -> str:
        """See ``Traffic.promote``; the address inside of the cluster changes with the predictor's name."""
        candidate = self.endpoint.find().candidate
        made = serving(self.endpoint.own(), candidate.uri)
        made["spec"]["predictor"]["name"] = name_of(candidate.digest)
        return self._whole(self.endpoint.apply(made), candidate)

    def restore(self) -> str:
        """See ``Traffic.restore``."""
        stable, own = self.endpoint.find().stable, self.endpoint.own()
        made = serving(own, stable.uri)
        if kserve_status.source(own) != stable.uri:  # it was being promoted
            made["spec"]["predictor"]["name"] = name_of(stable.digest)
        return self._whole(self.endpoint.apply(made), stable)

    def _whole(self, applied: Document, version: Version) -> str:
        """Wait until KServe divides nothing any more, and every answer comes from a version.

        While the route still divides, a row of answers may come from one version by chance. Should KServe never take
        its word back, the answers decide alone.
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


def name_of(digest: str) -> str:
    """Name of the predictor of a version."""
    return f"v{digest[:8]}"


def divided(own: Document, uri: str, name: str, percent: int) -> Document:
    """An InferenceService with a canary.

    Args:
        own: What was applied before.
        uri: Address of the canary's bundle.
        name: Name of the canary's predictor.
        percent: Its share of the requests.
    """
    made = serving(own, kserve_status.source(own))
    model = {**made["spec"]["predictor"]["model"], "storageUri": uri}
    made["spec"]["canary"] = [{"predictor": {"name": name, "model": model}, "trafficPercent": percent}]
    return made


def share(service: Document, name: str) -> int:
    """The share that a canary gets, as KServe says; -1 while it does not say so, or the canary is not ready for it."""
    said = kserve_status.status(service).get("canaryStatuses") or []
    found = next((one for one in said if one["name"] == name), {"trafficPercent": -1})
    percent = int(found.get("trafficPercent") or 0)
    return percent if found.get("ready") or not percent else -1
