"""A model's journal, checked as a whole and parsed entry by entry, as far as somebody looks.

A journal of ten thousand versions is fifteen megabytes of JSON. That no entry was altered, lost or inserted is checked
on the texts: each holds the digest of the one before. Which entry concerns which version stands at its two ends.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, overload

from headrace.core.base.errors import DataError, quote
from headrace.registry.models.events import ACTIONS, FORMAT, JournalEntry

# The last part of a text of ``JournalEntry.text``, whose keys are sorted; quotes inside of strings are escaped.
_TAIL = ', "format": '
_END = re.compile(
    rf', "format": {FORMAT}, "id": "[^"\\]*", "number": (\d+), "reason": "[^"\\]*(?:\\.[^"\\]*)*", "stage": "[^"\\]*", '
    r'"time": "[^"\\]*", "version": (\d+)\}'
)
_START = '{"action": "'


class EntryList(Sequence[JournalEntry]):
    """The entries of a journal; making one checks its texts.

    Attributes:
        texts: Its texts, in order.
        heads: Action of each entry, and the number of the version that it concerns.
    """

    def __init__(self, texts: Sequence[str], name: str) -> None:
        """Check the texts.

        Args:
            texts: The texts in order.
            name: Name of the journal in messages.

        Raises:
            DataError: If an entry cannot be read, or was altered after it was written.
        """
        self.texts = tuple(texts)
        self._name = name
        self._parsed: dict[int, JournalEntry] = {}
        self.heads: list[tuple[str, int]] = []
        before = ""
        for place, text in enumerate(self.texts):
            self.heads.append(self._head(place, text, before))
            before = hashlib.sha256(text.encode()).hexdigest()
        if self.texts:
            self._entry(len(self.texts) - 1)  # no later digest vouches for it

    @overload
    def __getitem__(self, place: int) -> JournalEntry: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[JournalEntry, ...]: ...

    def __getitem__(self, place: int | slice) -> JournalEntry | tuple[JournalEntry, ...]:
        """Return an entry, or several."""
        if isinstance(place, slice):
            return tuple(self._entry(number) for number in range(*place.indices(len(self.texts))))
        return self._entry(range(len(self.texts))[place])

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[JournalEntry]:
        return map(self._entry, range(len(self.texts)))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, EntryList):
            return self.texts == other.texts
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def holding(self, *pieces: str) -> list[int]:
        """Return the places of the entries whose texts hold one of these pieces of JSON."""
        return [place for place, text in enumerate(self.texts) if any(piece in text for piece in pieces)]

    def by_first(self, key: str) -> dict[str, int]:
        """Return the place of each entry by the first text in it that has this key, as far as it has one."""
        start = f'"{key}": "'
        places: dict[str, int] = {}
        for place, text in enumerate(self.texts):
            if (found := text.find(start)) >= 0:
                places.setdefault(text[found + len(start) : text.index('"', found + len(start))], place)
        return places

    def _head(self, place: int, text: str, before: str) -> tuple[str, int]:
        """Return action and version of an entry, and check that it follows from the one before it."""
        action = text[len(_START) : text.find('"', len(_START))]
        end = _END.fullmatch(text, max(text.rfind(_TAIL), 0))
        follows = text.startswith(f'{_START}{action}", "before": "{before}", "by": ')
        if end is None or not follows or action not in ACTIONS or int(end[1]) != place + 1:
            return self._parsed_head(place, before)
        return action, int(end[2])

    def _parsed_head(self, place: int, before: str) -> tuple[str, int]:
        entry = self._entry(place)
        if entry.number != place + 1 or entry.before != before:
            raise DataError(
                f"the history of {self._name} was altered: entry {place + 1} does not follow from the one before it; "
                "restore the registry's database from a backup."
            )
        return entry.action, entry.version

    def _entry(self, place: int) -> JournalEntry:
        if place not in self._parsed:
            where = f"entry {place + 1} of the history of {self._name}"
            self._parsed[place] = _parse(self.texts[place], where)
        return self._parsed[place]


def _parse(text: str, where: str) -> JournalEntry:
    try:
        plain: dict[str, Any] = json.loads(text)
        form = plain.pop("format")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{where} must be JSON with a format; it is {quote(text)}.") from error
    if form != FORMAT or plain.get("action") not in ACTIONS:
        raise DataError(f"{where} was written by a newer headrace (format {quote(form)}): install that one.")
    try:
        return JournalEntry(**plain)
    except TypeError as error:
        raise DataError(f"{where} was written by a newer headrace: install that one.") from error
