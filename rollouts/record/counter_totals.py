"""Sum the counters of servers that start, end and restart, by version."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from headrace.rollouts.record.counters import RequestCounts


@dataclass(frozen=True)
class CounterReading:
    """The counters of one server.

    Attributes:
        digest: Digest of the bundle that it serves.
        counts: Its counters since its start.
    """

    digest: str
    counts: RequestCounts


class CounterSource(Protocol):
    """Reads the servers' counters."""

    @property
    def kind(self) -> str:
        """``servers``, if it reads each server, or ``prometheus``."""

    def read(self) -> Mapping[str, CounterReading]:
        """Return the counters of each server, by its permanent name, without servers that cannot be read.

        Raises:
            HeadraceError: If none of them can be read.
        """


class CounterTotals:
    """Sums the servers' counters from its first poll on.

    Counts from before the first poll are excluded. A server that appears later started since, so all its counts are
    included. Counts between the last poll of a server and its end are lost.
    """

    def __init__(self, source: CounterSource) -> None:
        """Initialize with a source of counters."""
        self._source = source
        self._last: dict[str, CounterReading] = {}
        self._totals: dict[str, RequestCounts] = {}
        self._polled = False

    def poll(self) -> Mapping[str, RequestCounts]:
        """Poll the source and return the counts since the first poll, by digest; raise as the source does."""
        readings = self._source.read()
        for name, reading in readings.items():
            before = self._last.get(name)
            if before is not None:
                increment = reading.counts.since(before.counts)
            else:
                increment = reading.counts if self._polled else RequestCounts()
            self._totals[reading.digest] = self._totals.get(reading.digest, RequestCounts()) + increment
        self._last.update(readings)
        self._polled = True
        return dict(self._totals)

    def lifetime(self, digest: str) -> RequestCounts:
        """Return the counts of a version's servers since their start, as of the last poll."""
        total = RequestCounts()
        for reading in self._last.values():
            if reading.digest == digest:
                total += reading.counts
        return total
