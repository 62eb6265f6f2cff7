"""One request to an API server: time-outs, what may be repeated, errors in one sentence."""

import json
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headrace.cluster.api.errors import translate_errors
from headrace.core.base.errors import ClusterError
from headrace.core.runtime.signals import held_back

if TYPE_CHECKING:
    import urllib3
    from kubernetes.client import ApiClient

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
ATTEMPTS = 4
REPEAT_SECONDS = 20.0  # after a silence longer than this, a request is not sent again
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class ApiRequest:
    """What is asked of the server.

    Attributes:
        method: ``GET``, ``POST``, ``PATCH`` or ``DELETE``.
        path: Path with its parts quoted.
        doing: The request in words, for messages.
        query: Query parameters.
        body: Document to send, of plain values.
        content_type: Media type of the body.
        read_seconds: Longest silence of the server.
        repeat: Whether the request may be sent again when it is unknown whether it was done.
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
    """What a request gives, which is sent a few times if need be.

    Args:
        once: Sends it once.
        repeat: Whether it may be sent again when it is unknown whether it was done.

    Raises:
        ClusterError: What the last attempt raised.
    """
    began, pause = time.monotonic(), _PAUSE_SECONDS
    for _ in range(ATTEMPTS - 1):
        try:
            return once()
        except ClusterError as error:
            # A server that has too many requests has not begun with this one.
            may = error.unavailable if repeat else error.reason == "busy"
            if not may or time.monotonic() - began > REPEAT_SECONDS:
                raise
        time.sleep(pause)
        pause *= 2
    return once()


@dataclass(frozen=True)
class ApiTransport:
    """The official client, used for its credentials and its connections.

    No signal breaks off a request: one that comes meanwhile acts when it is answered; a stream is left at once.

    Attributes:
        api: The client.
        address: URL of the server.
    """

    api: "ApiClient"
    address: str

    def json(self, request: ApiRequest) -> Any:
        """Return the server's answer, as plain values.

        Raises:
            MissingError: If the object, or its namespace, is not there.
            ClusterError: If the server does not answer, or refuses.
        """
        data = self.data(request)
        try:
            return json.loads(data)
        except ValueError as error:
            raise ClusterError(
                f"the cluster {self.address} gave an answer that is no JSON: "
                f"look whether its address is an API server's ({request.doing}).",
                "failed",
            ) from error

    def data(self, request: ApiRequest) -> bytes:
        """Return the bytes of the server's answer; raises as ``json`` does."""
        return send_with_retries(lambda: self._once(request), repeat=request.repeat)

    def _once(self, request: ApiRequest) -> bytes:
        with held_back(), translate_errors(self.address, request.doing):
            response = self._send(request)
            try:
                return response.read()
            finally:
                response.release_conn()

    def lines(self, request: ApiRequest) -> Generator[Any, None, None]:
        """The documents of a stream, one a line, until the server ends it; raises as ``json`` does."""
        with translate_errors(self.address, request.doing):
            with held_back():
                response = self._send(request)
            try:
                held = b""
                for block in response.stream(1 << 16):
                    *whole, held = (held + block).split(b"\n")
                    yield from (json.loads(line) for line in whole if line.strip())
            finally:
                with held_back():
                    response.close()  # a stream that is left early cannot be used again
                    response.release_conn()

    def _send(self, request: ApiRequest) -> "urllib3.BaseHTTPResponse":
        found: urllib3.BaseHTTPResponse = self.api.call_api(
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
        return found
