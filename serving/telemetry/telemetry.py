"""What is seen of a server from outside: metrics, logs, traces, explanations, changes of the model."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any, NamedTuple

import orjson

from headrace.core.base.errors import HeadraceError
from headrace.serving.model.model_holder import ModelHolder
from headrace.serving.model.options import PayloadOptions
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.telemetry import trace_context
from headrace.serving.telemetry.feature_histograms import FeatureHistograms
from headrace.serving.telemetry.log_queue import LogQueue
from headrace.serving.telemetry.payload_log import PayloadLog
from headrace.serving.telemetry.shared_counters import MOST_WAITING, CounterWriter, SharedCounters
from headrace.serving.telemetry.trace_context import Header

_FLUSH_SECONDS = 1.0
_logger = logging.getLogger(__name__)


class RequestRecord(NamedTuple):
    """A request that was answered; a tuple, since one is made for each small prediction.

    Attributes:
        protocol: ``v1``, ``v2``, ``grpc`` or ``other``.
        method: HTTP method.
        path: What was asked.
        code: HTTP status.
        seconds: Time since it came in.
        rows: Rows that were scored.
        reason: Why it was refused, in a word.
    """

    protocol: str
    method: str
    path: str
    code: int
    seconds: float
    rows: int = 0
    reason: str = ""


class Telemetry:
    """What the ways of a request tell, and what is told to those who look."""

    def __init__(
        self,
        live: ModelHolder,
        board: SharedCounters,
        number: int,
        *,
        access_log: bool,
        payloads: PayloadOptions | None,
    ) -> None:
        """Prepare to see.

        Args:
            live: The model.
            board: The counts of all workers.
            number: Number of this worker.
            access_log: Whether each request is logged.
            payloads: Where payloads go; None for nowhere.
        """
        self._live = live
        self._board = board
        self._recorder = CounterWriter(board.slab(number))
        self._outbox = LogQueue()
        self._access_log = access_log
        self._payloads = PayloadLog(payloads, self._outbox) if payloads else None
        self._model()
        live.changed.append(self._model)

    def began(self) -> None:
        """A request came in."""
        self._recorder.began()

    def record_request(self, request: RequestRecord, headers: Iterable[Header], *, flying: bool = True) -> None:
        """A request was answered, or its client left."""
        self._recorder.count_request(
            request.protocol, request.code, request.seconds, reason=request.reason, flying=flying
        )
        if self._access_log:
            line = orjson.dumps(self._line(request, trace_context.trace_id(trace_context.context(headers)))) + b"\n"
            self._outbox.put(lambda: _write(line))

    def record_answer(
        self, served: ServedModel, asked: InputRows, scored: ScoredRows, headers: Iterable[Header] = ()
    ) -> None:
        """Rows were scored."""
        if len(scored.scores) <= MOST_WAITING:
            self._recorder.count_rows(scored)
        else:
            self._recorder.count_rows(scored, distributions=False)
            self._count_aside(scored)
        if self._payloads:
            self._payloads.log_answer(
                served, asked, scored, trace=trace_context.trace_id(trace_context.context(headers))
            )

    def record_explanation(self, seconds: float) -> None:
        """Rows were explained."""
        self._recorder.count_explanation(seconds)

    async def render_metrics(self, accept: str) -> tuple[bytes, str]:
        """Return the text of ``/metrics`` and its media type."""
        self._recorder.flush()
        self._recorder.set_dropped(self._outbox.dropped)
        served, kind = self._live.served, self._kind

        def render() -> tuple[bytes, str]:
            from headrace.serving.telemetry.prometheus import render_metrics  # noqa: PLC0415 - slow

            return render_metrics(self._board, served, kind, accept)

        return await asyncio.to_thread(render)

    async def reload_model(self) -> ServedModel:
        """Read the model again.

        Raises:
            BundleError: If it is refused; the old one goes on.
        """
        try:
            served = await self._live.load()
        except HeadraceError:
            self._recorder.count_swap(done=False)
            raise
        self._recorder.count_swap(done=True)
        return served

    def told_others(self) -> None:
        """Have the other workers, if there are any, read the model again too."""
        if self._board.workers > 1:
            os.kill(os.getppid(), signal.SIGHUP)

    async def swapped_or_told(self) -> None:
        """Read the model again; a refusal is logged."""
        try:
            await self.reload_model()
        except HeadraceError as error:
            _logger.error("The model was not changed: %s", error)  # noqa: TRY400 - a sentence, not a traceback

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Count and log in the background for the length of the block."""
        with self._outbox.open():
            flushing = asyncio.create_task(self._flush())
            try:
                yield
            finally:
                flushing.cancel()
                self._recorder.flush()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_SECONDS)
            self._recorder.flush()

    def _model(self) -> None:
        served = self._live.served
        self._kind = FeatureHistograms(served.scorer.contract, served.classes)
        self._recorder.model(self._kind)

    def _count_aside(self, scored: ScoredRows) -> None:
        kind = self._kind
        if scored.matrix.shape[1] != self._live.served.door.width:
            return  # the model was changed since
        done = asyncio.get_running_loop().run_in_executor(None, kind.count, scored.matrix, scored.scores, scored.chosen)
        done.add_done_callback(lambda found: self._recorder.add(kind, found.result()))

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
