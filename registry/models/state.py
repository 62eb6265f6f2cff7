"""The state of a model, derived from its journal: its versions and their stages."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.semver import SemVer, with_digest

STAGES = ("development", "staging", "production")
FEWEST_DIGITS = 6


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


@dataclass(frozen=True)
class ModelState:
    """The state of a model by its journal.

    Attributes:
        model: Its name.
        versions: All versions in the order of their numbers.
        stages: Number of the version in each stage; empty stages are absent.
        stage_history: Numbers of the versions that were in each stage, in the order in which they entered.
        entries: The journal.
    """

    model: str
    versions: tuple[ModelVersion, ...] = ()
    stages: Mapping[str, int] = field(default_factory=dict)
    stage_history: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    entries: tuple[JournalEntry, ...] = ()

    @functools.cached_property
    def _by_number(self) -> dict[int, ModelVersion]:
        return {version.number: version for version in self.versions}

    def number(self, number: int) -> ModelVersion | None:
        """Return the version of that number, or None."""
        return self._by_number.get(number)

    def stage(self, stage: str) -> ModelVersion | None:
        """Return the version that is in a stage, or None."""
        return self.number(self.stages.get(stage, 0))

    @property
    def shadows(self) -> tuple[ModelVersion, ...]:
        """The versions that were pulled out and are watched as shadows."""
        return tuple(version for version in self.versions if version.pulled_out == "shadow" and not version.archived)

    @property
    def followed(self) -> ModelVersion | None:
        """The version that the next one is compared with: the one in production, or else the latest usable one."""
        usable = [version for version in self.versions if version.verdict != "reject" and not version.archived]
        return self.stage("production") or next(iter([*reversed(usable), *reversed(self.versions)]), None)

    def with_digest(self, digest: str) -> ModelVersion | None:
        """Return the version whose bundle has that digest, or None."""
        return next((version for version in self.versions if version.digest == digest), None)

    def find(self, name: str) -> ModelVersion:
        """Return the version that a person's text refers to.

        Args:
            name: A number (``3``), a version (``1.2.0``, with or without digest), a stage, ``latest``, or at least six
                digits of the digest.

        Raises:
            MissingError: If there is no such version.
            InputError: If it is ambiguous.
        """
        matching = self._matching(name)
        if len(matching) > 1:
            raise InputError(
                f"{quote(name)} may be several versions of {self.model}: {_list_versions(matching)}; give more of the "
                "digest."
            )
        if not matching:
            available = f"it has {_list_versions(self.versions)}" if self.versions else "it has none yet"
            raise MissingError(f"there is no version {quote(name)} of the model {self.model}; {available}.")
        return matching[0]

    def _matching(self, name: str) -> list[ModelVersion]:
        if name in STAGES:
            return [current for current in [self.stage(name)] if current]
        if name == "latest":
            return list(self.versions[-1:])
        if name.isdecimal() and len(name) < FEWEST_DIGITS:
            return [version for version in self.versions if version.number == int(name)]
        exact = [version for version in self.versions if name.removeprefix("v") in {version.version, version.full}]
        if exact or len(name) < FEWEST_DIGITS:
            return exact
        return [version for version in self.versions if version.digest.startswith(name)]


def _list_versions(versions: Sequence[ModelVersion]) -> str:
    latest = [version.version for version in versions[-5:]]
    more = f" and {len(versions) - 5} earlier ones" if len(versions) > 5 else ""
    return ", ".join(latest) + more


def fold(model: str, entries: Sequence[JournalEntry]) -> ModelState:
    """Apply a journal's entries in order, and return the state."""
    versions: dict[int, ModelVersion] = {}
    stages: dict[str, int] = {}
    stage_history: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        if entry.action == "register":
            versions[entry.version] = _version_of(model, entry)
        elif entry.action in {"promote", "rollback"}:
            stages[entry.stage] = entry.version
            stage_history[entry.stage] = (*stage_history.get(entry.stage, ()), entry.version)
            if entry.stage == "production":
                versions[entry.version] = replace(versions[entry.version], pulled_out="")
        elif entry.action == "pull_out":
            successor = int(entry.facts["successor"])
            if stages.get(entry.stage) != successor:
                stages[entry.stage] = successor
                stage_history[entry.stage] = (*stage_history.get(entry.stage, ()), successor)
            versions[entry.version] = replace(versions[entry.version], pulled_out=str(entry.facts["plan"]))
        elif entry.action == "approve":
            versions[entry.version] = _with_approval(versions[entry.version], entry)
        elif entry.action in {"archive", "restore"}:
            versions[entry.version] = replace(versions[entry.version], archived=entry.action == "archive")
    placed = tuple(
        replace(version, stages=tuple(stage for stage in STAGES if stages.get(stage) == number))
        for number, version in sorted(versions.items())
    )
    return ModelState(model=model, versions=placed, stages=stages, stage_history=stage_history, entries=tuple(entries))


def _with_approval(version: ModelVersion, entry: JournalEntry) -> ModelVersion:
    approval = Approval(entry.by, entry.time, entry.reason)
    decision = str(entry.facts.get("decision", ""))
    if not decision:
        return replace(version, approvals=(*version.approvals, approval))
    approved = (*version.pull_out_approvals.get(decision, ()), approval)
    return replace(version, pull_out_approvals={**version.pull_out_approvals, decision: approved})


def _version_of(model: str, entry: JournalEntry) -> ModelVersion:
    facts = dict(entry.facts)
    version, digest, uri = (str(facts.pop(name, "")) for name in ("version", "digest", "uri"))
    return ModelVersion(
        model=model,
        number=entry.version,
        version=version,
        digest=digest,
        uri=uri,
        registered=entry.time,
        by=entry.by,
        facts=facts,
    )
