"""What a model's journal amounts to: its versions, and which of them is in which stage."""

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
    """A person's word for a version.

    Attributes:
        by: Who gave it.
        time: When, in UTC.
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
        digest: SHA-256 that names the bundle.
        uri: Where the bundle is published.
        registered: When, in UTC.
        by: Who registered it.
        facts: What was known of it then: ``verdict``, ``reasons``, ``metrics``, ``baseline``, ``task``, ``family``,
            ``contract`` (digest), ``table``, ``rows``, ``level``, ``changes``, ``follows``, ``run``.
        archived: Whether it is out of use.
        approvals: Who approved it.
        stages: The stages that it is in.
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

    @property
    def full(self) -> str:
        """Version and digest in one: ``1.2.0+3f2a9c01d4e5``."""
        return with_digest(self.version, self.digest)

    @property
    def semver(self) -> SemVer:
        """The version as numbers that can be compared."""
        return SemVer.parse(self.version)

    @property
    def verdict(self) -> str:
        """What the gate said."""
        return str(self.facts.get("verdict", ""))


@dataclass(frozen=True)
class ModelState:
    """A model as its journal tells it.

    Attributes:
        model: Its name.
        versions: All versions in the order of their numbers.
        stages: Number of the version in each stage that has one.
        held: Numbers of the versions that were in each stage, in the order in which they came.
        entries: The journal.
    """

    model: str
    versions: tuple[ModelVersion, ...] = ()
    stages: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    entries: tuple[JournalEntry, ...] = ()

    @functools.cached_property
    def _by_number(self) -> dict[int, ModelVersion]:
        return {version.number: version for version in self.versions}

    def number(self, number: int) -> ModelVersion | None:
        """The version of that number."""
        return self._by_number.get(number)

    def stage(self, stage: str) -> ModelVersion | None:
        """The version that is in a stage."""
        return self.number(self.stages.get(stage, 0))

    @property
    def followed(self) -> ModelVersion | None:
        """The version that the next one is measured by: the one in production, or else the latest that may be used."""
        usable = [version for version in self.versions if version.verdict != "reject" and not version.archived]
        return self.stage("production") or next(iter([*reversed(usable), *reversed(self.versions)]), None)

    def with_digest(self, digest: str) -> ModelVersion | None:
        """The version whose bundle has that digest."""
        return next((version for version in self.versions if version.digest == digest), None)

    def find(self, name: str) -> ModelVersion:
        """The version that a person means.

        Args:
            name: A number (``3``), a version (``1.2.0``, with or without digest), a stage, ``latest``, or at least six
                digits of the digest.

        Raises:
            MissingError: If there is none.
            InputError: If it may mean several.
        """
        found = self._matching(name)
        if len(found) > 1:
            raise InputError(
                f"{quote(name)} may be several versions of {self.model}: {_list_versions(found)}; give more of the "
                "digest."
            )
        if not found:
            there = f"it has {_list_versions(self.versions)}" if self.versions else "it has none yet"
            raise MissingError(f"there is no version {quote(name)} of the model {self.model}; {there}.")
        return found[0]

    def _matching(self, name: str) -> list[ModelVersion]:
        if name in STAGES:
            return [found for found in [self.stage(name)] if found]
        if name == "latest":
            return list(self.versions[-1:])
        if name.isdecimal() and len(name) < FEWEST_DIGITS:
            return [version for version in self.versions if version.number == int(name)]
        exact = [version for version in self.versions if name.removeprefix("v") in {version.version, version.full}]
        if exact or len(name) < FEWEST_DIGITS:
            return exact
        return [version for version in self.versions if version.digest.startswith(name)]


def _list_versions(versions: Sequence[ModelVersion]) -> str:
    told = [version.version for version in versions[-5:]]
    more = f" and {len(versions) - 5} earlier ones" if len(versions) > 5 else ""
    return ", ".join(told) + more


def fold(model: str, entries: Sequence[JournalEntry]) -> ModelState:
    """The state that a journal's entries lead to, one after the other."""
    versions: dict[int, ModelVersion] = {}
    stages: dict[str, int] = {}
    held: dict[str, tuple[int, ...]] = {}
    for entry in entries:
        if entry.action == "register":
            versions[entry.version] = _version_of(model, entry)
        elif entry.action in {"promote", "rollback"}:
            stages[entry.stage] = entry.version
            held[entry.stage] = (*held.get(entry.stage, ()), entry.version)
        elif entry.action == "approve":
            old = versions[entry.version]
            given = Approval(entry.by, entry.time, entry.reason)
            versions[entry.version] = replace(old, approvals=(*old.approvals, given))
        elif entry.action in {"archive", "restore"}:
            versions[entry.version] = replace(versions[entry.version], archived=entry.action == "archive")
    placed = tuple(
        replace(version, stages=tuple(stage for stage in STAGES if stages.get(stage) == number))
        for number, version in sorted(versions.items())
    )
    return ModelState(model=model, versions=placed, stages=stages, held=held, entries=tuple(entries))


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
