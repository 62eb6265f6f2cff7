"""Metrics, logs and traces of requests, and replacements of the model."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from headrace.core.base.errors import HeadraceError
from headrace.serving.model.model_holder import ModelHolder
from headrace.serving.model.options import PayloadOptions
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.telemetry import trace_context
from headrace.serving.telemetry.feature_histograms import FeatureHistograms
from headrace.serving.telemetry.log_queue import LogQueue
from headrace.serving.telemetry.payload_log import PayloadLog, find_request_id
from headrace.serving.telemetry.shared_counters import MOST_WAITING, CounterWriter, SharedCounters
from headrace.serving.telemetry.trace_context import Header

_FLUSH_SECONDS = 1.0
_logger = logging.getLogger(__name__)


class RequestRecord(NamedTuple):
    """An answered request; a tuple, because it is cheap to create and each small prediction creates one.

    Attributes:
        protocol: ``v1``, ``v2``, ``grpc`` or ``other``.
        method: HTTP method.
        path: Path of the request.
        code: HTTP status.
        seconds: Time from its arrival to its answer.
        rows: Number of scored rows.
        reason: Reason of a refusal, in a word; empty if it was answered.
    """

    protocol: str
    method: str
    path: str
    code: int
    seconds: float
    rows: int = 0
    reason: str = ""


class Telemetry:
    """Collects metrics, logs and traces of one worker's requests, and replaces its model."""

    def __init__(
        self,
        live: ModelHolder,
        counters: SharedCounters,
        number: int,
        *,
        access_log: bool,
        payloads: PayloadOptions | None,
    ) -> None:
        """Initialize the counters and logs.

        Args:
            live: The model.
            counters: The counters of all workers.
            number: Number of this worker.
            access_log: Whether to log each request.
            payloads: Options of the payload log; None for no log.
        """
        self._live = live
        self._counters = counters
        self._writer = CounterWriter(counters.slab(number))
        self._queue = LogQueue()
        self._access_log = access_log
        self._payloads = PayloadLog(payloads, self._queue) if payloads else None
        self._model()
        live.changed.append(self._model)

    def count_start(self) -> None:
        """Count a request in flight."""
        self._writer.count_start()

    def record_request(self, request: RequestRecord, headers: Iterable[Header], *, flying: bool = True) -> None:
        """Record a request that was answered, or whose client disconnected."""
        self._writer.count_request(
            request.protocol, request.code, request.seconds, reason=request.reason, flying=flying
        )
        if self._access_log:
            line = orjson.dumps(self._line(request, trace_context.trace_id(trace_context.context(headers)))) + b"\n"
            self._queue.put(lambda: _write(line))

    def record_answer(
        self, served: ServedModel, rows: InputRows, scored: ScoredRows, headers: Iterable[Header] = ()
    ) -> None:
        """Record scored rows in the histograms and the payload log.

        Args:
            served: The model.
            rows: n rows, or columns of n values.
            scored: The answers to n rows.
            headers: The request's headers, of which its id and those of a trace are read.
        """
        if len(scored.scores) <= MOST_WAITING:
            self._writer.count_rows(scored)
        else:
            self._writer.count_rows(scored, distributions=False)
            self._count_aside(scored)
        if self._payloads:
            given = tuple(headers)
            trace = trace_context.trace_id(trace_context.context(given))
            self._payloads.log_answer(served, rows, scored, request_id=find_request_id(given), trace=trace)

    def record_explanation(self, seconds: float) -> None:
        """Record the time of a request for explanations."""
        self._writer.count_explanation(seconds)

    async def render_metrics(self, accept: str) -> tuple[bytes, str]:
        """Return the text of ``/metrics`` and its media type."""
        self._writer.flush()
        self._writer.set_dropped(self._queue.dropped)
        served, histograms = self._live.served, self._histograms

        def render() -> tuple[bytes, str]:
            from headrace.serving.telemetry.prometheus import render_metrics  # noqa: PLC0415 - slow

            return render_metrics(self._counters, served, histograms, accept)

        return await asyncio.to_thread(render)

    async def reload_model(self) -> ServedModel:
        """Read the model again and return it.

        Raises:
            BundleError: If the bundle is refused; the old model stays.
        """
        try:
            served = await self._live.load()
        except HeadraceError:
            self._writer.count_swap(done=False)
            raise
        self._writer.count_swap(done=True)
        return served

    def notify_workers(self) -> None:
        """Have the other workers, if any, read the model again too; the parent passes SIGHUP on to all of them."""
        if self._counters.workers > 1:
            os.kill(os.getppid(), signal.SIGHUP)

    async def reload_or_log(self) -> None:
        """Read the model again; log an error instead of raising it."""
        try:
            await self.reload_model()
        except HeadraceError as error:
            _logger.error("The model was not changed: %s", error)  # noqa: TRY400 - a sentence, not a traceback

    @contextlib.asynccontextmanager
    async def run_background(self) -> AsyncIterator[None]:
        """Count and log in the background for the duration of the block."""
        with self._queue.open():
            flushing = asyncio.create_task(self._flush())
            try:
                yield
            finally:
                flushing.cancel()
                self._writer.flush()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._writer.flush()

    def _model(self) -> None:
        served = self._live.served
        self._histograms = FeatureHistograms(served.scorer.contract, served.classes)
        self._guard = served.counting_guard
        self._writer.model(self._histograms, self._guard)

    def _count_aside(self, scored: ScoredRows) -> None:
        histograms, guard = self._histograms, self._guard
        if scored.matrix.shape[1] != self._live.served.encoder.width:
            return  # the model was replaced since

        def count() -> tuple[NDArray[np.float64], int]:
            counts = histograms.count(scored.matrix, scored.scores, scored.chosen)
            return counts, guard.count(scored.matrix) if guard else 0

        def add(counted: "asyncio.Future[tuple[NDArray[np.float64], int]]") -> None:
            counts, unusual = counted.result()
            self._writer.add(histograms, counts)
            self._writer.add_unusual(unusual)

        asyncio.get_running_loop().run_in_executor(None, count).add_done_callback(add)

    def _line(self, request: RequestRecord, trace_id: str) -> dict[str, Any]:
        return {
            "time": round(time.time(), 6),
            "protocol": request.protocol,
            "method": request.method,
            "path": request.path[:200],
            "status": request.code,
            "milliseconds": round(request.seconds * 1000, 3),
            "rows": request.rows,
            "reason": request.reason,
            "trace": trace_id,
            "digest": self._live.served.digest[:12],
        }


def _write(line: bytes) -> None:
    sys.stderr.buffer.write(line)
    sys.stderr.buffer.flush()
