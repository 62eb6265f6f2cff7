"""Bodies of requests, read within bounds."""

import asyncio
from typing import Any

from headrace.core.errors import RequestError
from headrace.serving.limits import Limits

Headers = dict[bytes, bytes]


class Disconnected(Exception):  # noqa: N818 - nobody reports it: the client is gone
    """The client went away before its request was whole."""


async def body(scope: Any, receive: Any, limits: Limits) -> bytes:
    """The whole body of a request.

    Args:
        scope: ASGI's scope.
        receive: ASGI's channel.
        limits: Bounds; ``body_bytes`` and ``seconds`` are read here.

    Raises:
        RequestError: If it is longer than allowed, compressed, or takes too long to arrive.
        Disconnected: If the client goes away.
    """
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    first: bytes = message["body"]
    if not message["more_body"] and len(first) <= limits.body_bytes:
        return first
    announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if len(first) > limits.body_bytes or (announced.isdigit() and int(announced) > limits.body_bytes):
        raise _too_long(limits)
    try:
        return await asyncio.wait_for(_rest(first, receive, limits), limits.seconds)
    except TimeoutError as error:
        raise RequestError(f"a body must arrive within {limits.seconds:g} s; this one did not.", "slow") from error


async def _rest(first: bytes, receive: Any, limits: Limits) -> bytes:
    parts, length, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        parts.append(message["body"])
        length += len(message["body"])
        if length > limits.body_bytes:
            raise _too_long(limits)
        more = message["more_body"]
    return b"".join(parts)


def _too_long(limits: Limits) -> RequestError:
    return RequestError(f"a body must have at most {limits.body_bytes} bytes; send fewer rows at a time.", "size")
