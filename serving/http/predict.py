"""The way of a prediction over HTTP, the long one and the short one."""

import time
from typing import Any

from headrace.core.base.errors import RequestError
from headrace.serving.http.connection import SHORT_BYTES, Headers
from headrace.serving.http.request_body import body
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.explainer_process import ExplainerProcess
from headrace.serving.model.served_model import ScoredRows, ServedModel
from headrace.serving.protocols import media_type, v1
from headrace.serving.protocols.codecs import ProtocolCodec
from headrace.serving.protocols.responses import Response
from headrace.serving.telemetry import trace_context
from headrace.serving.telemetry.telemetry import RequestRecord, Telemetry

# The answers to more rows are written in a thread.
_MANY_ROWS = 256
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n"


class PredictHandler:
    """Answers predictions in any protocol over HTTP."""

    def __init__(self, desk: RequestExecutor, seen: Telemetry, explaining: ExplainerProcess) -> None:
        """Prepare to answer.

        Args:
            desk: Where long requests are worked on.
            seen: What metrics and logs see.
            explaining: Who explains answers.
        """
        self._desk = desk
        self._seen = seen
        self._explaining = explaining

    async def handle(self, speech: ProtocolCodec, scope: Any, receive: Any, *, explain: bool = False) -> Response:
        """Return the reply to any request.

        Args:
            speech: The protocol.
            scope: ASGI's scope.
            receive: ASGI's channel.
            explain: Whether explanations are wanted, whatever the request says.

        Raises:
            RequestError: If the request is refused.
        """
        desk, headers = self._desk, scope["headers"]
        served = desk.current_model()
        sent = await body(scope, receive, desk.limits)
        if len(sent) <= SHORT_BYTES:
            document, asked = speech.read(sent, headers, served, desk.limits)
        else:
            document, asked = await desk.aside(speech.read, sent, headers, served, desk.limits)
        explain = explain or v1.wants_explanations(document)
        scored = await desk.score(served, asked)
        explanations = await self._explain(served, scored) if explain else None
        self._seen.record_answer(served, asked, scored, headers)
        if len(scored.scores) <= _MANY_ROWS:
            reply = speech.write(served, scored, document, explanations)
        else:
            reply = await desk.aside(speech.write, served, scored, document, explanations)
        return speech.wrap(reply, headers, served.name)

    async def _explain(self, served: ServedModel, scored: ScoredRows) -> list[Any]:
        began = time.perf_counter()
        explanations = await self._explaining.explain(served, scored, self._desk.limits)
        self._seen.record_explanation(time.perf_counter() - began)
        return explanations

    def shortly(self, speech: ProtocolCodec, sent: bytes, headers: Headers) -> bytes | None:
        """Return the bytes of a whole response, if the request is plainly in order and its answer takes microseconds.

        Args:
            speech: The protocol.
            sent: The body.
            headers: The headers.

        Returns:
            The response; None if the request must take the long way, which says why.
        """
        began = time.perf_counter()
        telling = media_type.plain(headers)
        if telling is None:
            return None
        try:
            served = self._desk.current_model()
            document, asked = speech.read_json(sent, headers, served, self._desk.limits)
            if "parameters" in document:
                return None
            scored = served.quick(asked)
        except RequestError:
            return None
        if scored is None:
            return None
        reply = speech.write(served, scored, document, None)
        self._seen.record_answer(served, asked, scored, headers)
        seconds = time.perf_counter() - began
        self._seen.record_request(
            RequestRecord(speech.name, "POST", served.name, 200, seconds, reply.rows), headers, flying=False
        )
        return _response(reply, telling)


def _response(reply: Response, headers: Headers) -> bytes:
    head = _HEAD % (reply.content_type, len(reply.body))
    if headers or reply.headers:
        for name, value in (*reply.headers, *trace_context.context(headers)):
            head += b"%b: %b\r\n" % (name, value)
    return b"%b\r\n%b" % (head, reply.body)
