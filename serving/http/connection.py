"""A connection over HTTP/1.1: uvicorn's, with limits that it does not have, and a fast path for plain predictions.

The fast path answers a complete, small and plainly valid request as soon as its last byte is read. It needs no task and
no ASGI messages, which take half of the time of a small prediction. Every other request takes the full path through
uvicorn, so that errors are reported in one place.
"""

import asyncio
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols.v1 import error

Headers = list[tuple[bytes, bytes]]
FastHandler = Callable[[bytes, Headers], "bytes | None"]
"""Takes a body and headers; returns the bytes of a complete response, or None for the full path."""

FAST_BYTES = 64 << 10
_SWEEP_SECONDS = 1.0
_UPGRADE = re.compile(rb"\r\nupgrade(?=[ \t]*:)", re.IGNORECASE)
_IGNORED = b"\r\nIgnored"


def ignore_upgrade(data: bytes) -> bytes:
    """Rename the header Upgrade in the head of a request, as a server may ignore it (RFC 9110, section 7.8).

    A client that offers HTTP/2, as Java's and ``curl --http2`` do, sends its whole request in HTTP/1.1. httptools 0.9
    ends such a request after its head, and drops its body.

    Args:
        data: Received bytes that begin in a head.
    """
    head, end, body = data.partition(b"\r\n\r\n")
    return _UPGRADE.sub(_IGNORED, head) + end + body


class HeadTooLong(httptools.HttpParserCallbackError):
    """A request's head is longer than allowed."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed when a request takes too long to arrive or its head is too long.

    Attributes:
        limits: Limits of requests, of which ``header_bytes`` applies.
        fast_handlers: Handlers of the fast path, by method and target of the request.
        draining: Whether the server is about to end: each response then closes its connection, so that the client
            reconnects elsewhere. A server that closed connections later might lose a request.
    """

    limits = RequestLimits()
    fast_handlers: Mapping[tuple[bytes, bytes], FastHandler] = {}
    draining: Callable[[], bool] = staticmethod(lambda: False)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Initialize the connection."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._fast_handler: FastHandler | None = None
        self._body: list[bytes] = []
        self.since = self.loop.time()
        self.idle = False

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and refuse a head that is too long."""
        if self._in_head:
            self._head_bytes += len(data)
            if b"pgrade" in data or b"PGRADE" in data:
                data = ignore_upgrade(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Start the head of a request."""
        super().on_message_begin()
        self._in_head = True
        self.idle = False
        self.since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Choose the path of the request after its head."""
        if self._head_bytes > self.limits.header_bytes:
            self._check_length()
        self._in_head = False
        self._head_bytes = 0
        self._fast_handler = self._choose_fast_handler()
        if self._fast_handler is None:
            self._begin()

    def on_body(self, body: bytes) -> None:
        """Collect a part of the body; a long body takes the full path."""
        if self._fast_handler is None:
            super().on_body(body)
            return
        self._body.append(body)
        if sum(map(len, self._body)) > min(FAST_BYTES, self.limits.body_bytes):
            self._take_full_path()

    def on_message_complete(self) -> None:
        """Answer the complete request by the fast path, or pass it to the full path."""
        if self._fast_handler is not None:
            response = self._fast_handler(b"".join(self._body), self.headers)
            if response is not None:
                self._fast_handler, self._body = None, []
                self._answer(response)
                return
            self._take_full_path()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Mark the connection as idle after the response."""
        super().on_response_complete()
        self._mark_idle()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's wording
        """Refuse bytes that are not HTTP, or a head that is too long, and close the connection."""
        too_long, limit = self._head_bytes > self.limits.header_bytes, self.limits.header_bytes
        content = error(f"a request's head must have at most {limit} bytes." if too_long else "this is not HTTP/1.1.")
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(content)
        self.transport.write(STATUS_LINE[431 if too_long else 400] + head + content)
        self.transport.close()

    def _choose_fast_handler(self) -> "FastHandler | None":
        free = self.cycle is None or self.cycle.response_complete
        # Pipelined requests must be answered in order, and a slow reader must not fill the write buffer.
        if not free or self.expect_100_continue or self.flow.write_paused or not self.parser.should_keep_alive():
            return None
        if self.draining():
            return None
        return self.fast_handlers.get((self.parser.get_method(), self.url))

    def _begin(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None and self.draining():
            self.cycle.keep_alive = False

    def _take_full_path(self) -> None:
        body, self._fast_handler, self._body = b"".join(self._body), None, []
        self._begin()
        if body:
            super().on_body(body)

    def _answer(self, response: bytes) -> None:
        self.server_state.total_requests += 1
        self.transport.write(response)
        self._mark_idle()

    def _mark_idle(self) -> None:
        self.idle = True
        self.since = self.loop.time()

    def _check_length(self) -> None:
        length = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if length > self.limits.header_bytes:
            raise HeadTooLong


async def sweep(connections: AbstractSet[Any], limits: RequestLimits) -> None:
    """Close connections that are idle for too long, or whose request takes too long, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        now = loop.time()
        for connection in list(connections):
            if connection.idle and now - connection.since > limits.idle_seconds:
                connection.transport.close()
            elif not connection.idle and now - connection.since > limits.seconds + _SWEEP_SECONDS:
                connection.transport.abort()
