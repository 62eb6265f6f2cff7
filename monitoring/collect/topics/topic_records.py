"""Records of topics as events of a collector.

A streamed event has no id of its own. Its place names it: ``TOPIC/PARTITION/OFFSET`` of the topic of the events, which
an answer (by ``event_offset``, in the same partition) and a dead letter (by its headers) say, too. So whatever is read
twice is stored once.

Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import orjson

from headrace.core.base.errors import RequestError, quote
from headrace.monitoring.collect.payload_event import Kind, PayloadEvent, from_attributes
from headrace.monitoring.collect.payload_files import FileItem, read_line
from headrace.serving.protocols import json_body
from headrace.serving.protocols.cloud_events import check_attributes
from headrace.streams.broker import Headers

_PREFIX = "ce_"
_STRUCTURED, _OTHER = "application/cloudevents+json", "application/cloudevents"
_MOST_REASON = 100
_ANSWER_KEYS = {"event_offset", "model_digest"}


class Place(NamedTuple):
    """Where a record lies, and when it was written.

    Attributes:
        topic: Name of the topic of the events.
        partition: Partition.
        offset: Offset.
        timestamp: Time in milliseconds since 1970; not positive if unknown.
    """

    topic: str
    partition: int
    offset: int
    timestamp: int

    @property
    def time(self) -> int | None:
        """The time in microseconds since 1970; None if unknown."""
        return self.timestamp * 1000 if self.timestamp > 0 else None


def read_payload(value: bytes | None, headers: Headers | None) -> FileItem:
    """Return the logged request or response in a record, or why it cannot be read.

    Args:
        value: The value: of an event in binary mode the body, else the event, or a line of a payload log.
        headers: The headers; of an event in binary mode its attributes.
    """
    if value is None:
        return RequestError("a record must have a value; this one has none.", "empty")
    try:
        named = {name.lower(): (content or b"").decode() for name, content in headers or ()}
    except UnicodeDecodeError:
        return RequestError("the headers of a record must be UTF-8; they are not.", "attributes")
    content_type = named.get("content-type", "")
    if f"{_PREFIX}specversion" in named:
        attributes = {name.removeprefix(_PREFIX): text for name, text in named.items() if name.startswith(_PREFIX)}
        try:
            check_attributes(attributes)
            return from_attributes(attributes, content_type, value)
        except RequestError as error:
            return error
    if content_type.startswith(_OTHER) and not content_type.startswith(_STRUCTURED):
        sentence = f"an event must be in binary mode, or {_STRUCTURED}; got {quote(content_type, 60)} instead."
        return RequestError(sentence, "format")
    return read_line(value)


def read_streamed_event(value: bytes, place: Place, services: Collection[str] = ()) -> FileItem:
    """Return an event of a stream as a request of one row, or why it cannot be read.

    Args:
        value: The value: an object by column name, or an array in the order of the contract's inputs.
        place: Its place.
        services: Names of the model. Its own answers are no events of it; those of another model may be.
    """
    try:
        event = orjson.loads(value)  # what is one value of JSON stays one inside of another
    except orjson.JSONDecodeError as error:
        return RequestError(f"the value of an event must be JSON; {error}.", "value")
    if type(event) is dict and event.keys() >= _ANSWER_KEYS and _text(event.get("model_name")) in services:
        return RequestError("an event must be what a model is asked; this one is the model's own answer.", "answer")
    return _make(place, "request", b'{"instances":[%b]}' % value)


def read_answer(value: bytes, place: Place) -> FileItem:
    """Return an answer of a stream as the response to the event that it names, or why it cannot be read.

    Args:
        value: The value, as ``headrace stream`` writes it.
        place: Place of the answer, under the topic of the events.
    """
    try:
        answer = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return RequestError(f"an answer must be JSON; {error}.", "answer")
    offset = answer.get("event_offset") if type(answer) is dict else None
    if type(offset) is not int or offset < 0 or not answer.keys() & {"label", "value", "score"}:
        return RequestError(
            f"an answer must have event_offset, and label, value or score, as headrace stream writes it; got "
            f"{quote(sorted(answer)) if type(answer) is dict else json_body.kind(answer)} instead.",
            "answer",
        )
    named = {"service": _text(answer.get("model_name")), "model_digest": _text(answer.get("model_digest"))}
    return _make(place._replace(offset=offset), "response", b'{"predictions":[%b]}' % value, **named)


def read_dead_letter(headers: Headers | None, place: Place) -> tuple[FileItem, str]:
    """Return a dead letter of a stream as a response without an answer, and why its event was refused.

    Args:
        headers: Its headers.
        place: Place of the dead letter, under the topic of the events.

    Returns:
        The response, or why the dead letter cannot be read; and the reason, empty if it cannot.
    """
    named = {name: (content or b"").decode(errors="replace") for name, content in headers or ()}
    topic, reason = named.get("headrace-topic", ""), named.get("headrace-reason", "")
    try:
        partition, offset = int(named["headrace-partition"]), int(named["headrace-offset"])
    except (KeyError, ValueError):
        error = "a dead letter must have the headers headrace-partition and headrace-offset, each a whole number."
        return RequestError(error, "dead_letter"), ""
    if topic != place.topic:
        return RequestError(f"a dead letter must be of the topic {place.topic}; got one of {topic}.", "topic"), ""
    event = _make(
        place._replace(partition=partition, offset=offset),
        "response",
        b'{"predictions":[]}',
        model_digest=named.get("headrace-digest", ""),
    )
    return event, reason[:_MOST_REASON] or "unknown"


def _make(place: Place, kind: Kind, body: bytes, *, service: str = "", model_digest: str = "") -> PayloadEvent:
    name = f"{place.topic}/{place.partition}/{place.offset}"
    return PayloadEvent(name, place.time, body, kind, service, "", model_digest, "application/json")


def _text(value: Any) -> str:
    return value if type(value) is str else ""
