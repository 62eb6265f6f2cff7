"""The InferenceService whose requests are divided, as all ways to divide them need it."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

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
# A route that still gives half of its requests to the other version passes once in a million million.
_ASKS = 40
T = TypeVar("T")


@dataclass
class RolloutEndpoint:
    """An InferenceService and the two versions of its rollout.

    Attributes:
        deployer: The way to it.
        name: Its name.
        candidate: Address of the bundle that is to take over.
        stable: Address of the one that answered before the rollout; empty to take what answers now.
    """

    deployer: KServeDeployer
    name: str
    candidate: str
    stable: str = ""
    _pair: VersionPair | None = field(default=None, init=False)

    def get(self) -> Document:
        """Return the InferenceService.

        Raises:
            InputError: If there is none.
        """
        found = self.deployer.cluster.get(INFERENCE_SERVICES, self.name)
        if found is None:
            raise InputError(
                f"there is no InferenceService {self.name} in {self.deployer.cluster.namespace}: deploy the version "
                f"that is to be stable with headrace deploy MODEL --name {self.name}."
            )
        return found

    def find(self) -> VersionPair:
        """See ``Traffic.find``."""
        if self._pair is None:
            uri = self.stable or kserve_status.source(self.get())
            stable, candidate = (
                RolloutVersion(uri=one, digest=kserve_spec.parse_published_uri(one)[1]) for one in (uri, self.candidate)
            )
            if stable.digest == candidate.digest:
                raise InputError(
                    f"the candidate must be another version than what {self.name} serves; both are "
                    f"{stable.digest[:12]}."
                )
            self._pair = VersionPair(stable, candidate)
        return self._pair

    def own(self) -> Document:
        """What Headrace had applied of it, to be changed and applied again.

        Raises:
            InputError: If Headrace does not own its model.
            OvertakenError: If it serves neither version by now.
        """
        service = patiently(self.get)
        pair = self.find()
        if kserve_status.source(service) not in {pair.stable.uri, pair.candidate.uri}:
            raise SupersededError(
                f"the InferenceService {self.name} must serve one of the rollout's versions; somebody changed it to "
                f"{kserve_status.source(service) or 'none'} in the meantime."
            )
        found = owned_fields_of(service)
        if found is None or not kserve_status.source(found):
            raise InputError(
                f"the InferenceService {self.name} must have been deployed by headrace; take it over first with "
                f"headrace deploy {pair.stable.uri} --name {self.name} --take-over."
            )
        return found

    def apply(self, document: Document) -> Document:
        """Apply a changed InferenceService, or what stands before it; nothing happens if it is so already."""
        return patiently(lambda: self.deployer.cluster.apply(document, force=self.deployer.target.take_over))

    def until_answering(
        self, applied: Document, version: RolloutVersion, *, fresh: bool = True, route: bool = True
    ) -> str:
        """Wait until every answer on the real route comes from a version.

        Args:
            applied: The InferenceService, as it was applied.
            version: The version.
            fresh: Whether its pods must have been made since.
            route: Whether the route is asked; if not, it is enough that its pods run.

        Returns:
            Where predictions are asked for in V1; empty if the route was not asked.
        """
        waiting = self.deployer.waiting()
        wanted = goal(applied, version.uri, version.digest if route else "", applied)
        service = waiting.until_answering(replace(wanted, since=wanted.since if fresh else "", asks=_ASKS))
        return waiting.url(service, str(applied["metadata"]["name"])) if route else ""


def patiently(act: Callable[[], T]) -> T:
    """Do something again for a while if the API server is away, or has only just started and knows nobody yet.

    Args:
        act: What is done; it does no harm to do it twice.

    Raises:
        ClusterError: If it is refused for longer, or for another reason.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except ClusterError as error:
            if not (error.unavailable or error.denied) or time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)


def serving(own: Document, uri: str) -> Document:
    """Return a copy of an InferenceService that serves another bundle, and that alone."""
    made: Any = json.loads(json.dumps(own))
    made["spec"].pop("canary", None)
    made["spec"]["predictor"].pop("canaryTrafficPercent", None)
    made["spec"]["predictor"]["model"]["storageUri"] = uri
    return dict(made)
