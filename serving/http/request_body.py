"""Bodies of requests, read within bounds."""

import asyncio
from typing import Any

from headrace.core.base.errors import RequestError
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols.decompression import Decompressor, inflating

Headers = dict[bytes, bytes]


class ClientDisconnected(Exception):  # noqa: N818 - nobody reports it: the client is gone
    """The client went away before its request was whole."""


async def body(scope: Any, receive: Any, limits: RequestLimits) -> bytes:
    """Return the whole body of a request, inflated if it is compressed.

    Args:
        scope: ASGI's scope.
        receive: ASGI's channel.
        limits: Bounds; ``body_bytes`` and ``seconds`` are read here.

    Raises:
        RequestError: If it is longer than allowed, as it comes or inflated, is compressed in a way that is not
            known or not as it says, or takes too long to arrive.
        Disconnected: If the client goes away.
    """
    coded = inflating(scope["headers"], limits)
    message = await receive()
    if message["type"] != "http.request":
        raise ClientDisconnected
    first: bytes = message["body"]
    if not message["more_body"] and len(first) <= limits.body_bytes and coded is None:
        return first
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if len(first) > limits.body_bytes or (announced.isdigit() and int(announced) > limits.body_bytes):
        raise _too_long(limits)
    try:
        return await asyncio.wait_for(_whole(message, receive, limits, coded), limits.seconds)
    except TimeoutError as error:
        raise RequestError(f"a body must arrive within {limits.seconds:g} s; this one did not.", "slow") from error


async def _whole(message: Any, receive: Any, limits: RequestLimits, coded: Decompressor | None) -> bytes:
    parts, length = [], 0
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnected
        length += len(message["body"])
        if length > limits.body_bytes:
            raise _too_long(limits)
        if coded is None:
            parts.append(message["body"])
        else:
            for piece in coded.pieces(message["body"]):
                parts.append(piece)
                await asyncio.sleep(0)  # between two pieces others are answered
        if not message["more_body"]:
            break
        message = await receive()
    if coded is not None:
        coded.check_end()
    return b"".join(parts)


def _too_long(limits: RequestLimits) -> RequestError:
    return RequestError(f"a body must have at most {limits.body_bytes} bytes; send fewer rows at a time.", "size")
