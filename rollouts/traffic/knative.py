"""Requests divided by Knative: KServe's ``canaryTrafficPercent``."""

from dataclasses import dataclass

from headrace.cluster.api.client import Document
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.watch import wait
from headrace.rollouts.record.record import RolloutVersion
from headrace.rollouts.traffic.base import VersionPair
from headrace.rollouts.traffic.inference_service import RolloutEndpoint
from headrace.serving.deployment import kserve_status
from headrace.serving.deployment.kserve_spec import serving


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
            ClusterError: If the division does not take effect in time.
        """
        pair = self.endpoint.find()
        self.endpoint.apply(divide(self.endpoint.own(), pair.candidate.uri, percent))
        self._until_shared(percent)

    def promote(self) -> str:
        """See ``Traffic.promote``."""
        candidate = self.endpoint.find().candidate
        return self._send_all(candidate)

    def restore(self) -> str:
        """See ``Traffic.restore``.

        The stable version gets a new revision, because KServe finally sends all requests to the latest one. With a
        share of 0 the former revision answers until the new pods run; without it the candidate would.
        """
        stable = self.endpoint.find().stable
        current = self.endpoint.own()
        if kserve_status.source(current) != stable.uri or kserve_status.split(current):
            again = kserve_status.source(current) == stable.uri
            applied = self.endpoint.apply(divide(current, stable.uri, 0))
            self.endpoint.until_answering(applied, stable, fresh=not again, route=False)
        return self._send_all(stable)

    def _send_all(self, version: RolloutVersion) -> str:
        """Send all requests to the latest revision, which is of this version."""
        applied = self.endpoint.apply(serving(self.endpoint.own(), version.uri))
        self._until_shared(
            100
        )  # while the route still divides, consecutive answers may come from one version by chance
        return self.endpoint.until_answering(applied, version, fresh=False)

    def _until_shared(self, percent: int) -> None:
        """Wait until KServe reports this share for the latest revision.

        Raises:
            ClusterError: If it does not in time.
        """
        wait(
            self.endpoint.deployer.cluster,
            INFERENCE_SERVICES,
            self.endpoint.name,
            until=lambda service: True if service and share(service) == percent else None,
            seconds=self.endpoint.deployer.timeouts.deadline_seconds,
            what=f"to send {percent} % of its requests to the latest revision",
        )


def divide(current: Document, uri: str, percent: int) -> Document:
    """Return an InferenceService whose latest revision is of a bundle and gets a share of the requests.

    Args:
        current: The InferenceService as Headrace applied it last.
        uri: Address of the bundle.
        percent: The share.
    """
    changed = serving(current, uri)
    changed["spec"]["predictor"]["canaryTrafficPercent"] = percent
    return changed


def share(service: Document) -> int:
    """Return the share that KServe reports for the latest revision; -1 until that revision is ready."""
    predictor = (kserve_status.status(service).get("components") or {}).get("predictor") or {}
    if not kserve_status.is_revision_ready(service):
        return -1
    return sum(
        int(entry.get("percent") or 0) for entry in predictor.get("traffic") or [] if entry.get("latestRevision")
    )
