"""Events that carry a request or a response, as KServe's logger and Headrace's server send and store them.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md;
``pkg/logger`` of KServe: ``worker.go`` (events over HTTP), ``marshaller_record.go`` and ``types.go`` (stored records).
"""

import base64
import binascii
import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote

import orjson

from headrace.core.base.errors import RequestError, quote
from headrace.serving.protocols import json_body
from headrace.serving.protocols.cloud_events import check_attributes, open_structured

Kind = Literal["request", "response"]
_KINDS: dict[str, Kind] = {
    "org.kubeflow.serving.inference.request": "request",
    "org.kubeflow.serving.inference.response": "response",
}
_ALWAYS = tuple((f"ce-{name}".encode(), name) for name in ("specversion", "id", "source", "type"))
# Attributes of a sender, which many of its events share, as KServe's logger and Headrace's server name them.
_SHARED = ("type", "inferenceservicename", "component", "modeldigest", "metadata", "rowsleftout")
_SHARED_HEADERS = (*(f"ce-{name}".encode() for name in _SHARED), b"content-type")
_MOST_SENDERS = 512
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_ID = 256
_LENGTH_HEADER = "inference-header-content-length"
_PREDICTORS = ("predictor", "")


class PayloadEvent(NamedTuple):
    """A request or a response with what its event says of it; a tuple, because it is cheap to create.

    Attributes:
        request_id: The id that request and response share.
        time: Time of the event, in microseconds since 1970 in UTC; None if it says none.
        body: The body.
        kind: Which of both it is.
        service: Name of the InferenceService; empty if it says none.
        component: ``predictor``, ``transformer``, ``explainer``; empty if it says none.
        model_digest: Digest of the bundle that answered; empty if it says none.
        content_type: Media type of the body; of a response it is that of its request, as KServe's logger has it.
        json_length: Length of the JSON part of a body with binary tensors; None if it is not known.
        left_out: Number of rows that the event lacks, because its sender limits them.
    """

    request_id: str
    time: int | None
    body: bytes
    kind: Kind
    service: str
    component: str
    model_digest: str
    content_type: str
    json_length: bytes | None = None
    left_out: int = 0

    @property
    def is_predictor(self) -> bool:
        """Whether it is about a model, not about a transformer or an explainer around one."""
        return self.component in _PREDICTORS


def from_headers(headers: Mapping[bytes, bytes], body: bytes) -> PayloadEvent:
    """Read an event in binary mode: attributes in headers, the body as it is.

    Args:
        headers: Headers by name, in lower case.
        body: The body.

    Raises:
        RequestError: If an attribute is missing or wrong; the sentence names it.
    """
    get = headers.get
    if get(b"ce-specversion") != b"1.0" or b"ce-source" not in headers:
        check_attributes({name: _header_text(headers[header]) for header, name in _ALWAYS if header in headers})
    described = _describe_headers(*map(get, _SHARED_HEADERS))
    return _event(_header_text(get(b"ce-id", b"")), _header_text(get(b"ce-time", b"")), described, body)


def from_document(document: Any) -> PayloadEvent:
    """Read an event in structured mode: attributes and data in one document; a line of a payload log is one too.

    Raises:
        RequestError: If it is not such a document.
    """
    if type(document) is not dict:
        raise RequestError(f"an event must be a JSON object; got {json_body.kind(document)} instead.", "json")
    check_attributes(document)
    if "data" in document and document.get("datacontenttype", "application/json") == "application/json":
        return from_attributes(document, "application/json", orjson.dumps(document["data"]))
    body, media = open_structured(document)
    return from_attributes(document, media.name, body)


