"""The InferenceService of a rollout, shared by all kinds of traffic."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from headrace.cluster.api.client import Document
from headrace.cluster.api.field_ownership import owned_fields_of
from headrace.cluster.api.kinds import INFERENCE_SERVICES
from headrace.cluster.api.watch import PATIENCE_SECONDS
from headrace.core.base.errors import ClusterError, InputError
from headrace.rollouts.record.record import RolloutVersion
from headrace.rollouts.traffic.base import VersionPair
from headrace.serving.deployment import kserve_spec, kserve_status
from headrace.serving.deployment.kserve import KServeDeployer, goal
from headrace.serving.deployment.kserve_wait import SupersededError

_PAUSE_SECONDS = 0.5
# A route that still sends half of the requests to the other version passes with probability 2**-40, about 1e-12.
_ASKS = 40
T = TypeVar("T")


@dataclass
class RolloutEndpoint:
    """An InferenceService and the two versions of its rollout.

    Attributes:
        deployer: The deployer for its cluster.
        name: Its name.
        candidate: Address of the candidate's bundle.
        stable: Address of the stable version's bundle; empty for the one that it serves now.
    """

    deployer: KServeDeployer
    name: str
    candidate: str
    stable: str = ""
    _pair: VersionPair | None = field(default=None, init=False)

    def get(self) -> Document:
        """Return the InferenceService.

        Raises:
            InputError: If it does not exist.
        """
        service = self.deployer.cluster.get(INFERENCE_SERVICES, self.name)
        if service is None:
            raise InputError(
                f"there is no InferenceService {self.name} in {self.deployer.cluster.namespace}: deploy the version "
                f"that is to be stable with headrace deploy MODEL --name {self.name}."
            )
        return service

    def find(self) -> VersionPair:
        """See ``Traffic.find``."""
        if self._pair is None:
            uri = self.stable or kserve_status.source(self.get())
            stable, candidate = (
                RolloutVersion(uri=address, digest=kserve_spec.parse_published_uri(address)[1])
                for address in (uri, self.candidate)
            )
            if stable.digest == candidate.digest:
                raise InputError(
                    f"the candidate must be another version than what {self.name} serves; both are "
                    f"{stable.digest[:12]}."
                )
            self._pair = VersionPair(stable, candidate)
        return self._pair

    def own(self) -> Document:
        """Return the fields of it that Headrace applied, to change and apply them again.

        Raises:
            InputError: If Headrace does not own its model.
            SupersededError: If it serves neither version any more.
        """
        service = retry_unavailable(self.get)
        pair = self.find()
        if kserve_status.source(service) not in {pair.stable.uri, pair.candidate.uri}:
            raise SupersededError(
                f"the InferenceService {self.name} must serve one of the rollout's versions; somebody changed it to "
                f"{kserve_status.source(service) or 'none'} in the meantime."
            )
        owned = owned_fields_of(service)
        if owned is None or not kserve_status.source(owned):
            raise InputError(
                f"the InferenceService {self.name} must have been deployed by headrace; take it over first with "
                f"headrace deploy {pair.stable.uri} --name {self.name} --force-conflicts."
            )
        return owned

    def apply(self, document: Document) -> Document:
        """Apply a changed InferenceService; nothing happens if it is unchanged."""
        return retry_unavailable(
            lambda: self.deployer.cluster.apply(document, force=self.deployer.target.force_conflicts)
        )

    def until_answering(
        self, applied: Document, version: RolloutVersion, *, fresh: bool = True, route: bool = True
    ) -> str:
        """Wait until every answer on the real route comes from a version.

        Args:
            applied: The InferenceService, as it was applied.
            version: The version.
            fresh: Whether its pods must be newer than the change.
            route: Whether to send requests through the route; if not, it is enough that its pods run.

        Returns:
            URL of V1 predictions; empty without ``route``.
        """
        waiting = self.deployer.version_wait()
        version_goal = goal(applied, version.uri, version.digest if route else "", applied)
        service = waiting.until_answering(replace(version_goal, since=version_goal.since if fresh else "", asks=_ASKS))
        return waiting.url(service, str(applied["metadata"]["name"])) if route else ""


def retry_unavailable(act: Callable[[], T]) -> T:
    """Call a function again for a while if the API server is unavailable, or has just started and denies everything.

    Args:
        act: The function; it must be idempotent.

    Raises:
        ClusterError: If the failure lasts, or has another reason.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except ClusterError as error:
            if not (error.unavailable or error.denied) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
