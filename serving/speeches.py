"""The two protocols over HTTP, each as a reader of requests and a writer of answers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from headrace.core.errors import RequestError
from headrace.serving import binary, documents, tensors, v1, v2
from headrace.serving.documents import Document
from headrace.serving.limits import Limits
from headrace.serving.replies import Reply
from headrace.serving.served import Asked, Scored, Served
from headrace.serving.trace import Header

BINARY_HEADER = b"inference-header-content-length"
_OCTETS = b"application/octet-stream"


@dataclass(frozen=True)
class Speech:
    """A protocol.

    Attributes:
        name: Its name in metrics.
        read: Takes a body, headers, the model and bounds; gives the document and the rows that it asks for.
        write: Takes the model, its answers, the request's document, and explanations if they are wanted.
    """

    name: str
    read: Callable[[bytes, Iterable[Header], Served, Limits], tuple[Document, Asked]]
    write: Callable[[Served, Scored, Document, list[Any] | None], Reply]


def _read_v1(body: bytes, _: Iterable[Header], __: Served, limits: Limits) -> tuple[Document, Asked]:
    document = documents.read(body, limits)
    return document, v1.asked(document, limits)


def _write_v1(served: Served, scored: Scored, _: Document, explanations: list[Any] | None) -> Reply:
    return _reply(v1.answer(served, scored, explanations), scored)


def _read_v2(body: bytes, headers: Iterable[Header], served: Served, limits: Limits) -> tuple[Document, Asked]:
    length = next((value for name, value in headers if name == BINARY_HEADER), None)
    head, rest = binary.split(body, length)
    document = documents.read(head, limits)
    inputs = document.get("inputs")
    if type(inputs) is not list or not inputs:
        raise RequestError('the body must be {"inputs": [TENSOR, ...]} with at least one tensor.')
    given = binary.tensors(inputs, rest, of_json=tensors.of_json)
    v2.wanted(document, served)
    return document, v2.columns(given, served.scorer.contract, limits)


def _write_v2(served: Served, scored: Scored, document: Document, explanations: list[Any] | None) -> Reply:
    answer = v2.answer(served, scored, document, explanations)
    wanted = binary.wants(document)
    if wanted == set():
        return _reply(orjson.dumps(answer), scored)
    parts = []
    for output in answer["outputs"]:
        if wanted is None or output["name"] in wanted:
            parts.append(binary.encoded(output["datatype"], output.pop("data")))
            output["parameters"] = {**output.get("parameters", {}), "binary_data_size": len(parts[-1])}
    head = orjson.dumps(answer)
    told = ((BINARY_HEADER, b"%d" % len(head)),)
    return Reply(200, head + b"".join(parts), _OCTETS, told, len(scored.scores), scored.engine_seconds)


def _reply(content: bytes, scored: Scored) -> Reply:
    return Reply(200, content, rows=len(scored.scores), engine_seconds=scored.engine_seconds)


V1 = Speech("v1", _read_v1, _write_v1)
V2 = Speech("v2", _read_v2, _write_v2)
