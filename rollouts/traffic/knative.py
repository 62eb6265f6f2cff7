"""Requests divided by Knative: KServe's ``canaryTrafficPercent``."""

from dataclasses import dataclass

from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.watch import wait
from headrace.rollouts.record.record import RolloutVersion
from headrace.rollouts.traffic.base import VersionPair
from headrace.rollouts.traffic.inference_service import RolloutEndpoint, serving
from headrace.serving.deployment import kserve_status


@dataclass
class KnativeTraffic:
    """A ``Traffic`` between the two latest revisions of an InferenceService.

    Attributes:
        endpoint: The InferenceService.
    """

    endpoint: RolloutEndpoint

    kind = "knative"

    def find(self) -> VersionPair:
        """See ``Traffic.find``."""
        return self.endpoint.find()

    def prepare(self) -> None:
        """See ``Traffic.prepare``."""
        candidate = self.endpoint.find().candidate
        applied = self.endpoint.apply(divide(self.endpoint.own(), candidate.uri, 0))
        self.endpoint.until_answering(applied, candidate, fresh=False, route=False)

    def split(self, percent: int) -> None:
        """See ``Traffic.split``.

        Raises:
            ClusterError: If it does not become so.
        """
        pair = self.endpoint.find()
        self.endpoint.apply(divide(self.endpoint.own(), pair.candidate.uri, percent))
        self._until_shared(percent)

    def promote(self) -> str:
        """See ``Traffic.promote``."""
        candidate = self.endpoint.find().candidate
        return self._whole(candidate)

    def restore(self) -> str:
        """See ``Traffic.restore``.

        The stable version gets a new revision, for the latest one is what KServe sends requests to in the end. Until
        its pods run, the former revision answers: without a share that says so, the candidate would.
        """
        stable = self.endpoint.find().stable
        own = self.endpoint.own()
        if kserve_status.source(own) != stable.uri or kserve_status.split(own):
            again = kserve_status.source(own) == stable.uri
            applied = self.endpoint.apply(divide(own, stable.uri, 0))
            self.endpoint.until_answering(applied, stable, fresh=not again, route=False)
        return self._whole(stable)

    def _whole(self, version: RolloutVersion) -> str:
        """Give the latest revision, which is of this version, all requests."""
        applied = self.endpoint.apply(serving(self.endpoint.own(), version.uri))
        self._until_shared(100)  # while the route divides, a row of answers may come from one version by chance
        return self.endpoint.until_answering(applied, version, fresh=False)

    def _until_shared(self, percent: int) -> None:
        """Wait until KServe says that the latest revision gets this share.

        Raises:
            ClusterError: If it does not become so.
        """
        wait(
            self.endpoint.deployer.cluster,
            INFERENCE_SERVICES,
            self.endpoint.name,
            until=lambda service: True if service and share(service) == percent else None,
            seconds=self.endpoint.deployer.patience.deadline_seconds,
            what=f"to send {percent} % of its requests to the latest revision",
        )


def divide(own: Document, uri: str, percent: int) -> Document:
    """Return an InferenceService whose latest revision is of a bundle and gets a share of the requests.

    Args:
        own: What was applied before.
        uri: Address of the bundle.
        percent: The share.
    """
    made = serving(own, uri)
    made["spec"]["predictor"]["canaryTrafficPercent"] = percent
    return made


def share(service: Document) -> int:
    """Return the share that the latest revision gets, as KServe says; -1 while it does not say, or of an older one."""
    said = (kserve_status.status(service).get("components") or {}).get("predictor") or {}
    if not kserve_status.is_revision_ready(service):
        return -1
    return sum(int(one.get("percent") or 0) for one in said.get("traffic") or [] if one.get("latestRevision"))
