"""The protocol through which a rollout divides an endpoint's requests."""

from dataclasses import dataclass
from typing import Protocol

from headrace.rollouts.record.record import RolloutVersion


@dataclass(frozen=True)
class VersionPair:
    """The two versions of a rollout.

    Attributes:
        stable: The version that answered before the rollout.
        candidate: The version that may take over.
    """

    stable: RolloutVersion
    candidate: RolloutVersion


class Traffic(Protocol):
    """Divides the requests of one endpoint between two versions.

    Every implementation guarantees:

    - After ``prepare`` both versions run; the candidate has answered its bundle's test cases, if it can be reached
      directly, and gets no request.
    - After ``split`` requests are divided at random by the share; each request goes to one version.
    - After ``promote`` only the candidate answers, and the stable version is gone.
    - After ``restore`` only the stable version answers, and the candidate is gone; it may be called at any time, more
      than once, and by another process than the one that began.
    - In between, no client's request fails because requests are divided.
    """

    @property
    def kind(self) -> str:
        """``replay``, ``canary``, ``knative`` or ``graph``."""

    def find(self) -> VersionPair:
        """Return the two versions without changing anything.

        Raises:
            InputError: If there is no stable version, or the candidate is the same.
        """

    def prepare(self) -> None:
        """Deploy the candidate beside the stable version; may be called again.

        Raises:
            InputError: If a bundle is refused.
            ClusterError: If the candidate does not come up, or the endpoint's versions were changed in the meantime.
        """

    def split(self, percent: int) -> None:
        """Send this share of the requests, in percent, to the candidate, and return when the division is in effect."""

    def promote(self) -> str:
        """Let the candidate take over.

        Returns:
            URL of V1 predictions from now on.
        """

    def restore(self) -> str:
        """Let only the stable version answer.

        Returns:
            URL of V1 predictions.
        """
