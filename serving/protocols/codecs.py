"""The two protocols over HTTP, each as a reader of requests and a writer of responses.

V1 also takes tables as CSV and Arrow, and each of these forms inside a CloudEvent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.core.base.errors import RequestError
from headrace.core.contracts.contract import Contract
from headrace.serving.model.limits import RequestLimits
from headrace.serving.model.served_model import InputRows, ScoredRows, ServedModel
from headrace.serving.protocols import (
    arrow_request,
    binary_tensors,
    cloud_events,
    csv_request,
    json_body,
    media_type,
    tensors,
    v1,
    v2,
)
from headrace.serving.protocols.json_body import Document
from headrace.serving.protocols.responses import Response
from headrace.serving.telemetry.trace_context import Header

BINARY_HEADER = b"inference-header-content-length"
_OCTETS = b"application/octet-stream"
Read = Callable[[bytes, Iterable[Header], ServedModel, RequestLimits], tuple[Document, InputRows]]


@dataclass(frozen=True)
class ProtocolCodec:
    """The functions that read and write one protocol.

    Attributes:
        name: Its name in metrics.
        read: Takes a body, headers, the model and limits; returns the document and its rows.
        read_json: The same for a body that is plainly JSON, as most are.
        write: Takes the model, its answers, the request's document, and explanations if they were requested; returns
            the response.
        wrap: Takes a response, the request's headers and the model's name; returns the response, inside an event if the
            request was one.
    """

    name: str
    read: Read
    read_json: Read
    write: Callable[[ServedModel, ScoredRows, Document, list[Any] | None], Response]
    wrap: Callable[[Response, Iterable[Header], str], Response]


def read_v1_request(body: bytes, headers: Iterable[Header], limits: RequestLimits) -> tuple[Document, InputRows]:
    """Return the document and the rows of a request in V1, in JSON, CSV or Arrow, perhaps inside an event.

    Args:
        body: The body.
        headers: The headers, of which those about the body are read.
        limits: Limits.

    Raises:
        RequestError: If it is another body.
    """
    content, content_type = cloud_events.open_event(body, headers, limits)
    media_type.check(content_type, (media_type.CSV, *media_type.ARROW, media_type.EVENT))
    if content_type.name == media_type.CSV:
        return {}, csv_request.read_rows(content, content_type, limits)
    if content_type.name in media_type.ARROW:
        return {}, arrow_request.read_columns(content, limits)
    document = json_body.read(content, limits)
    data = cloud_events.data_of(document)
    if type(data) is dict:
        document = data
    return document, v1.read_rows(document, limits)


def read_v2_request(
    body: bytes, length: bytes | None, contract: Contract, limits: RequestLimits
) -> tuple[Document, InputRows]:
    """Return the document and the columns of a request in V2.

    Args:
        body: The body.
        length: Length of its JSON part, if binary tensors follow; None if all of it is JSON.
        contract: The contract.
        limits: Limits.

    Raises:
        RequestError: If it is another body.
    """
    head, rest = binary_tensors.split(body, length)
    document = json_body.read(head, limits)
    inputs = document.get("inputs")
    if type(inputs) is not list or not inputs:
        raise RequestError('the body must be {"inputs": [TENSOR, ...]} with at least one tensor.')
    input_tensors = binary_tensors.tensors(inputs, rest, of_json=tensors.of_json)
    return document, v2.columns(input_tensors, contract, limits)


def _read_v1(
    body: bytes, headers: Iterable[Header], served: ServedModel, limits: RequestLimits
) -> tuple[Document, InputRows]:
    document, rows = read_v1_request(body, headers, limits)
    return _open_histories(document, rows, served, limits)


def _read_v1_json(
    body: bytes, _: Iterable[Header], served: ServedModel, limits: RequestLimits
) -> tuple[Document, InputRows]:
    document = json_body.read(body, limits)
    return _open_histories(document, v1.read_rows(document, limits), served, limits)


def _open_histories(
    document: Document, rows: InputRows, served: ServedModel, limits: RequestLimits
) -> tuple[Document, InputRows]:
    """Return the rows of a request, those of windows for histories."""
    if served.scorer.contract.series is None:
        return document, rows
    from headrace.serving.protocols import forecast_request  # noqa: PLC0415 - polars, which few models need

    return forecast_request.open_histories(document, rows, served.scorer.contract, limits)


def _write_v1(served: ServedModel, scored: ScoredRows, document: Document, explanations: list[Any] | None) -> Response:
    if served.scorer.contract.series is not None:
        from headrace.serving.protocols import forecast_request  # noqa: PLC0415 - as above

        if isinstance(document, forecast_request.ForecastDocument):
            return _reply(forecast_request.answer(document, scored, explanations), scored)
    return _reply(v1.answer(served, scored, explanations), scored)


def _read_v2(
    body: bytes, headers: Iterable[Header], served: ServedModel, limits: RequestLimits
) -> tuple[Document, InputRows]:
    media_type.check(media_type.parse(media_type.header(headers, b"content-type") or ""), ())
    return _read_v2_json(body, headers, served, limits)


def _read_v2_json(
    body: bytes, headers: Iterable[Header], served: ServedModel, limits: RequestLimits
) -> tuple[Document, InputRows]:
    length = next((value for name, value in headers if name == BINARY_HEADER), None)
    document, columns = read_v2_request(body, length, served.scorer.contract, limits)
    v2.requested_outputs(document, served)
    return document, columns


def _write_v2(served: ServedModel, scored: ScoredRows, document: Document, explanations: list[Any] | None) -> Response:
    answer = v2.answer(served, scored, document, explanations)
    binary_outputs = binary_tensors.binary_outputs(document)
    if binary_outputs == set():
        return _reply(orjson.dumps(answer), scored)
    parts = []
    for output in answer["outputs"]:
        if binary_outputs is None or output["name"] in binary_outputs:
            parts.append(binary_tensors.encode(output["datatype"], output.pop("data")))
            output["parameters"] = {**output.get("parameters", {}), "binary_data_size": len(parts[-1])}
    head = orjson.dumps(answer)
    headers = ((BINARY_HEADER, b"%d" % len(head)),)
    return Response(200, head + b"".join(parts), _OCTETS, headers, len(scored.scores), scored.engine_seconds)


def _reply(content: bytes, scored: ScoredRows) -> Response:
    return Response(200, content, rows=len(scored.scores), engine_seconds=scored.engine_seconds)


def _as_it_is(reply: Response, _: Iterable[Header], __: str) -> Response:
    return reply


V1 = ProtocolCodec("v1", _read_v1, _read_v1_json, _write_v1, cloud_events.wrap_in_event)
V2 = ProtocolCodec("v2", _read_v2, _read_v2_json, _write_v2, _as_it_is)
