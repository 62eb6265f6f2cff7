"""Counters of servers that come, go and start again, added up by version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from headrace.rollouts.record.counters import RequestCounts


@dataclass(frozen=True)
class CounterReading:
    """What one server shows.

    Attributes:
        digest: Digest of the bundle that it serves.
        counts: Its counters since it was started.
    """

    digest: str
    counts: RequestCounts


class CounterSource(Protocol):
    """Where the servers' counters are read."""

    @property
    def kind(self) -> str:
        """``servers``, each asked itself, or ``prometheus``."""

    def read(self) -> Mapping[str, CounterReading]:
        """What each server shows now, by a name that stays its own; without those that cannot be read.

        Raises:
            HeadraceError: If none of them can be read.
        """


class CounterTotals:
    """Adds up, from its first look on, what servers counted.

    What a server had counted before the first look is not counted. One that is seen later was started since, so that
    all that it counted is. What one counts between a look and its end is lost.
    """

    def __init__(self, source: CounterSource) -> None:
        """Prepare to read ``source``."""
        self._source = source
        self._last: dict[str, CounterReading] = {}
        self._totals: dict[str, RequestCounts] = {}
        self._begun = False

    def look(self) -> Mapping[str, RequestCounts]:
        """What was counted since the first look, by digest; raises as the source does."""
        found = self._source.read()
        for name, reading in found.items():
            before = self._last.get(name)
            if before is not None:
                added = reading.counts.since(before.counts)
            else:
                added = reading.counts if self._begun else RequestCounts()
            self._totals[reading.digest] = self._totals.get(reading.digest, RequestCounts()) + added
        self._last.update(found)
        self._begun = True
        return dict(self._totals)

    def lifetime(self, digest: str) -> RequestCounts:
        """What the servers of a version had counted in all, at the last look."""
        total = RequestCounts()
        for reading in self._last.values():
            if reading.digest == digest:
                total += reading.counts
        return total
