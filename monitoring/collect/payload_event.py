"""Events that carry a request or a response, as KServe's logger and Headrace's server send and store them.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md;
``pkg/logger`` of KServe: ``worker.go`` (events over HTTP), ``marshaller_record.go`` and ``types.go`` (stored records).
"""

import base64
import binascii
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
_OWN = ("id", "type", "time", "inferenceservicename", "component", "modeldigest", "metadata", "rowsleftout")
_HEADERS = tuple((f"ce-{name}".encode(), name) for name in _OWN)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MOST_ID = 256
_LENGTH_HEADER = "inference-header-content-length"
_PREDICTORS = ("predictor", "")


class PayloadEvent(NamedTuple):
    """A request or a response with what its event says of it; a tuple, because it is cheap to create.

    Attributes:
        request_id: The id that request and response share.
        kind: Which of both it is.
        time: Time of the event, in microseconds since 1970 in UTC; None if it says none.
        service: Name of the InferenceService; empty if it says none.
        component: ``predictor``, ``transformer``, ``explainer``; empty if it says none.
        model_digest: Digest of the bundle that answered; empty if it says none.
        content_type: Media type of the body; of a response it is that of its request, as KServe's logger has it.
        body: The body.
        json_length: Length of the JSON part of a body with binary tensors; None if it is not known.
        left_out: Number of rows that the event lacks, because its sender limits them.
    """

    request_id: str
    kind: Kind
    time: int | None
    service: str
    component: str
    model_digest: str
    content_type: str
    body: bytes
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
    attributes = {name: _header_text(headers[header]) for header, name in _HEADERS if header in headers}
    if headers.get(b"ce-specversion") != b"1.0" or b"ce-source" not in headers:
        check_attributes({name: _header_text(headers[header]) for header, name in _ALWAYS if header in headers})
    return _event(attributes, headers.get(b"content-type", b"").decode("latin-1"), body)


def from_document(document: Any) -> PayloadEvent:
    """Read an event in structured mode: attributes and data in one document; a line of a payload log is one too.

    Raises:
        RequestError: If it is not such a document.
    """
    if type(document) is not dict:
        raise RequestError(f"an event must be a JSON object; got {json_body.kind(document)} instead.", "json")
    check_attributes(document)
    if "data" in document and document.get("datacontenttype", "application/json") == "application/json":
        return _event(document, "application/json", orjson.dumps(document["data"]))
    body, media = open_structured(document)
    return _event(document, media.name, body)


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
    return _event(attributes, _text(fields.get("contenttype"), "contentType"), body)


def is_record(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a record that KServe's logger has stored, not an event."""
    return "ReqType" in document


def _event(attributes: Mapping[str, Any], content_type: str, body: bytes) -> PayloadEvent:
    kind = _KINDS.get(_text(attributes.get("type"), "type"))
    if kind is None:
        raise RequestError(
            f"the type of an event must be one of {', '.join(_KINDS)}; got {quote(attributes.get('type'), 60)}.", "type"
        )
    request_id = _text(attributes.get("id"), "id")
    if not 0 < len(request_id) <= _MOST_ID:
        raise RequestError(
            f"the id of an event must have 1 to {_MOST_ID} characters; it has {len(request_id)}.", "attributes"
        )
    time = _text(attributes.get("time"), "time")
    return PayloadEvent(
        request_id,
        kind,
        _microseconds(time) if time else None,
        _text(attributes.get("inferenceservicename"), "inferenceservicename"),
        _text(attributes.get("component"), "component"),
        _text(attributes.get("modeldigest"), "modeldigest"),
        content_type,
        body,
        _json_length(attributes.get("metadata")),
        _count(attributes.get("rowsleftout")),
    )


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
