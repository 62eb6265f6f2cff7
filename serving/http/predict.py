"""Predictions over HTTP, by the full path and by the fast path."""

import time
from typing import Any

from headrace.core.base.errors import RequestError
from headrace.serving.http.connection import FAST_BYTES, Headers
from headrace.serving.http.request_body import read_body
from headrace.serving.model.executor import RequestExecutor
from headrace.serving.model.explainer_process import ExplainerProcess
from headrace.serving.model.served_model import ScoredRows, ServedModel
from headrace.serving.protocols import media_type, v1
from headrace.serving.protocols.codecs import ProtocolCodec
from headrace.serving.protocols.responses import Response
from headrace.serving.telemetry import trace_context
from headrace.serving.telemetry.telemetry import RequestRecord, Telemetry

# Responses with more rows are written in a thread.
_MANY_ROWS = 256
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n"


class PredictHandler:
    """Answers predictions in any protocol over HTTP."""

    def __init__(self, executor: RequestExecutor, telemetry: Telemetry, explainer: ExplainerProcess) -> None:
        """Initialize the handler.

        Args:
            executor: Runs long requests in threads.
            telemetry: Records requests in metrics and logs.
            explainer: Explains answers.
        """
        self._executor = executor
        self._telemetry = telemetry
        self._explainer = explainer

    async def handle(self, codec: ProtocolCodec, scope: Any, receive: Any, *, explain: bool = False) -> Response:
        """Return the response to any request, by the full path.

        Args:
            codec: The protocol.
            scope: ASGI's scope.
            receive: ASGI's channel.
            explain: Whether to explain the answers even if the request does not ask for it.

        Raises:
            RequestError: If the request is refused.
        """
        executor, headers = self._executor, scope["headers"]
        served = executor.current_model()
        content = await read_body(scope, receive, executor.limits)
        if len(content) <= FAST_BYTES:
            document, rows = codec.read(content, headers, served, executor.limits)
        else:
            document, rows = await executor.run_in_thread(codec.read, content, headers, served, executor.limits)
        explain = explain or v1.wants_explanations(document)
        scored = await executor.score(served, rows)
        explanations = await self._explain(served, scored) if explain else None
        self._telemetry.record_answer(served, rows, scored, headers)
        if len(scored.scores) <= _MANY_ROWS:
            response = codec.write(served, scored, document, explanations)
        else:
            response = await executor.run_in_thread(codec.write, served, scored, document, explanations)
        return codec.wrap(response, headers, served.name)

    async def _explain(self, served: ServedModel, scored: ScoredRows) -> list[Any]:
        start = time.perf_counter()
        explanations = await self._explainer.explain(served, scored, self._executor.limits)
        self._telemetry.record_explanation(time.perf_counter() - start)
        return explanations

    def handle_fast(self, codec: ProtocolCodec, content: bytes, headers: Headers) -> bytes | None:
        """Return the bytes of a complete response by the fast path, if the request is plainly valid and quick.

        Args:
            codec: The protocol.
            content: The body.
            headers: The headers.

        Returns:
            The response; None if the request must take the full path, which reports the reason.
        """
        start = time.perf_counter()
        trace_headers = media_type.trace_headers_if_plain(headers)
        if trace_headers is None:
            return None
        try:
            served = self._executor.current_model()
            document, rows = codec.read_json(content, headers, served, self._executor.limits)
            if "parameters" in document:
                return None
            scored = served.predict_fast(rows)
        except RequestError:
            return None
        if scored is None:
            return None
        response = codec.write(served, scored, document, None)
        self._telemetry.record_answer(served, rows, scored, headers)
        seconds = time.perf_counter() - start
        self._telemetry.record_request(
            RequestRecord(codec.name, "POST", served.name, 200, seconds, response.rows), headers, flying=False
        )
        return _response(response, trace_headers)


def _response(response: Response, headers: Headers) -> bytes:
    head = _HEAD % (response.content_type, len(response.body))
    if headers or response.headers:
        for name, value in (*response.headers, *trace_context.context(headers)):
            head += b"%b: %b\r\n" % (name, value)
    return b"%b\r\n%b" % (head, response.body)
