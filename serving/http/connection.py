"""A connection over HTTP/1.1: uvicorn's, with bounds that it does not have, and a short way for plain predictions.

The short way answers a request that is whole, small and plainly in order as soon as its last byte is read, without a
task and ASGI's messages: half of the time of a small prediction. Whatever it does not answer takes uvicorn's way, which
is the only one that refuses.
"""

import asyncio
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols.v1 import error

Headers = list[tuple[bytes, bytes]]
FastHandler = Callable[[bytes, Headers], "bytes | None"]
"""Takes a body and headers; gives the bytes of a whole response, or None for the long way."""

SHORT_BYTES = 64 << 10
_SWEEP_SECONDS = 1.0


class HeadTooLong(httptools.HttpParserCallbackError):
    """A request's head is longer than allowed."""


class BoundedConnection(HttpToolsProtocol):
    """A connection that is closed when a request takes too long to arrive or its head is too long.

    Attributes:
        limits: Bounds; ``header_bytes`` is read here.
        shorts: The short ways, by method and target of the request.
        draining: Whether the server is about to end: each answer then asks its client to connect anew, elsewhere, for
            a connection that is closed while it is used loses a request.
    """

    limits = RequestLimits()
    shorts: Mapping[tuple[bytes, bytes], FastHandler] = {}
    draining: Callable[[], bool] = staticmethod(lambda: False)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._head_bytes = 0
        self._in_head = True
        self._short: FastHandler | None = None
        self._body: list[bytes] = []
        self.since = self.loop.time()
        self.idle = False

    def data_received(self, data: bytes) -> None:
        """Read what arrived."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.limits.header_bytes and not self.transport.is_closing():
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self.idle = False
        self.since = self.loop.time()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        if self._head_bytes > self.limits.header_bytes:
            self._check_length()
        self._in_head = False
        self._head_bytes = 0
        self._short = self._way()
        if self._short is None:
            self._begin()

    def on_body(self, body: bytes) -> None:
        """A part of its body arrived."""
        if self._short is None:
            super().on_body(body)
            return
        self._body.append(body)
        if sum(map(len, self._body)) > min(SHORT_BYTES, self.limits.body_bytes):
            self._take_the_long_way()

    def on_message_complete(self) -> None:
        """It is whole."""
        if self._short is not None:
            answer = self._short(b"".join(self._body), self.headers)
            if answer is not None:
                self._short, self._body = None, []
                self._answer(answer)
                return
            self._take_the_long_way()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Its answer is sent."""
        super().on_response_complete()
        self._rest()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's wording
        """Refuse what is no HTTP, or has too long a head, and close the connection."""
        long, most = self._head_bytes > self.limits.header_bytes, self.limits.header_bytes
        content = error(f"a request's head must have at most {most} bytes." if long else "this is no HTTP/1.1.")
        head = b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(content)
        self.transport.write(STATUS_LINE[431 if long else 400] + head + content)
        self.transport.close()

    def _way(self) -> "FastHandler | None":
        free = self.cycle is None or self.cycle.response_complete
        if not free or self.expect_100_continue or self.flow.write_paused or not self.parser.should_keep_alive():
            return None
        if self.draining():
            return None
        return self.shorts.get((self.parser.get_method(), self.url))

    def _begin(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None and self.draining():
            self.cycle.keep_alive = False

    def _take_the_long_way(self) -> None:
        body, self._short, self._body = b"".join(self._body), None, []
        self._begin()
        if body:
            super().on_body(body)

    def _answer(self, answer: bytes) -> None:
        self.server_state.total_requests += 1
        self.transport.write(answer)
        self._rest()

    def _rest(self) -> None:
        self.idle = True
        self.since = self.loop.time()

    def _check_length(self) -> None:
        length = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if length > self.limits.header_bytes:
            raise HeadTooLong


async def sweep(connections: AbstractSet[Any], limits: RequestLimits) -> None:
    """Close connections that are idle for too long, or whose request takes too long, for ever."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_SWEEP_SECONDS)
        now = loop.time()
        for connection in list(connections):
            if connection.idle and now - connection.since > limits.idle_seconds:
                connection.transport.close()
            elif not connection.idle and now - connection.since > limits.seconds + _SWEEP_SECONDS:
                connection.transport.abort()
