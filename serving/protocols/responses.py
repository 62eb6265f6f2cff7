"""HTTP responses, and the status for each kind of error."""

import logging
from dataclasses import dataclass

import orjson

from headrace.core.base.errors import RequestError, UserError
from headrace.serving.protocols.decompression import CODINGS

JSON = b"application/json"
_logger = logging.getLogger(__name__)
_STATUSES = {
    "absent": 404,
    "method": 405,
    "slow": 408,
    "size": 413,
    "media": 415,
    "encoding": 415,
    "unusual": 422,
    "busy": 429,
    "header": 431,
    "unready": 503,
}
_HEADERS = {
    429: ((b"retry-after", b"1"),),
    503: ((b"retry-after", b"1"),),
    415: ((b"accept-encoding", ", ".join(CODINGS).encode()),),
}


@dataclass(frozen=True, slots=True)
class Response:
    """A response over HTTP.

    Attributes:
        status: HTTP status.
        body: The body.
        content_type: Its media type.
        headers: Further headers.
        rows: Number of scored rows.
        engine_seconds: Time of the engine.
        reason: Reason of a refusal, in a word; empty if the request was answered.
    """

    status: int
    body: bytes
    content_type: bytes = JSON
    headers: tuple[tuple[bytes, bytes], ...] = ()
    rows: int = 0
    engine_seconds: float = 0.0
    reason: str = ""


def error_response(error: Exception) -> Response:
    """Return the response for an error; one that is not the client's fault is logged and not described."""
    if isinstance(error, RequestError):
        status = _STATUSES.get(error.reason, 400)
        return Response(status, _sentence(str(error)), headers=_HEADERS.get(status, ()), reason=error.reason)
    if isinstance(error, UserError):
        return Response(400, _sentence(str(error)), reason="other")
    _logger.error("a request failed", exc_info=error)
    return Response(500, _sentence("the server failed; its log tells why."), reason="server")


def json(content: object, *, status: int = 200) -> Response:
    """Return a response with a JSON document."""
    return Response(status, orjson.dumps(content))


def _sentence(message: str) -> bytes:
    return orjson.dumps({"error": message})
