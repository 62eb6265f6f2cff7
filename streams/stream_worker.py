"""The loop of a worker: poll, score, commit, until it is ended."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from headrace.core.base.errors import InputError
from headrace.core.base.quantities import describe_count
from headrace.streams.broker import Broker, EventBatch, OutgoingRecord, TransactionAborted
from headrace.streams.event_scorer import EventScorer, Refusal, ScoredBatch
from headrace.streams.outgoing import OutgoingPlan, build_records
from headrace.streams.schema_registry import SchemasUnavailable
from headrace.streams.stream_metrics import StreamStatus
from headrace.streams.stream_model import StreamModels

MOST_BATCH_ROWS = 50_000
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
_STATUS_SECONDS = 0.5
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BatchLimits:
    """Where batches are cut.

    Attributes:
        rows: Most events, 1 to 50,000.
        seconds: Longest time to fill a batch once there is one event, 0 to 60.
    """

    rows: int = 2_000
    seconds: float = 0.02

    def __post_init__(self) -> None:
        """Raise if a limit is out of range.

        Raises:
            InputError: If a limit is out of range.
        """
        if not 1 <= self.rows <= MOST_BATCH_ROWS:
            raise InputError(f"--batch-rows must be from 1 to {MOST_BATCH_ROWS}; got {self.rows} instead.")
        if not 0 <= self.seconds <= 60:
            raise InputError(f"--batch-seconds must be from 0 to 60; got {self.seconds} instead.")


class StreamWorker:
    """Scores the events of a topic."""

    def __init__(
        self,
        broker: Broker,
        scorer: EventScorer,
        models: Callable[[], StreamModels],
        *,
        source: str,
        status: StreamStatus,
        limits: BatchLimits | None = None,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare to work.

        Args:
            broker: The connection to the topics; the caller closes it.
            scorer: Scores batches.
            models: Returns what answers a batch, before each batch.
            source: Name of the topic of the events.
            status: What is shown.
            limits: Where batches are cut; None for the defaults.
            ended: Returns whether to end after the current batch.
        """
        self._broker, self._scorer, self._models = broker, scorer, models
        self._source, self._status, self._limits = source, status, limits or BatchLimits()
        self._ended = ended
        self._pause = 0.0
        self._current = models()
        self._shown = -_STATUS_SECONDS
        self._plan = self._make_plan()
        status.is_reachable = lambda: broker.reachable

    def run(self, *, until_end: bool = False) -> None:
        """Work until ``ended``, or with ``until_end`` until all is read that was there when partitions were assigned.

        Raises:
            FencedError: If another worker has the name of this one.
            InputError: If with ``until_end`` all is read but partitions that the topic of the answers does not have.
            StoreError: If the topics may not be read or written.
        """
        while not self._ended():
            self.work_once()
            if until_end and self._broker.at_end:
                self._require_none_waits()
                break
        self._show(now=True)

    def _require_none_waits(self) -> None:
        """Raise if there are events in partitions that wait for a partition of the answers."""
        broker = self._broker
        waiting = sorted(one for one, lag in broker.lags().items() if one in broker.held and lag.offsets)
        if waiting:
            self._show(now=True)
            answered = describe_count(self._status.counts.events, "event", "is", "are")
            raise InputError(
                f"the topic {broker.answers} must have as many partitions as {self._source}; it has "
                f"{broker.partition_counts()[broker.answers]}, so partitions {waiting} wait, and {answered} done of "
                "the others: add partitions, and start again."
            )

    def work_once(self) -> int:
        """Poll, score and commit one batch; return its number of events, 0 if it was aborted."""
        models = self._models()
        if models != self._current:
            self._status.counts.swaps += 1
            self._current = models
        batch = self._broker.poll(rows=self._limits.rows, seconds=self._limits.seconds)
        done = 0
        scored = self._score(batch, models) if len(batch) else None
        if scored:
            records, refusals = build_records(batch, scored, self._plan)
            done = self._commit(batch, records)
            if done:
                self._count(batch, scored, records, refusals)
        self._show()
        return done

    def _score(self, batch: EventBatch, models: StreamModels) -> ScoredBatch | None:
        """Score a batch; None if it must come again, since a schema registry does not answer."""
        try:
            scored = self._scorer.score(batch, models)
        except SchemasUnavailable as error:
            self._broker.give_back(batch)
            if not self._status.waits_for:
                _logger.warning("the stream waits for its schemas: %s", error)
            self._note_waiting(str(error))
            self._hold_back()
            return None
        if self._status.waits_for:
            _logger.warning("the schema registry answers again.")
            self._note_waiting("")
        return scored

    def _note_waiting(self, reason: str) -> None:
        with self._status.lock:
            self._status.waits_for = reason

    def _commit(self, batch: EventBatch, records: list[OutgoingRecord]) -> int:
        try:
            self._broker.commit(batch, records)
        except TransactionAborted as error:
            self._status.counts.aborted += 1
            if not self._pause:
                _logger.warning("the events of a batch come again: %s", error)
            self._hold_back()
            return 0
        self._pause = 0.0
        return len(batch)

    def _count(
        self, batch: EventBatch, scored: ScoredBatch, records: list[OutgoingRecord], refusals: list[Refusal]
    ) -> None:
        counts, total = self._status.counts, len(batch)
        tombstones = scored.outcomes.count(None)
        with self._status.lock:
            counts.events += total
            counts.tombstones += tombstones
            counts.answers += total - tombstones - len(refusals)
            counts.rejects.update(refusal.reason for refusal in refusals)
            counts.warnings += scored.warnings.total()
            counts.batches += 1
            counts.add_latencies(batch.timestamps, time.time())
            if refusals:
                letters = (record.headers or () for record in records if record.topic == self._plan.dead_letters)
                counts.omitted += sum(headers[-1][0] == "headrace-omitted" for headers in letters if headers)

    def _hold_back(self) -> None:
        """Wait before the events come again, longer each time in succession."""
        self._pause = min(max(2 * self._pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        deadline = time.monotonic() + self._pause
        while time.monotonic() < deadline and not self._ended():
            time.sleep(min(0.05, self._pause))

    def _make_plan(self) -> OutgoingPlan:
        broker = self._broker
        partitions = broker.partition_counts()[broker.dead_letters]
        return OutgoingPlan(self._source, broker.answers, broker.dead_letters, partitions, broker.largest_records())

    def _show(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if not now and moment < self._shown + _STATUS_SECONDS:
            return
        self._shown = moment
        broker, status = self._broker, self._status
        lags = broker.lags()
        with status.lock:
            status.lags, status.assigned, status.held = lags, broker.assigned, broker.held
            status.counts.lost_offsets = broker.lost_offsets
            status.models = tuple(model for model in (self._current.model, self._current.candidate) if model)
