"""A connection of the receiver: any bytes, however they are cut, are requests in order or a refusal."""

import asyncio
import itertools
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.monitoring.collect.http_connection import EventConnection, Headers, PendingResponse
from headrace.serving.model.limits import RequestLimits

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class _Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """Nothing is read here."""

    resume_reading = pause_reading


class _Handler:
    """Keeps requests, and answers them when it is told to."""

    def __init__(self) -> None:
        self.limits, self.draining = RequestLimits(body_bytes=50, header_bytes=200), False
        self.bodies: list[bytes] = []
        self.waiting: list[PendingResponse] = []
        self.refused: list[str] = []

    def check_room(self, content_length: int) -> None:
        """There is room."""

    def refuse(self, error: RequestError) -> None:
        self.refused.append(error.reason)

    def handle(self, method: bytes, target: bytes, headers: Headers, body: bytes, response: PendingResponse) -> None:
        self.bodies.append(body)
        self.waiting.append(response)


def feed(*pieces: bytes) -> tuple[_Handler, _Transport]:
    """A connection that has received these pieces."""
    handler, transport = _Handler(), _Transport()

    async def run() -> None:
        connection = EventConnection(handler, set())
        untyped: Any = transport
        connection.connection_made(untyped)
        for piece in pieces:
            connection.data_received(piece)
        connection.connection_lost(None)

    asyncio.run(run())
    return handler, transport


def request(body: bytes, *, chunked: bool) -> bytes:
    """A request with a body."""
    if chunked:
        pieces = [body[:3], body[3:]] if body else []
        framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\n\r\n"
        return b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + framed
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


@given(
    st.lists(st.tuples(st.binary(max_size=50), st.booleans()), max_size=5), st.lists(st.integers(0, 600), max_size=8)
)
def test_requests_are_the_same_however_they_are_cut(requests: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    """TCP keeps no borders: a piece may hold a part of a request, or several."""
    whole = b"".join(request(body, chunked=chunked) for body, chunked in requests)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    handler, _ = feed(*(whole[start:end] for start, end in itertools.pairwise(places) if start < end))
    assert handler.bodies == [body for body, _ in requests]
    assert handler.refused == []


@given(st.lists(st.binary(max_size=300), max_size=4))
@example([b"POST / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"])
@example([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
def test_any_bytes_are_taken_or_refused(pieces: list[bytes]) -> None:
    """No bytes raise anything; a refusal is one response, after which the connection ends."""
    handler, transport = feed(*pieces)
    assert len(handler.refused) <= 1
    assert transport.written.startswith(b"HTTP/1.1 4") == bool(handler.refused)


def test_another_protocol_is_not_spoken() -> None:
    """A request that offers one, as Java's client does by default, is refused: its body would be lost.

    httptools 0.9 (llhttp) ends such a request after its head, though it has a body, and says so by an exception.
    """
    upgrade = request(b"x", chunked=False).replace(b"Host", b"Upgrade: h2c\r\nConnection: upgrade\r\nHost")
    handler, transport = feed(upgrade)
    assert (handler.bodies, handler.refused) == ([], ["http"])
    assert b"without the header Upgrade" in transport.written


def test_bounds_of_head_and_body() -> None:
    """A body beyond its bound is refused by its length, or while it comes; so is a head."""
    long = request(b"x" * 51, chunked=False)
    assert feed(long[: long.index(b"\r\n\r\n") + 4])[0].refused == ["size"]
    assert feed(request(b"x" * 51, chunked=True))[0].refused == ["size"]
    assert feed(b"POST / HTTP/1.1\r\nX: " + b"y" * 300)[0].refused == ["header"]
    assert feed(b"POST / HTTP/1.1\r\nX: " + b"y" * 300 + b"\r\n\r\n")[0].refused == ["header"]
    assert feed(request(b"x" * 50, chunked=False))[0].refused == []


@given(st.permutations(range(5)))
def test_responses_keep_the_order_of_their_requests(order: list[int]) -> None:
    """Whatever the order in which they are ready."""
    handler, transport = _Handler(), _Transport()

    async def run() -> None:
        untyped: Any = transport
        connection = EventConnection(handler, set())
        connection.connection_made(untyped)
        connection.data_received(request(b"", chunked=False) * 5)
        for place in order:
            handler.waiting[place].send(_OK.replace(b"OK", b"%d" % place))

    asyncio.run(run())
    assert transport.written == b"".join(_OK.replace(b"OK", b"%d" % place) for place in range(5))
