"""The counts of stored windows, each computed once: a longer window is the sum of its days, without their rows.

The key of a day's counts is ``MODEL/counts/VERSION/START--END-SHA256.json``, with the digest of the keys of the files
that its rows depend on: rows that come late make another document, and the one before is never read again.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import add

import polars as pl

from headrace.core.monitors.data.count_window import count_window
from headrace.core.monitors.data.window_counts import WindowCounts, WindowRecord
from headrace.core.monitors.data.window_rows import MODEL_DIGEST
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment, rfc3339
from headrace.monitoring.monitors.monitored_model import MonitoredModel
from headrace.monitoring.windows.window_store import WindowStore
from headrace.stores.objects.open_objects import StorePlace
from headrace.stores.objects.stored_documents import add_document, read_document

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class StoredCounts:
    """The counts of the rows that a version of a model answered.

    Attributes:
        place: The monitoring store.
        model: The version.
    """

    place: StorePlace
    model: MonitoredModel

    def count(self, window: TimeWindow) -> WindowCounts:
        """Return the counts of a window; days that were counted before are not read again.

        Raises:
            InputError: If stored rows or counts cannot be read.
            StoreError: If the store fails.
        """
        return reduce(add, (self._count_day(day) for day in split_days(window)))

    def first_day(self) -> datetime | None:
        """Return the first moment of the first day that was counted for this version; None if there is none."""
        first = next(iter(self.place.store.list(self._prefix)), None)
        return None if first is None else parse_moment(first.key.removeprefix(self._prefix).partition("--")[0])

    @property
    def _prefix(self) -> str:
        return f"{self.place.prefix}{self.model.name}/counts/{self.model.digest}/"

    def _count_day(self, day: TimeWindow) -> WindowCounts:
        store = WindowStore(self.place, self.model.name)
        keys = [key for group in store.keys(day).values() for key in group]
        version = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        key = f"{self._prefix}{rfc3339(day.start)}--{rfc3339(day.end)}-{version}.json"
        if self.place.store.exists(key):
            return WindowCounts.of_record(read_document(self.place, key, WindowRecord))
        rows = own_rows(store.read(day), self.model) if keys else iter(())
        counts = count_window(rows, self.model, self.model.profile)
        if keys:
            add_document(self.place, key, counts.record())
        return counts


def own_rows(frames: Iterator[pl.DataFrame], model: MonitoredModel) -> Iterator[pl.DataFrame]:
    """Yield the rows that this version answered, and those whose events do not say which version did."""
    for frame in frames:
        own = frame.filter(pl.col(MODEL_DIGEST).is_in(["", model.digest]) | pl.col(MODEL_DIGEST).is_null())
        if own.height:
            yield own


def split_days(window: TimeWindow) -> Iterator[TimeWindow]:
    """Yield the parts of a window by days in UTC."""
    start = window.start
    while start < window.end:
        midnight = datetime.combine(start.astimezone(UTC).date(), datetime.min.time(), UTC)
        end = min(midnight + _DAY, window.end)
        yield TimeWindow(start, end)
        start = end
