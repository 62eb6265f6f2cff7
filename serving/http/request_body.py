"""Read the bodies of requests within limits."""

import asyncio
from typing import Any

from headrace.core.base.errors import RequestError
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols.decompression import Decompressor, create_decompressor

Headers = dict[bytes, bytes]


class ClientDisconnected(Exception):  # noqa: N818 - it is not reported: the client is gone
    """The client disconnected before its request was complete."""


async def read_body(scope: Any, receive: Any, limits: RequestLimits) -> bytes:
    """Return the whole body of a request, inflated if it is compressed.

    Args:
        scope: ASGI's scope.
        receive: ASGI's channel.
        limits: Limits, of which ``body_bytes`` and ``seconds`` apply.

    Raises:
        RequestError: If it is longer than allowed, before or after decompression, its compression is unknown or
            invalid, or it takes too long to arrive.
        ClientDisconnected: If the client disconnects.
    """
    decompressor = create_decompressor(scope["headers"], limits)
    message = await receive()
    if message["type"] != "http.request":
        raise ClientDisconnected
    first: bytes = message["body"]
    if not message["more_body"] and len(first) <= limits.body_bytes and decompressor is None:
        return first
    content_length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if len(first) > limits.body_bytes or (content_length.isdigit() and int(content_length) > limits.body_bytes):
        raise _too_long(limits)
    try:
        return await asyncio.wait_for(_whole(message, receive, limits, decompressor), limits.seconds)
    except TimeoutError as error:
        raise RequestError(f"a body must arrive within {limits.seconds:g} s; this one did not.", "slow") from error


async def _whole(message: Any, receive: Any, limits: RequestLimits, decompressor: Decompressor | None) -> bytes:
    parts, length = [], 0
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnected
        length += len(message["body"])
        if length > limits.body_bytes:
            raise _too_long(limits)
        if decompressor is None:
            parts.append(message["body"])
        else:
            for piece in decompressor.pieces(message["body"]):
                parts.append(piece)
                await asyncio.sleep(0)  # let the event loop answer other requests between two pieces
        if not message["more_body"]:
            break
        message = await receive()
    if decompressor is not None:
        decompressor.check_end()
    return b"".join(parts)


def _too_long(limits: RequestLimits) -> RequestError:
    return RequestError(f"a body must have at most {limits.body_bytes} bytes; send fewer rows at a time.", "size")
