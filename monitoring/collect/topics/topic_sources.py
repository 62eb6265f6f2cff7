"""Topics as sources of a collector.

What was read is settled, that is, its positions are committed to the group, when it is in the store or in the journal.
A process that is killed reads the rest twice, and the store holds each row once. Nor are the positions of a topic
committed before one of its records was accepted: whoever named another topic by mistake finds it unread.
"""

import itertools
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.payload_files import FileItem
from headrace.monitoring.collect.payload_sources import Item
from headrace.monitoring.collect.topics.topic_records import (
    Place,
    read_answer,
    read_dead_letter,
    read_payload,
    read_streamed_event,
)
from headrace.streams.broker import EventBatch
from headrace.streams.open_reader import connect_reader
from headrace.streams.topic_address import TopicAddress
from headrace.streams.topic_reader import TopicReader

_ROWS, _FILL_SECONDS = 5_000, 0.05
_MOST_AHEAD = 20_000
_OTHER_REASONS = {"service", "component", "future", "past"}
"""Why a record is refused that has the form of what its topic should hold."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StreamTopics:
    """The topics of ``headrace stream``.

    Attributes:
        answers: Topic of the answers.
        dead_letters: Topic of the dead letters.
        must_have_dead_letters: Whether it is an error if there is no topic of dead letters.
    """

    answers: TopicAddress
    dead_letters: TopicAddress
    must_have_dead_letters: bool = False


_Found = tuple["_Topic", FileItem, int | None]
"""The topic of an item, and the item."""


class _Topic:
    """One topic, read batch by batch.

    Attributes:
        holds: What it should hold.
        advice: What to do if it holds something else.
        is_right: Whether a record of it was accepted, or something else shows that it is the right one.
        ran_dry: Whether the last poll gave less than it might have.
        rows: Number of records that were read.
    """

    def __init__(self, reader: TopicReader, counts: CollectCounts, holds: str, advice: str) -> None:
        self.reader = reader
        self.holds, self.advice = holds, advice
        self.is_right = False
        self._refused = Counter[str]()
        self._is_held = False
        self.ran_dry = False
        self.rows = 0
        self._counts = counts
        self._settled = reader.positions
        self._lost = 0

    def poll(self) -> EventBatch:
        batch = self.reader.poll(rows=_ROWS, seconds=_FILL_SECONDS)
        self.ran_dry = len(batch) < _ROWS
        self.rows += len(batch)
        self._counts.lost_offsets += self.reader.lost_offsets - self._lost
        self._lost = self.reader.lost_offsets
        return batch

    def note(self, reason: str | None) -> None:
        if reason is None:
            self.is_right = True
        elif reason != "empty":  # a topic of anything may hold tombstones
            self._refused[reason] += 1

    @property
    def is_doubtful(self) -> bool:
        return bool(self.holds and self._refused and not self.is_right)

    def check_form(self) -> None:
        if self.is_doubtful and not self._refused.keys() & _OTHER_REASONS:
            raise InputError(self._describe())

    def settle(self) -> None:
        positions = self.reader.positions
        if self.is_doubtful:
            if not self._is_held:
                _logger.warning("%s", self._describe())
            self._is_held = True
            return
        if positions != self._settled:
            self.reader.commit(positions)
            self._settled = positions

    def _describe(self) -> str:
        count = self._refused.total()
        none = "its one new record is not accepted" if count == 1 else f"none of its {count:,} new records is accepted"
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in self._refused.most_common())
        advice = "" if self._refused.keys() & _OTHER_REASONS else f": {self.advice}"
        verb = "it stays" if count == 1 else "they stay"
        return f"the topic {self.reader.topic} must hold {self.holds}; {none} ({reasons}), and {verb} unread{advice}."


class _TopicSource(ABC):
    """Topics that are read together; see ``PayloadSource``."""

    in_journal = False
    in_order = False

    def __init__(self, address: str, topics: Mapping[str, _Topic], *, follow: bool) -> None:
        self.address = address
        self._topics, self._follow = topics, follow
        self._is_behind = False
        self._owners: list[_Topic] = []

    def read(self) -> list[Item]:
        """See ``PayloadSource.read``."""
        while True:
            found = list(self._read_items())
            self._owners = [topic for topic, _, _ in found]
            items: list[Item] = [(item, time) for _, item, time in found]
            if items or self._follow or all(one.reader.at_end for one in self._topics.values()):
                return items

    def position(self) -> Any:
        """See ``PayloadSource.position``."""
        return {name: one.reader.positions for name, one in self._topics.items()}

    def resume(self, position: Any) -> None:
        """See ``PayloadSource.resume``."""
        for name, one in self._topics.items():
            # Partitions that the topic has got since are read again from their beginning.
            one.reader.rewind({partition: position[name].get(partition, 0) for partition in one.reader.positions})

    def note_outcomes(self, reasons: Sequence[str | None]) -> None:
        """See ``PayloadSource.note_outcomes``."""
        for topic, reason in zip(self._owners, reasons, strict=True):
            topic.note(reason)

    def check_form(self) -> None:
        """See ``PayloadSource.check_form``."""
        for topic in self._topics.values():
            topic.check_form()

    def settle(self) -> None:
        """See ``PayloadSource.settle``."""
        try:
            for one in self._topics.values():
                one.settle()
            self._is_behind = False
        except StoreError as error:
            if not self._is_behind:
                _logger.warning("rows of %s are stored, and where to go on is kept later: %s", self.address, error)
            self._is_behind = True

    def close(self) -> None:
        """See ``PayloadSource.close``."""
        for one in self._topics.values():
            one.reader.close()

    @abstractmethod
    def _read_items(self) -> Iterator[_Found]:
        """Yield what the next batch holds."""


class LoggedTopic(_TopicSource):
    """A topic of logged requests and responses."""

    def __init__(self, address: TopicAddress, *, group: str, counts: CollectCounts, follow: bool) -> None:
        """Begin where the group has committed.

        Args:
            address: The topic.
            group: Name of the group.
            counts: Where offsets that were lost are counted.
            follow: Whether to read on behind what was there at the beginning.

        Raises:
            MissingError: If there is no such topic.
            StoreError: If its place is not reached or refuses.
        """
        self._logged = _Topic(
            connect_reader(address, group=group, start="group"),
            counts,
            "logged requests and responses",
            "if it holds the events that headrace stream reads, name the topic of its answers by --answers",
        )
        super().__init__(f"{address.place}/{address.topic}", {"logged": self._logged}, follow=follow)

    def _read_items(self) -> Iterator[_Found]:
        batch = self._logged.poll()
        for value, headers, time_stamp in zip(batch.values, batch.headers, batch.timestamps, strict=True):
            yield self._logged, read_payload(value, headers), time_stamp * 1000 if time_stamp > 0 else None


_ADVICE = "--from names the topic that headrace stream reads, --answers the one that it writes"


class StreamedTopics(_TopicSource):
    """The topics of ``headrace stream``: events, their answers, and those that the contract refused."""

    def __init__(
        self,
        events: TopicAddress,
        topics: StreamTopics,
        *,
        services: Collection[str],
        group: str,
        counts: CollectCounts,
        follow: bool,
    ) -> None:
        """Begin where the group has committed.

        Args:
            events: The topic of the events.
            topics: The others.
            services: Names of the model, as ``IntakeOptions`` has them.
            group: Name of the group.
            counts: What is counted.
            follow: Whether to read on behind what was there at the beginning.

        Raises:
            MissingError: If there is no such topic.
            StoreError: If their place is not reached or refuses.
        """
        self._source, self._counts = events.topic, counts
        self._read_event = partial(read_streamed_event, services=services)
        with ExitStack() as stack:

            def connect(address: TopicAddress, holds: str = "") -> _Topic:
                reader = connect_reader(address, group=group, start="group")
                stack.callback(reader.close)
                return _Topic(reader, counts, holds, _ADVICE)

            self._events = connect(events, "events of a stream")
            self._answers = connect(topics.answers, "answers of headrace stream")
            self._letters: _Topic | None = None
            try:
                self._letters = connect(topics.dead_letters)
            except MissingError:
                if topics.must_have_dead_letters:
                    raise
                _logger.warning(
                    "there is no topic %s of dead letters; an event that was refused counts as one without an answer.",
                    topics.dead_letters.topic,
                )
            stack.pop_all()
        named = {"events": self._events, "answers": self._answers}
        if self._letters is not None:
            named["dead_letters"] = self._letters
        super().__init__(f"{events.place}/{events.topic}", named, follow=follow)

    def note_outcomes(self, reasons: Sequence[str | None]) -> None:
        """See ``PayloadSource.note_outcomes``; a dead letter of an event shows that the topic is the stream's."""
        super().note_outcomes(reasons)
        if self._letters is not None and self._letters.is_right:
            self._events.is_right = True

    def _read_items(self) -> Iterator[_Found]:
        """Yield events and answers in turn, so that few of them wait for one another."""
        events, answers, letters = self._events, self._answers, self._letters
        ahead = events.rows - answers.rows - (letters.rows if letters else 0)
        if ahead <= _MOST_AHEAD or answers.ran_dry:
            yield from self._read_values(events, self._read_event)
        if -ahead <= _MOST_AHEAD or events.ran_dry:
            yield from self._read_values(answers, read_answer)
        if letters is not None and events.ran_dry and answers.ran_dry:
            yield from self._read_letters(letters)

    def _read_values(self, topic: _Topic, read: Callable[[bytes, Place], FileItem]) -> Iterator[_Found]:
        batch = topic.poll()
        for value, key, place in zip(batch.values, batch.keys, self._name_places(batch), strict=True):
            if value is not None:
                yield topic, read(value, place), None
            elif topic is self._events and (key is not None or self._letters is None):
                # What stands for it among the answers, or without a key among the dead letters, is no other one.
                self._counts.tombstones += 1

    def _read_letters(self, letters: _Topic) -> Iterator[_Found]:
        batch = letters.poll()
        for headers, place in zip(batch.headers, self._name_places(batch), strict=True):
            item, reason = read_dead_letter(headers, place)
            if reason:
                self._counts.note_dead_letter(reason)
            yield letters, item, None

    def _name_places(self, batch: EventBatch) -> Iterator[Place]:
        return map(Place, itertools.repeat(self._source), batch.partitions, batch.offsets, batch.timestamps)
