"""The port through which a rollout divides an endpoint's requests."""

from dataclasses import dataclass
from typing import Protocol

from headrace.rollouts.record.record import RolloutVersion


@dataclass(frozen=True)
class VersionPair:
    """The two versions of a rollout.

    Attributes:
        stable: What answered before.
        candidate: What is to take over.
    """

    stable: RolloutVersion
    candidate: RolloutVersion


class Traffic(Protocol):
    """Divides the requests of one endpoint between two versions.

    What every implementation promises:

    - After ``prepare`` both versions run, the candidate has answered its bundle's test cases where it can be reached by
      itself, and gets no request.
    - After ``split`` requests are divided at random by the share; a request goes to one version, whole.
    - After ``promote`` only the candidate answers, and the stable version is gone.
    - After ``restore`` only the stable version answers, and the candidate is gone; it may be called at any time, more
      than once, and by another process than began.
    - Between them no request of a client fails that the version that it goes to would have answered.
    """

    @property
    def kind(self) -> str:
        """``replay``, ``canary``, ``knative`` or ``graph``."""

    def find(self) -> VersionPair:
        """Return the two versions; nothing is changed.

        Raises:
            InputError: If there is no stable version, or the candidate is the same.
        """

    def prepare(self) -> None:
        """Bring up the candidate beside the stable version; again, if that was done already.

        Raises:
            InputError: If a bundle is refused.
            ClusterError: If the candidate does not come up, or the endpoint has other versions by now.
        """

    def split(self, percent: int) -> None:
        """Send this share of the requests to the candidate, and return when it is so."""

    def promote(self) -> str:
        """Let the candidate take over.

        Returns:
            Where predictions are asked for from now on, in V1.
        """

    def restore(self) -> str:
        """Let the stable version answer alone.

        Returns:
            Where predictions are asked for, in V1.
        """
