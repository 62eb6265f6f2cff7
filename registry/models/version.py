"""One version of a model, and the approvals of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.registry.models.semver import SemVer, with_digest


@dataclass(frozen=True)
class Approval:
    """A person's approval of a version.

    Attributes:
        by: Name of the person.
        time: Time in UTC.
        reason: Why.
    """

    by: str
    time: str
    reason: str


@dataclass(frozen=True)
class ModelVersion:
    """One version of a model.

    Attributes:
        model: Name of the model.
        number: Number in MLflow's registry.
        version: Semantic version, such as ``1.2.0``.
        digest: SHA-256 that identifies the bundle.
        uri: Where the bundle is published.
        registered: Time of the registration, in UTC.
        by: Who registered it.
        facts: Facts at the registration: ``verdict``, ``reasons``, ``metrics``, ``baseline``, ``task``, ``family``,
            ``contract`` (digest), ``table``, ``rows``, ``level``, ``changes``, ``follows``, ``run``.
        archived: Whether it is archived.
        approvals: Its approvals.
        stages: The stages that it is in.
        pulled_out: The plan by which it was pulled out of production (``roll_back``, ``shadow`` or ``baseline``); empty
            if it was not, or was promoted again since.
        pull_out_approvals: Approvals of decisions to pull it out, by the decision's digest.
    """

    model: str
    number: int
    version: str
    digest: str
    uri: str
    registered: str
    by: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    archived: bool = False
    approvals: tuple[Approval, ...] = ()
    stages: tuple[str, ...] = ()
    pulled_out: str = ""
    pull_out_approvals: Mapping[str, tuple[Approval, ...]] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Its stages, or ``pulled out`` or ``archived``, as text; empty in no stage."""
        marks = [word for word, is_so in (("pulled out", self.pulled_out), ("archived", self.archived)) if is_so]
        return ", ".join((*self.stages, *marks))

    @property
    def full(self) -> str:
        """Version and digest in one: ``1.2.0+3f2a9c01d4e5``."""
        return with_digest(self.version, self.digest)

    @property
    def semver(self) -> SemVer:
        """The semantic version as comparable numbers."""
        return SemVer.parse(self.version)

    @property
    def verdict(self) -> str:
        """The gate's verdict."""
        return str(self.facts.get("verdict", ""))