def from_record(record: Any) -> PayloadEvent:
    """Read a record that KServe's logger has stored: an object of its JSON, or a row of its CSV or Parquet.

    Raises:
        RequestError: If it is not such a record.
    """
    if type(record) is not dict:
        raise RequestError(f"a stored record must be a JSON object; got {json_body.kind(record)} instead.", "json")
    fields = {str(name).lower(): value for name, value in record.items()}
    try:
        body = base64.b64decode(fields.get("bytes") or "", validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise RequestError("the bytes of a stored record must be a text in base64; they are not.") from error
    attributes = {
        "id": fields.get("id"),
        "type": fields.get("reqtype"),
        "inferenceservicename": fields.get("inferenceservice"),
        "component": fields.get("component"),
        "metadata": fields.get("metadata"),
    }
    return from_attributes(attributes, _text(fields.get("contenttype"), "contentType"), body)


def from_attributes(attributes: Mapping[str, Any], content_type: str, body: bytes) -> PayloadEvent:
    """Read an event whose attributes and body lie apart.

    Args:
        attributes: Attributes by name.
        content_type: Media type of the body.
        body: The body.

    Raises:
        RequestError: If an attribute is wrong.
    """
    request_id, time = _text(attributes.get("id"), "id"), _text(attributes.get("time"), "time")
    return _event(request_id, time, _describe(attributes, content_type), body)


def is_record(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a record that KServe's logger has stored, not an event."""
    return "ReqType" in document


class _Description(NamedTuple):
    """What the events of one sender share; see ``PayloadEvent``."""

    kind: Kind
    service: str
    component: str
    model_digest: str
    content_type: str
    json_length: bytes | None
    left_out: int


@functools.lru_cache(_MOST_SENDERS)
def _describe_headers(*values: bytes | None) -> _Description:
    """Return what the headers ``_SHARED_HEADERS`` say; they are the same in most events, and read once."""
    *texts, content_type = values
    attributes = {name: None if text is None else _header_text(text) for name, text in zip(_SHARED, texts, strict=True)}
    return _describe(attributes, (content_type or b"").decode("latin-1"))


def _describe(attributes: Mapping[str, Any], content_type: str) -> _Description:
    kind = _KINDS.get(_text(attributes.get("type"), "type"))
    if kind is None:
        raise RequestError(
            f"the type of an event must be one of {', '.join(_KINDS)}; got {quote(attributes.get('type'), 60)}.", "type"
        )
    return _Description(
        kind,
        _text(attributes.get("inferenceservicename"), "inferenceservicename"),
        _text(attributes.get("component"), "component"),
        _text(attributes.get("modeldigest"), "modeldigest"),
        content_type,
        _json_length(attributes.get("metadata")),
        _count(attributes.get("rowsleftout")),
    )


def _event(request_id: str, time: str, described: _Description, body: bytes) -> PayloadEvent:
    if not 0 < len(request_id) <= _MOST_ID:
        raise RequestError(
            f"the id of an event must have 1 to {_MOST_ID} characters; it has {len(request_id)}.", "attributes"
        )
    return PayloadEvent(request_id, _microseconds(time) if time else None, body, *described)


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if type(value) is not str:
        raise RequestError(
            f"the attribute {name} of an event must be a text; got {json_body.kind(value)} instead.", "attributes"
        )
    return value


def _header_text(value: bytes) -> str:
    """Return the text of a header, in which letters other than those of ASCII are percent-encoded or UTF-8."""
    text = value.decode("utf-8", errors="replace")
    return unquote(text, errors="replace") if "%" in text else text


def _microseconds(text: str) -> int:
    try:
        return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError, OverflowError) as error:  # a time without a zone cannot be subtracted
        raise RequestError(
            f"the time of an event must be such as 2026-03-01T00:00:00Z; got {quote(text, 40)} instead.", "time"
        ) from error


def _json_length(metadata: Any) -> bytes | None:
    """Return the length of the JSON part, which KServe's logger passes on only if it is configured to."""
    if metadata is None or metadata == "{}":
        return None
    if type(metadata) is str:
        try:
            metadata = orjson.loads(metadata)
        except orjson.JSONDecodeError:
            return None
    if type(metadata) is not dict:
        return None
    for name, values in metadata.items():
        if name.lower() == _LENGTH_HEADER and type(values) is list and values and type(values[0]) is str:
            return str(values[0]).encode("latin-1", errors="replace")
    return None


def _count(text: Any) -> int:
    if text is None:
        return 0
    if type(text) is not str or not text.isascii() or not text.isdigit() or len(text) > 9:
        raise RequestError("the attribute rowsleftout of an event must be a number of rows; it is not.", "attributes")
    return int(text)
