"""The history of a model's monitoring: a report and a decision for each window, in a folder or a bucket.

The keys are ``MODEL/reports/START--END.json`` and ``MODEL/decisions/START--END.json``, with both moments in RFC 3339,
and ``MODEL/pull-outs/VERSION-N.json`` for the Nth pull-out of a version, from 1.
Each is written once: whoever repeats a window, after a failure or by a second process, gets what stands there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.core.base.errors import InputError
from headrace.core.monitors.decisions.decision import MonitorDecision
from headrace.core.monitors.decisions.pull_out import PullOutRecord
from headrace.core.monitors.reports.monitor_report import MonitorReport, ReportWindow
from headrace.core.monitors.reports.time_window import TimeWindow, parse_moment, rfc3339
from headrace.stores.objects.open_objects import StorePlace
from headrace.stores.objects.stored_documents import Document, add_document, read_document

_REPORTS, _DECISIONS = "reports", "decisions"


@dataclass(frozen=True)
class HistoryStore:
    """Reports and decisions about one model.

    Attributes:
        place: The monitoring store.
        model: Name of the model.
    """

    place: StorePlace
    model: str

    def add_report(self, report: MonitorReport) -> MonitorReport:
        """Store the report of a window, unless there is one; return the one that is stored."""
        return self._add(_REPORTS, report, report.window)

    def add_decision(self, decision: MonitorDecision) -> MonitorDecision:
        """Store the decision about a window, unless there is one; return the one that is stored."""
        return self._add(_DECISIONS, decision, decision.window)

    def add_pull_out(self, record: PullOutRecord, number: int) -> PullOutRecord:
        """Store what became of the nth pull-out of a version, unless that is stored; return the one that is stored."""
        key = self._pull_out_key(record.digest, number)
        add_document(self.place, key, record)
        return read_document(self.place, key, PullOutRecord)

    def pull_out(self, version: str, number: int) -> PullOutRecord | None:
        """Return what became of the nth pull-out of a version, by its digest; None if nothing is stored."""
        key = self._pull_out_key(version, number)
        return read_document(self.place, key, PullOutRecord) if self.place.store.exists(key) else None

    def _pull_out_key(self, version: str, number: int) -> str:
        return f"{self.place.prefix}{self.model}/pull-outs/{version}-{number}.json"

    def decision_key(self, window: TimeWindow) -> str:
        """Return the key of the decision about a window."""
        return self._key(_DECISIONS, window)

    def report(self, window: TimeWindow) -> MonitorReport | None:
        """Return the report of a window; None if there is none."""
        key = self._key(_REPORTS, window)
        return read_document(self.place, key, MonitorReport) if self.place.store.exists(key) else None

    def decision(self, window: TimeWindow) -> MonitorDecision | None:
        """Return the decision about a window; None if there is none."""
        key = self.decision_key(window)
        return read_document(self.place, key, MonitorDecision) if self.place.store.exists(key) else None

    def reports(self, within: TimeWindow | None = None) -> Iterator[MonitorReport]:
        """Yield the reports of the windows that lie within a span, by their windows; all of them for None.

        Raises:
            InputError: If a stored document is not a report.
            StoreError: If the store fails.
        """
        for window, key in self._windows(_REPORTS):
            if within is None or (within.start <= window.start and window.end <= within.end):
                yield read_document(self.place, key, MonitorReport)

    def latest_reports(self, count: int) -> list[MonitorReport]:
        """Return the reports of the latest windows, at most ``count``, in their order; errors as for ``reports``."""
        return [read_document(self.place, key, MonitorReport) for _, key in self._windows(_REPORTS)[-count:]]

    def decisions(self) -> Iterator[MonitorDecision]:
        """Yield all decisions, by their windows; errors as for ``reports``."""
        for _, key in self._windows(_DECISIONS):
            yield read_document(self.place, key, MonitorDecision)

    def latest_decisions(self, version: str) -> Iterator[MonitorDecision]:
        """Yield the decisions about a version, by its digest, the latest window first; errors as for ``reports``."""
        for _, key in reversed(self._windows(_DECISIONS)):
            decision = read_document(self.place, key, MonitorDecision)
            if decision.digest == version:
                yield decision

    def latest_decision(self, before: TimeWindow) -> MonitorDecision | None:
        """Return the latest decision about a window that ended before another one does; None if there is none."""
        keys = [(window.end, key) for window, key in self._windows(_DECISIONS) if window.end < before.end]
        return read_document(self.place, max(keys)[1], MonitorDecision) if keys else None

    def _add(self, folder: str, document: Document, window: ReportWindow) -> Document:
        key = self._key(folder, TimeWindow(parse_moment(window.start), parse_moment(window.end)))
        add_document(self.place, key, document)
        return read_document(self.place, key, type(document))

    def _key(self, folder: str, window: TimeWindow) -> str:
        return f"{self._prefix(folder)}{rfc3339(window.start)}--{rfc3339(window.end)}.json"

    def _prefix(self, folder: str) -> str:
        return f"{self.place.prefix}{self.model}/{folder}/"

    def _windows(self, folder: str) -> list[tuple[TimeWindow, str]]:
        found = []
        for stored in self.place.store.list(self._prefix(folder)):
            start, _, end = stored.key.rpartition("/")[2].removesuffix(".json").partition("--")
            try:
                found.append((TimeWindow(parse_moment(start), parse_moment(end)), stored.key))
            except InputError as error:
                raise InputError(
                    f"{self._prefix(folder)} in {self.place} must hold documents of windows only; got {stored.key}: "
                    "move it elsewhere."
                ) from error
        return sorted(found)
