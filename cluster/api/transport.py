"""Requests to an API server: timeouts, retries, errors in one sentence."""

import json
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.cluster.api.errors import translate_errors
from headrace.core.base.errors import ClusterError
from headrace.core.runtime.signals import defer_signals

if TYPE_CHECKING:
    import urllib3
    from kubernetes.client import ApiClient

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
ATTEMPTS = 4
REPEAT_SECONDS = 20.0  # no retry after the server was silent for longer than this
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class ApiRequest:
    """A request to the server.

    Attributes:
        method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
        path: Path with its parts quoted.
        doing: The request in words, for messages.
        query: Query parameters.
        body: Document to send, of plain values.
        content_type: Media type of the body.
        read_seconds: Longest silence of the server.
        repeat: Whether the request may be sent again if it is unknown whether the server carried it out.
    """

    method: str
    path: str
    doing: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    read_seconds: float = READ_SECONDS
    repeat: bool = True


def send_with_retries(once: Callable[[], bytes], *, repeat: bool) -> bytes:
    """Send a request, with retries if it fails, and return its answer.

    Args:
        once: Sends it once.
        repeat: Whether it may be sent again if it is unknown whether the server carried it out.

    Raises:
        ClusterError: The error of the last attempt.
    """
    start, pause = time.monotonic(), _PAUSE_SECONDS
    for _ in range(ATTEMPTS - 1):
        try:
            return once()
        except ClusterError as error:
            # A server that answers 429 has not started the request, so that even a POST may be repeated.
            retriable = error.unavailable if repeat else error.reason == "busy"
            if not retriable or time.monotonic() - start > REPEAT_SECONDS:
                raise
        time.sleep(pause)
        pause *= 2
    return once()


@dataclass(frozen=True)
class ApiTransport:
    """The official client, used for its credentials and its connections.

    A signal does not interrupt a request, so that its effect is always known: the signal acts after the answer. It ends
    a stream at once.

    Attributes:
        api: The client.
        address: URL of the server.
    """

    api: "ApiClient"
    address: str

    def json(self, request: ApiRequest) -> Any:
        """Return the server's answer, as plain values.

        Raises:
            MissingError: If the object or its namespace does not exist.
            ClusterError: If the server does not answer, or refuses.
        """
        data = self.data(request)
        try:
            return json.loads(data)
        except ValueError as error:
            raise ClusterError(
                f"the cluster {self.address} gave an answer that is not JSON: "
                f"check whether its address is an API server's ({request.doing}).",
                "failed",
            ) from error

    def data(self, request: ApiRequest) -> bytes:
        """Return the bytes of the server's answer; raise as ``json`` does."""
        return send_with_retries(lambda: self._once(request), repeat=request.repeat)

    def _once(self, request: ApiRequest) -> bytes:
        with defer_signals(), translate_errors(self.address, request.doing):
            response = self._send(request)
            try:
                return response.read()
            finally:
                response.release_conn()

    def lines(self, request: ApiRequest) -> Generator[Any, None, None]:
        """Yield the documents of a stream, one a line, until the server ends it; raise as ``json`` does."""
        with translate_errors(self.address, request.doing):
            with defer_signals():
                response = self._send(request)
            try:
                remainder = b""
                for block in response.stream(1 << 16):
                    *complete, remainder = (remainder + block).split(b"\n")
                    yield from (json.loads(line) for line in complete if line.strip())
            finally:
                with defer_signals():
                    response.close()  # the connection of an unfinished stream cannot be reused
                    response.release_conn()

    def _send(self, request: ApiRequest) -> "urllib3.BaseHTTPResponse":
        response: urllib3.BaseHTTPResponse = self.api.call_api(
            request.path,
            request.method,
            query_params=list(request.query.items()),
            header_params={"Accept": "application/json", "Content-Type": request.content_type},
            body=request.body,
            auth_settings=["BearerToken"],
            _return_http_data_only=True,
            _preload_content=False,  # otherwise the client parses dates and logs whole bodies
            _request_timeout=(CONNECT_SECONDS, request.read_seconds),
        )
        return response
