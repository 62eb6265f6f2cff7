"""Writes collected events to the store: each request once, joined with its response."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from headrace.core.base.errors import InputError, StoreError
from headrace.core.base.files import whole
from headrace.core.contracts.contract import Contract
from headrace.core.monitors.data.window_rows import REQUEST_ID
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collected_event import CollectedEvent
from headrace.monitoring.collect.journal_lines import read_lines, write_line
from headrace.monitoring.collect.row_builder import Pair, build_rows, stored_columns
from headrace.monitoring.windows.window_store import WindowStore

PAIR_SECONDS = 60.0
_MOST_HALVES, _MOST_VALUES = 50_000, 2_000_000
_MOST_RECENT = 200_000
_REQUEST, _RESPONSE = 1, 2  # which halves of a request are stored; see ``RowWriter._recent``


@dataclass
class _Half:
    """A request without its response, or a response without its request.

    Attributes:
        event: The event.
        since: When it was first seen, in seconds of the wall clock.
    """

    event: CollectedEvent
    since: float

    @property
    def values(self) -> int:
        """Number of its values."""
        return len(self.event.rows) * (1 + len(self.event.names))


@dataclass
class RowWriter:
    """Joins requests with their responses and stores them.

    A half waits for its other half for a while. It is then stored alone; the reader joins it with one that comes even
    later, if the hours of their times are the same or touch. What waits is also in a file, so that it survives this
    process.

    Attributes:
        store: The store.
        contract: The model's contract.
        counts: What is counted.
        halves_path: File of the halves that wait; None to hold them in memory only.
        pair_seconds: How long a half waits.
        skips_stored: Whether to look for each row in the store, and to leave it out if it is there.
    """

    store: WindowStore
    contract: Contract
    counts: CollectCounts
    halves_path: Path | None = None
    pair_seconds: float = PAIR_SECONDS
    skips_stored: bool = False
    _halves: dict[str, _Half] = field(default_factory=dict)
    _recent: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the halves that an earlier process left."""
        self._columns = stored_columns(self.contract)
        self._waiting_bytes = 0
        if self.halves_path is not None and self.halves_path.exists():
            for event in read_lines(self.halves_path, self.counts):
                self._halves[event.request_id] = _Half(event, 0.0)
            self._waiting_bytes = self.halves_path.stat().st_size

    @property
    def waiting(self) -> int:
        """Number of halves that wait."""
        return len(self._halves)

    @property
    def waiting_bytes(self) -> int:
        """Size of the file of halves."""
        return self._waiting_bytes

    def write(self, events: Iterable[CollectedEvent], *, now: float, final: bool = False) -> None:
        """Store events; when it returns, each of them is in the store or in the file of halves.

        Args:
            events: Events in any order; repeated ones are counted.
            now: Time of the wall clock, in seconds.
            final: Whether to store halves without waiting for their other half.

        Raises:
            StoreError: If the store fails; the same call may be repeated, and stores nothing twice.
        """
        halves, recent = dict(self._halves), dict[str, int]()
        duplicates = 0
        pairs: list[Pair] = []
        for event in events:
            part = _RESPONSE if event.is_response else _REQUEST
            stored = recent.get(event.request_id) or self._recent.get(event.request_id, 0)
            half = halves.get(event.request_id)
            if stored & part or (half is not None and half.event.is_response == event.is_response):
                duplicates += 1
            elif stored:
                pairs.append(_alone(event._replace(time=stored // 4) if stored & _REQUEST else event))
                recent[event.request_id] = stored | part
            elif half is None:
                halves[event.request_id] = _Half(event, now)
            else:
                del halves[event.request_id]
                pairs.append((event, half.event) if half.event.is_response else (half.event, event))
                recent[event.request_id] = (pairs[-1][0] or event).time * 4 + _REQUEST + _RESPONSE
        complete = len(pairs)
        for request_id in self._find_expired(halves, now, final=final):
            event = halves.pop(request_id).event
            pairs.append(_alone(event))
            recent[request_id] = event.time * 4 + (_RESPONSE if event.is_response else _REQUEST)
        if pairs:
            self._store(build_rows(pairs, self._columns), [_name(pair) for pair in pairs[complete:]])
        self._save(halves)
        self.counts.duplicates += duplicates
        self._halves = halves
        self._remember(recent)

    def _store(self, rows: pl.DataFrame, incomplete: list[str]) -> None:
        """Store rows, of which those of some requests lack their request or their answer."""
        new = self.store.select_new(rows) if self.skips_stored else rows
        self.counts.stored_before += rows.height - new.height
        if new.height:
            self.store.write(new)
        self.counts.rows += new.height
        self.counts.incomplete += new.filter(pl.col(REQUEST_ID).is_in(incomplete)).height

    def _find_expired(self, halves: dict[str, _Half], now: float, *, final: bool) -> list[str]:
        """Return the ids of the halves that wait no longer, because it is too long or they are too many."""
        if final:
            return list(halves)
        # A clock that goes back ends a wait too.
        expired = [name for name, half in halves.items() if not now - self.pair_seconds <= half.since <= now]
        gone = set(expired)
        count, values = len(halves) - len(expired), sum(half.values for half in halves.values())
        values -= sum(halves[name].values for name in expired)
        for name, half in halves.items():
            if count <= _MOST_HALVES and values <= _MOST_VALUES:
                break
            if name not in gone:
                expired.append(name)
                count, values = count - 1, values - half.values
        return expired

    def _save(self, halves: dict[str, _Half]) -> None:
        if self.halves_path is None or (not halves and not self._halves):
            return
        try:
            with whole(self.halves_path) as part, part.open("wb") as stream:
                stream.write(write_line(half.event for half in halves.values()))
                self._waiting_bytes = stream.tell()
        except (OSError, InputError) as error:
            raise StoreError(f"{self.halves_path} cannot be written: {error}; make room.") from error

    def _remember(self, recent: dict[str, int]) -> None:
        self._recent |= recent
        excess = len(self._recent) - _MOST_RECENT
        if excess > 0:
            for name in list(self._recent)[:excess]:
                del self._recent[name]


def _alone(event: CollectedEvent) -> Pair:
    return (None, event) if event.is_response else (event, None)


def _name(pair: Pair) -> str:
    """Return the id of the request."""
    return next(half.request_id for half in pair if half is not None)
