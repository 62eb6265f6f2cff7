"""A connection of the receiver over HTTP/1.1: requests in, responses in their order out, and bounds on both.

It stands on httptools and not on ASGI: a response is written later, when its event is on disk, together with many
others, and an event is so small that a task and ASGI's messages would take most of the time.
"""

import asyncio
from collections import deque
from typing import Protocol, cast

import httptools

from headrace.core.base.errors import RequestError
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols import responses
from headrace.serving.protocols.responses import Response

_MOST_PIPELINED = 64
# Whether there is room for a shorter body is asked when it is there: its client has sent it by then.
_SHORT_BODY = 16 << 10
# A client that sends a body which is refused reads the response only if the connection stays open for a while.
_LINGER_SECONDS = 2.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS = {200: b"OK", 400: b"Bad Request", 404: b"Not Found", 405: b"Method Not Allowed", 413: b"Content Too Large"}
Headers = dict[bytes, bytes]


class PendingResponse:
    """A place in the order of a connection's responses, which is filled once."""

    __slots__ = ("_connection", "close", "content")

    def __init__(self, connection: "EventConnection") -> None:
        """Take the next place of a connection.

        Args:
            connection: The connection.
        """
        self._connection = connection
        self.content = b""
        self.close = False

    def send(self, content: bytes) -> None:
        """Send the bytes of a complete response, as soon as the responses before it are sent."""
        self.content = content
        self._connection.flush()


class RequestHandler(Protocol):
    """What answers the requests of all connections."""

    limits: RequestLimits

    @property
    def draining(self) -> bool:
        """Whether each response closes its connection."""

    def check_room(self, content_length: int) -> None:
        """Raise ``RequestError`` if a body of that length cannot be kept now."""

    def refuse(self, error: RequestError) -> None:
        """Count a request that was refused before it was read."""

    def handle(self, method: bytes, target: bytes, headers: Headers, body: bytes, response: PendingResponse) -> None:
        """Answer a request, now or later."""


class EventConnection(asyncio.Protocol):
    """One connection.

    Attributes:
        since: Time of the loop at which the current request, or the current pause, began.
        idle: Whether no request is being read or answered.
        transport: Its transport.
    """

    def __init__(self, handler: RequestHandler, connections: "set[EventConnection]") -> None:
        """Initialize a connection.

        Args:
            handler: Answers its requests.
            connections: The open connections, this one while it is open.
        """
        self._handler = handler
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[PendingResponse] = deque()
        self._target = b""
        self._headers: Headers = {}
        self._body: list[bytes] = []
        self._body_bytes = self._head_bytes = 0
        self._in_head = True
        self._reads = self._discards = self._lingers = self._paused = False
        self.since = self._loop.time()
        self.idle = True
        self.transport = cast("asyncio.Transport", None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection; responses that are still to come are dropped."""
        self._connections.discard(self)
        self._waiting.clear()
        self._discards = True

    def data_received(self, data: bytes) -> None:
        """Parse received bytes."""
        if self._discards:
            return
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, RequestError) else RequestError("this is not HTTP/1.1.", "http"))
        else:
            if self._in_head and self._head_bytes > self._handler.limits.header_bytes:
                self._refuse(self._head_too_long())

    def pause_writing(self) -> None:
        """Read no more requests while the client does not read responses."""
        self._pause()

    def resume_writing(self) -> None:
        """Read requests again."""
        self._resume()

    def on_message_begin(self) -> None:
        """Start a request."""
        self._target, self._headers, self._body, self._body_bytes = b"", {}, [], 0
        self._in_head = self._reads = True
        self.idle = False
        self.since = self._loop.time()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Refuse a body that is too long before it is read."""
        limits = self._handler.limits
        if self._head_bytes > limits.header_bytes:
            # What was received holds a part of the body too.
            head = len(self._target) + sum(len(name) + len(value) for name, value in self._headers.items())
            if head > limits.header_bytes:
                raise self._head_too_long()
        self._in_head, self._head_bytes = False, 0
        if self._parser.should_upgrade():
            # llhttp leaves the body of such a request to the other protocol.
            raise RequestError("this receiver speaks HTTP/1.1 alone; send events without the header Upgrade.", "http")
        length = int(self._headers.get(b"content-length", b"0"))
        if length > limits.body_bytes:
            raise _too_long(limits)
        if length > _SHORT_BODY:
            self._handler.check_room(length)
        if b"expect" in self._headers and self._headers[b"expect"].lower() == b"100-continue" and not self._waiting:
            self.transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._body_bytes += len(body)
        if self._body_bytes > self._handler.limits.body_bytes:
            raise _too_long(self._handler.limits)
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        self._in_head, self._reads = True, False
        response = PendingResponse(self)
        response.close = not self._parser.should_keep_alive()
        self._waiting.append(response)
        if len(self._waiting) > _MOST_PIPELINED:
            self._pause()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        self._handler.handle(self._parser.get_method(), self._target, self._headers, body, response)

    def flush(self) -> None:
        """Send the responses that are ready and whose turn it is."""
        waiting = self._waiting
        while waiting and waiting[0].content:
            response = waiting.popleft()
            self.transport.write(response.content)
            if response.close or self._handler.draining:
                self._end()
                return
        if not waiting and not self._reads:
            self.idle = True
            self.since = self._loop.time()
        if self._paused and len(waiting) <= _MOST_PIPELINED // 2:
            self._resume()

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self.transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and not self.transport.is_closing():
            self._paused = False
            self.transport.resume_reading()

    def _refuse(self, error: RequestError) -> None:
        """Answer and close; what the client still sends is thrown away."""
        if self._discards:
            return
        self._discards = self._lingers = True
        self._handler.refuse(error)
        response = PendingResponse(self)
        self._waiting.append(response)
        response.close = True
        response.send(encode_response(responses.error_response(error), close=True))

    def _end(self) -> None:
        self._waiting.clear()
        self._discards = True
        if self._lingers:
            self._loop.call_later(_LINGER_SECONDS, self.transport.close)
        else:
            self.transport.close()

    def _head_too_long(self) -> RequestError:
        limit = self._handler.limits.header_bytes
        return RequestError(f"a request's head must have at most {limit} bytes.", "header")


def encode_response(response: Response, *, close: bool = False) -> bytes:
    """Return the bytes of a complete response.

    Args:
        response: The response.
        close: Whether to announce that the connection is closed.
    """
    lines = [b"HTTP/1.1 %d %b" % (response.status, _REASONS.get(response.status, b"-"))]
    lines += [b"content-type: %b" % response.content_type, b"content-length: %d" % len(response.body)]
    lines += [b"%b: %b" % header for header in response.headers]
    if close:
        lines.append(b"connection: close")
    return b"\r\n".join([*lines, b"", response.body])


def _too_long(limits: RequestLimits) -> RequestError:
    return RequestError(
        f"a body must have at most {limits.body_bytes} bytes; send fewer rows or events at a time.", "size"
    )
