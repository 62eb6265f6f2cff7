"""The receiver of events over HTTP: an event is acknowledged when it is on disk, and stored soon after.

Events that arrive while a write to the disk is under way are written together by the next one (group commit), so that
one write to the disk serves many of them.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import orjson
import uvloop

from headrace.core.base.errors import RequestError, StoreError, quote
from headrace.core.runtime.signals import is_ignored
from headrace.monitoring.collect.collect_counts import CollectCounts
from headrace.monitoring.collect.collector_metrics import render_metrics
from headrace.monitoring.collect.event_intake import EventIntake
from headrace.monitoring.collect.http_connection import EventConnection, Headers, PendingResponse, encode_response
from headrace.monitoring.collect.journal import Journal
from headrace.monitoring.collect.journal_lines import read_lines, write_line
from headrace.monitoring.collect.payload_event import PayloadEvent, from_document, from_headers
from headrace.monitoring.collect.payload_reader import ReadPayload
from headrace.monitoring.collect.row_writer import RowWriter
from headrace.serving.http.connection import sweep
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols import media_type, responses
from headrace.serving.protocols.decompression import create_decompressor
from headrace.serving.protocols.responses import Response

# KServe's logger takes any status but 200 for a failure.
_STORED = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
# A longer body is read in a thread, so that other requests do not wait for it.
_LONG_BODY = 256 << 10
_MOST_EVENTS = 10_000
_BACKLOG = 2048
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SEEN_OFTEN = 0.05
# After a failure of the disk, events go elsewhere for a while; then one of them shows whether it has passed.
_UNREADY_SECONDS = 5.0
# Allocations, less deallocations, before a garbage collection: events create no cycles.
_COLLECT_AFTER = 50_000
_logger = logging.getLogger(__name__)
Payloads = list[tuple[PayloadEvent, ReadPayload]]


@dataclass(frozen=True)
class ReceiverOptions:
    """How the receiver works.

    Attributes:
        store_seconds: Longest time from an event's arrival to its row in the store, while the store works.
        segment_bytes: Size from which the journal's events are stored at once.
        unwritten_bytes: Bytes of events not yet in the store beyond which requests are refused with 503.
        drain_seconds: Longest time for requests in flight to end after SIGTERM.
    """

    store_seconds: float = 60.0
    segment_bytes: int = 16 << 20
    unwritten_bytes: int = 256 << 20
    drain_seconds: float = 10.0


class Receiver:
    """Receives the events of one model.

    Attributes:
        limits: Limits of requests.
        draining: Whether it is about to end.
    """

    def __init__(
        self,
        intake: EventIntake,
        journal: Journal,
        writer: RowWriter,
        counts: CollectCounts,
        options: ReceiverOptions,
        *,
        others: CollectCounts | None = None,
    ) -> None:
        """Initialize the receiver; ``serve`` starts it.

        Args:
            intake: Reads events.
            journal: Holds events until they are stored.
            writer: Stores them.
            counts: What is counted.
            options: How it works.
            others: What is counted beside it, for the metrics.
        """
        self.limits = RequestLimits()
        self.draining = False
        self._intake, self._journal, self._writer = intake, journal, writer
        self._counts, self._options = counts, options
        self._others = others or CollectCounts()
        self._commits = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._stores = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[tuple[Payloads, PendingResponse]] = []
        self._waiting_bytes = 0
        self._committing = False
        self._reading: set[asyncio.Task[None]] = set()
        self._full, self._ended = asyncio.Event(), asyncio.Event()
        self._unready_until = 0.0
        self._loop = cast("asyncio.AbstractEventLoop", None)

    @property
    def _busy_bytes(self) -> int:
        return self._journal.unwritten_bytes + self._waiting_bytes + self._writer.waiting_bytes

    def check_room(self, content_length: int) -> None:
        """Raise if the journal has no room for a body.

        Raises:
            RequestError: If so; the client may send it again.
        """
        if content_length and self._busy_bytes + content_length > self._options.unwritten_bytes:
            raise RequestError(
                f"at most {self._options.unwritten_bytes} bytes of events may wait to be stored; send this one again "
                "in a second.",
                "unready",
            )

    def refuse(self, error: RequestError) -> None:
        """Count a request that was refused before it was read."""
        self._intake.refuse(error)

    def handle(self, method: bytes, target: bytes, headers: Headers, body: bytes, response: PendingResponse) -> None:
        """Answer a request, an event as soon as it is on disk."""
        path = target.partition(b"?")[0]
        if method == b"POST":
            if len(body) > _LONG_BODY or b"content-encoding" in headers:
                # The loop keeps only weak references to tasks.
                task = asyncio.get_running_loop().create_task(self._read_aside(headers, body, response))
                self._reading.add(task)
                task.add_done_callback(self._reading.discard)
                return
            try:
                self._accept(self._read(headers, body), response)
            except Exception as error:  # noqa: BLE001 - the one place that maps them to replies
                self._send_error(error, response)
            return
        page = _PAGES.get(path) if method == b"GET" else None
        answer = page(self, headers) if page else responses.error_response(_absent(method, path))
        response.send(encode_response(answer, close=self._closes(response)))

    async def _read_aside(self, headers: Headers, body: bytes, response: PendingResponse) -> None:
        try:
            self._accept(await asyncio.to_thread(self._read, headers, body), response)
        except Exception as error:  # noqa: BLE001 - as in handle
            self._send_error(error, response)

    def _read(self, headers: Headers, body: bytes) -> Payloads:
        """Return what is kept of the events of a request.

        Raises:
            RequestError: If one of them is refused; then none is kept.
        """
        self.check_room(len(body))
        now = time.time()
        if b"content-encoding" in headers:
            body = _inflate(headers, body, self.limits)
        content_type = headers.get(b"content-type", b"")
        if not content_type.startswith(b"application/cloudevents"):
            return [self._read_event(from_headers(headers, body), now)]
        media = media_type.parse(content_type.decode("latin-1")).name
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RequestError(f"an event must be JSON; {error}.", "json") from error
        if media == media_type.EVENT:
            return [self._read_event(from_document(document), now)]
        if media != media_type.EVENT_BATCH or type(document) is not list or len(document) > _MOST_EVENTS:
            raise RequestError(
                f"events must be sent one by one, as {media_type.EVENT}, or in an array of at most {_MOST_EVENTS} as "
                f"{media_type.EVENT_BATCH}.",
                "media",
            )
        payloads: Payloads = []
        for index, one in enumerate(document):
            try:
                payloads.append(self._read_event(from_document(one), now))
            except RequestError as error:
                error.args = (f"event {index} of the batch: {error}",)
                raise
        return payloads

    def _read_event(self, event: PayloadEvent, now: float) -> tuple[PayloadEvent, ReadPayload]:
        return event, self._intake.read(event, now=now)

    def _accept(self, payloads: Payloads, response: PendingResponse) -> None:
        self._waiting.append((payloads, response))
        self._waiting_bytes += sum(len(event.body) for event, _ in payloads)
        if not self._committing:
            # What is received before the loop comes to it is written together.
            self._committing = True
            self._loop.call_soon(self._start_commit)

    def _start_commit(self) -> None:
        """Write what waits to the journal, in one piece, unless nothing waits."""
        batch, self._waiting = self._waiting, []
        self._committing = bool(batch)
        if batch:
            self._commits.submit(self._commit, batch)

    def _commit(self, batch: list[tuple[Payloads, PendingResponse]]) -> None:
        """Write events to the journal, in its thread."""
        error: Exception | None = None
        try:
            self._journal.append(write_line(payload.event for payloads, _ in batch for _, payload in payloads))
        except Exception as caught:  # noqa: BLE001 - whatever it is, no event of the batch is acknowledged
            error = caught
        self._loop.call_soon_threadsafe(self._end_commit, batch, error)

    def _end_commit(self, batch: list[tuple[Payloads, PendingResponse]], error: Exception | None) -> None:
        """Answer the requests whose events were written, or could not be, and write what came meanwhile."""
        self._start_commit()
        accepted = [one for payloads, _ in batch for one in payloads]
        self._waiting_bytes -= sum(len(event.body) for event, _ in accepted)
        if error is None:
            self._intake.count(accepted)
            for _, response in batch:
                response.send(_STORED if not self._closes(response) else _closing(_STORED))
        else:
            self._unready_until = self._loop.time() + _UNREADY_SECONDS
            _logger.error("%s", error)
            shown = RequestError(str(error), "unready") if isinstance(error, StoreError) else error
            for _, response in batch:
                self._send_error(shown, response)
        if self._journal.segment_bytes >= self._options.segment_bytes:
            self._full.set()

    def _send_error(self, error: Exception, response: PendingResponse) -> None:
        self._intake.refuse(error if isinstance(error, RequestError) else RequestError(str(error), "server"))
        response.send(encode_response(responses.error_response(error), close=self._closes(response)))

    def _closes(self, response: PendingResponse) -> bool:
        return response.close or self.draining

    async def serve(self, listener: socket.socket, *, started: Callable[[], None]) -> None:
        """Serve until SIGTERM or SIGINT, then store what is in the journal.

        Args:
            listener: Bound socket.
            started: Called once when requests are answered.

        Raises:
            StoreError: If the store fails at the end; the events stay in the journal for the next start.
        """
        self._loop = loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            if not is_ignored(number):
                loop.add_signal_handler(number, self._ended.set)
        connections: set[EventConnection] = set()
        server = await loop.create_server(lambda: EventConnection(self, connections), sock=listener, backlog=_BACKLOG)
        sweeper = loop.create_task(sweep(connections, self.limits))
        storing = loop.create_task(self._store_always())
        started()
        try:
            await asyncio.wait([loop.create_task(self._ended.wait()), storing], return_when=asyncio.FIRST_COMPLETED)
            self.draining = True
            server.close()
            await self._drain(connections)
            self._full.set()
            await storing
            await self._store_rest()
        finally:
            sweeper.cancel()
            self._commits.shutdown()
            self._stores.shutdown()

    async def _drain(self, connections: "set[EventConnection]") -> None:
        """Wait for the requests in flight, and close the connections that have none."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._options.drain_seconds
        while loop.time() < end:
            for connection in list(connections):
                if connection.idle:
                    connection.transport.close()
            if not connections and not self._committing:
                return
            await asyncio.sleep(_SEEN_OFTEN)

    async def _store_always(self) -> None:
        """Store what is in the journal from time to time, and again after a failure of the store, until the end."""
        pause = _FIRST_PAUSE
        while not self._ended.is_set():
            self._full.clear()
            try:
                await self._store(final=False)
            except StoreError as error:
                self._counts.store_failures += 1
                _logger.error("rows stay in the journal: %s", error)  # noqa: TRY400 - a sentence, not a traceback
                await _wait(self._ended, pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                pause = _FIRST_PAUSE
                await _wait(self._full, self._options.store_seconds)

    async def _store_rest(self) -> None:
        try:
            await self._store(final=True)
        except StoreError as error:
            raise StoreError(
                f"{str(error).removesuffix('.')}: {self._busy_bytes} bytes of events stay in {self._journal.folder} "
                "for the next start."
            ) from error

    async def _store(self, *, final: bool) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._commits, self._journal.seal)
        for segment in self._journal.sealed:
            await loop.run_in_executor(self._stores, self._store_segment, segment)
            await loop.run_in_executor(self._commits, self._journal.remove, segment)
        await loop.run_in_executor(self._stores, lambda: self._writer.write((), now=time.time(), final=final))

    def _store_segment(self, segment: Path) -> None:
        self._writer.write(read_lines(segment, self._counts), now=time.time())

    def _is_ready(self, _: Headers) -> Response:
        unready = self.draining or asyncio.get_running_loop().time() < self._unready_until
        if unready or self._busy_bytes > self._options.unwritten_bytes:
            error = RequestError("this receiver takes no events now; send them again shortly.", "unready")
            return responses.error_response(error)
        return responses.json({"ready": True})

    def _is_alive(self, _: Headers) -> Response:
        return responses.json({"alive": True})

    def _metrics(self, headers: Headers) -> Response:
        counts = CollectCounts()
        counts.add(self._counts)
        counts.add(self._others)
        content, content_type = render_metrics(
            counts,
            unwritten_bytes=self._busy_bytes,
            waiting=self._writer.waiting,
            accept=headers.get(b"accept", b"").decode("latin-1"),
        )
        return Response(200, content, content_type=content_type.encode())


_PAGES: dict[bytes, Callable[[Receiver, Headers], Response]] = {
    b"/metrics": Receiver._metrics,  # noqa: SLF001 - the routes of the class above
    b"/healthz": Receiver._is_alive,  # noqa: SLF001
    b"/readyz": Receiver._is_ready,  # noqa: SLF001
}


def run_receiver(receiver: Receiver, listener: socket.socket, *, started: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; see ``Receiver.serve``."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(receiver.serve(listener, started=started))


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _absent(method: bytes, path: bytes) -> RequestError:
    shown = f"{quote(method.decode('latin-1'), 20)} at {quote(path.decode('latin-1'))}"
    return RequestError(f"events are sent by POST; there is nothing for {shown}.", "absent")


def _inflate(headers: Headers, body: bytes, limits: RequestLimits) -> bytes:
    decompressor = create_decompressor(headers.items(), limits)
    if decompressor is None:
        return body
    inflated = b"".join(decompressor.pieces(body))
    decompressor.check_end()
    return inflated


def _closing(response: bytes) -> bytes:
    return response.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1)
