"""CloudEvents around requests and responses, as KServe's server reads and writes them in V1.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md;
``protocol/dataplane.py`` and ``utils/utils.py`` of kserve.
"""

import base64
import binascii
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from headrace.core.base.errors import RequestError
from headrace.core.base.errors import quote as shown
from headrace.serving.model.limits import RequestLimits
from headrace.serving.protocols import json_body
from headrace.serving.protocols.media_type import CSV, EVENT, MediaType, check, header, parse
from headrace.serving.protocols.responses import JSON, Response
from headrace.serving.telemetry.trace_context import Header

_REQUIRED = ("specversion", "id", "source", "type")
_VERSIONS = ("1.0", "0.3")
_AS_IT_IS = " !#$&'()*+,/:;=?@[]"
_TYPE, _SOURCE = "io.kserve.inference.response", "io.kserve.inference."


def open_event(body: bytes, headers: Iterable[Header], limits: RequestLimits) -> tuple[bytes, MediaType]:
    """Return a request's content, unwrapped from its event if it has one, and the content's type.

    Args:
        body: The body.
        headers: The headers.
        limits: Limits, of which ``nesting`` applies.

    Raises:
        RequestError: If an event lacks an attribute, or its data.
    """
    media = parse(header(headers, b"content-type") or "")
    if media.name == EVENT:
        return open_structured(json_body.read(body, limits))
    if header(headers, b"ce-specversion") is not None:
        check_attributes({name: header(headers, f"ce-{name}".encode()) for name in _REQUIRED})
    return body, media


def data_of(document: Mapping[str, Any]) -> Any:
    """Return the data of a document that has an event's keys, whatever its Content-Type; None for another document.

    KServe's server recognizes events by these keys too.
    """
    return document["data"] if {*_REQUIRED, "time", "data"} <= document.keys() else None


def wrap_in_event(reply: Response, headers: Iterable[Header], name: str) -> Response:
    """Return a response as an event of the request's kind; unchanged if the request was not an event.

    Args:
        reply: The response, in JSON.
        headers: The request's headers.
        name: The model's name.
    """
    structured = parse(header(headers, b"content-type") or "").name == EVENT
    if not structured and header(headers, b"ce-specversion") is None:
        return reply
    attributes = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": _SOURCE + name,
        "type": _TYPE,
        "time": datetime.now(UTC).isoformat(),
    }
    if structured:
        event = {**attributes, "datacontenttype": JSON.decode(), "data": orjson.Fragment(reply.body)}
        return replace(reply, body=orjson.dumps(event), content_type=EVENT.encode())
    event_headers = ((f"ce-{key}".encode(), quote(value, safe=_AS_IT_IS).encode()) for key, value in attributes.items())
    return replace(reply, headers=(*reply.headers, *event_headers))


def open_structured(document: Mapping[str, Any]) -> tuple[bytes, MediaType]:
    """Return the content of an event that holds its attributes and data in one document, and the content's type.

    Args:
        document: The event.

    Raises:
        RequestError: If it lacks an attribute or its data.
    """
    check_attributes(document)
    content_type = document.get("datacontenttype", "application/json")
    if type(content_type) is not str:
        raise RequestError(
            f"datacontenttype of a CloudEvent must be a text; got {json_body.kind(content_type)} instead."
        )
    media, encoded = parse(content_type), document.get("data_base64")
    if ("data" in document) == (encoded is not None):
        raise RequestError("a CloudEvent must hold the request in data, or in data_base64.")
    if encoded is not None:
        try:
            return base64.b64decode(encoded, validate=True), media
        except (TypeError, ValueError, binascii.Error) as error:
            raise RequestError("data_base64 of a CloudEvent must be a text in base64; it is not.") from error
    data = document["data"]
    check(media, (CSV,))
    if media.is_json:
        return orjson.dumps(data), media
    if type(data) is not str:
        raise RequestError(f"data of a CloudEvent of {media.name} must be a text; got {json_body.kind(data)} instead.")
    return data.encode(errors="replace"), media


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Raise if an event lacks one of the attributes that every event has, or is of an unknown version.

    Raises:
        RequestError: If so.
    """
    for name in _REQUIRED:
        value = attributes.get(name)
        if type(value) is not str or not value:
            raise RequestError(
                f"a CloudEvent must have the attributes {', '.join(_REQUIRED)}, each a text; "
                f"{name} is {'absent' if value is None else 'not'}."
            )
    version = attributes["specversion"]
    if version not in _VERSIONS:
        raise RequestError(
            f"the specversion of a CloudEvent must be {' or '.join(_VERSIONS)}; got {shown(version, 20)} instead."
        )
