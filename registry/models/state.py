"""The state of a model, derived from its journal: its versions and their stages."""

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from headrace.core.base.errors import InputError, MissingError, quote
from headrace.registry.models.entry_list import EntryList
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.version import ModelVersion
from headrace.registry.models.version_list import Change, VersionList, add_approval

__all__ = ["STAGES", "ModelState", "ModelVersion", "fold"]

# The others leave versions and stages as they are.
_CHANGING = frozenset({"promote", "rollback", "pull_out", "approve", "archive", "restore"})
STAGES = ("development", "staging", "production")
FEWEST_DIGITS = 6


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
    versions: Sequence[ModelVersion] = ()
    stages: Mapping[str, int] = field(default_factory=dict)
    stage_history: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    entries: Sequence[JournalEntry] = ()

    def number(self, number: int) -> ModelVersion | None:
        """Return the version of that number, or None."""
        if isinstance(self.versions, VersionList):
            return self.versions.number(number)
        return next((version for version in self.versions if version.number == number), None)

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
        if isinstance(self.versions, VersionList) and digest in self._by_digest:
            for version in self.versions.registered_by([self._by_digest[digest]]):
                if version.digest == digest:
                    return version
        return next((version for version in self._holding(digest) if version.digest == digest), None)

    @functools.cached_property
    def _by_digest(self) -> dict[str, int]:
        """Where a digest seems to be registered: the first one of its entry."""
        return self.entries.by_first("digest") if isinstance(self.entries, EntryList) else {}

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
            return [current for current in [self.number(int(name))] if current]
        semver = name.removeprefix("v")
        held = self._holding(json.dumps(semver.partition("+")[0], ensure_ascii=False))
        exact = [version for version in held if semver in {version.version, version.full}]
        if exact or len(name) < FEWEST_DIGITS:
            return exact
        return [version for version in self._holding(name) if version.digest.startswith(name)]

    def _holding(self, *pieces: str) -> Sequence[ModelVersion]:
        """Return the versions whose registrations hold one of these pieces of JSON, and perhaps others."""
        if isinstance(self.versions, VersionList) and isinstance(self.entries, EntryList):
            return self.versions.registered_by(self.entries.holding(*pieces))
        return self.versions


def _list_versions(versions: Sequence[ModelVersion]) -> str:
    latest = [version.version for version in versions[-5:]]
    more = f" and {len(versions) - 5} earlier ones" if len(versions) > 5 else ""
    return ", ".join(latest) + more


def fold(model: str, entries: Sequence[JournalEntry]) -> ModelState:
    """Apply a journal's entries in order, and return the state; versions are made when somebody looks at them."""
    places: dict[int, int] = {}
    changes: dict[int, list[Change]] = {}
    stages: dict[str, int] = {}
    history: dict[str, list[int]] = {}
    heads = entries.heads if isinstance(entries, EntryList) else [(entry.action, entry.version) for entry in entries]
    for place, (action, number) in enumerate(heads):
        if action == "register":
            places[number], changes[number] = place, []
            continue
        if action not in _CHANGING:
            continue
        entry = entries[place]
        if action in {"promote", "rollback"}:
            stages[entry.stage] = number
            history.setdefault(entry.stage, []).append(number)
            if entry.stage == "production":
                changes[number].append(_set_pulled_out(""))
        elif action == "pull_out":
            successor = int(entry.facts["successor"])
            if stages.get(entry.stage) != successor:
                stages[entry.stage] = successor
                history.setdefault(entry.stage, []).append(successor)
            changes[number].append(_set_pulled_out(str(entry.facts["plan"])))
        elif action == "approve":
            changes[number].append(add_approval(entry))
        else:
            changes[number].append(_set_archived(is_archived=action == "archive"))
    placed = {number: tuple(stage for stage in STAGES if stages.get(stage) == number) for number in stages.values()}
    return ModelState(
        model=model,
        versions=VersionList(model, entries, places=places, changes=changes, stages=placed),
        stages=stages,
        stage_history={stage: tuple(numbers) for stage, numbers in history.items()},
        entries=entries,
    )


def _set_pulled_out(plan: str) -> Change:
    return lambda version: replace(version, pulled_out=plan)


def _set_archived(*, is_archived: bool) -> Change:
    return lambda version: replace(version, archived=is_archived)
