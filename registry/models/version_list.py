"""The versions of a model, each made from its journal's entries when somebody looks at it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import overload

from headrace.registry.models.entry_list import EntryList
from headrace.registry.models.events import JournalEntry
from headrace.registry.models.version import Approval, ModelVersion

Change = Callable[[ModelVersion], ModelVersion]


class VersionList(Sequence[ModelVersion]):
    """Versions in the order of their numbers."""

    def __init__(
        self,
        model: str,
        entries: Sequence[JournalEntry],
        *,
        places: Mapping[int, int],
        changes: Mapping[int, Sequence[Change]],
        stages: Mapping[int, tuple[str, ...]],
    ) -> None:
        """Set what the versions are made of.

        Args:
            model: Name of the model.
            entries: Its journal.
            places: Place of each version's registration in the journal, by its number.
            changes: What happened to a version afterwards, by its number.
            stages: Stages that a version is in, by its number.
        """
        self._model, self._entries, self._places = model, entries, places
        self._changes, self._stages = changes, stages
        self._numbers = sorted(places)
        self._made: dict[int, ModelVersion] = {}

    @overload
    def __getitem__(self, place: int) -> ModelVersion: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[ModelVersion, ...]: ...

    def __getitem__(self, place: int | slice) -> ModelVersion | tuple[ModelVersion, ...]:
        """Return a version, or several."""
        if isinstance(place, slice):
            return tuple(map(self._version, self._numbers[place]))
        return self._version(self._numbers[place])

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[ModelVersion]:
        return map(self._version, self._numbers)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, VersionList) and (self._model, self._entries) == (other._model, other._entries):
            return True
        return isinstance(other, Sequence) and len(self) == len(other) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def number(self, number: int) -> ModelVersion | None:
        """Return the version of that number, or None."""
        return self._version(number) if number in self._places else None

    def registered_by(self, places: Sequence[int]) -> list[ModelVersion]:
        """Return the versions that the entries at these places of the journal have registered."""
        numbers = [number for place in places if (number := self._entries_number(place)) is not None]
        return [self._version(number) for number in sorted(numbers)]

    def _entries_number(self, place: int) -> int | None:
        """Return the number of the version that an entry has registered; None if it has not, or a later one has."""
        number = self._entries.heads[place][1] if isinstance(self._entries, EntryList) else self._entries[place].version
        return number if self._places.get(number) == place else None

    def _version(self, number: int) -> ModelVersion:
        if number not in self._made:
            version = _make_version(self._model, self._entries[self._places[number]])
            for change in self._changes.get(number, ()):
                version = change(version)
            self._made[number] = replace(version, stages=self._stages.get(number, ()))
        return self._made[number]


def add_approval(entry: JournalEntry) -> Change:
    """Return the change of an approval: of the version, or of a decision to pull it out."""
    approval = Approval(entry.by, entry.time, entry.reason)
    decision = str(entry.facts.get("decision", ""))

    def change(version: ModelVersion) -> ModelVersion:
        if not decision:
            return replace(version, approvals=(*version.approvals, approval))
        approvals = (*version.pull_out_approvals.get(decision, ()), approval)
        return replace(version, pull_out_approvals={**version.pull_out_approvals, decision: approvals})

    return change


def _make_version(model: str, entry: JournalEntry) -> ModelVersion:
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
