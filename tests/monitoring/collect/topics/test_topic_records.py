"""Records of topics as events of a collector."""

import json

import pytest

from headrace.core.base.errors import RequestError
from headrace.monitoring.collect.payload_event import PayloadEvent
from headrace.monitoring.collect.topics.topic_records import (
    Place,
    read_answer,
    read_dead_letter,
    read_payload,
    read_streamed_event,
)
from headrace.streams.broker import Headers
from tests.monitoring.collect.made_events import attributes, go_record, request_body
from tests.monitoring.collect.topics.made_topics import DIGEST, TIME, answer, letter, row

PLACE = Place("events", 3, 40, TIME)


def binary(request_id: str = "r1", **others: str) -> Headers:
    """Headers of an event in binary mode."""
    named = [(f"ce_{name}", text.encode()) for name, text in attributes("request", request_id, **others).items()]
    return [*named, ("content-type", b"application/json")]


def test_events_are_read_as_loggers_write_them() -> None:
    """In binary mode, in structured mode, as a line of the payload log, and as KServe's logger stores them."""
    structured = json.dumps({**attributes("request"), "data": {"instances": []}}).encode()
    found = [
        read_payload(request_body(), binary()),
        read_payload(structured, [("content-type", b"application/cloudevents+json; charset=UTF-8")]),
        read_payload(structured, None),
        read_payload(json.dumps(go_record("request", request_body())).encode(), ()),
    ]
    assert [one.request_id for one in found if isinstance(one, PayloadEvent)] == ["r1"] * 4
    assert all(isinstance(one, PayloadEvent) and one.kind == "request" for one in found)


def test_a_header_of_a_record_is_utf8_as_it_is() -> None:
    """Kafka's binding of CloudEvents 1.0.2 has UTF-8 where that of HTTP has percent-encoding."""
    event = read_payload(request_body(), binary("50%41é"))
    assert isinstance(event, PayloadEvent)
    assert event.request_id == "50%41é"


@pytest.mark.parametrize(
    ("value", "headers", "reason"),
    [
        (None, (), "empty"),
        (b"no JSON", (), "json"),
        (b"{}", [("ce_specversion", b"1.0")], "form"),
        (b"{}", [("ce_specversion", b"\xff")], "attributes"),
        (b"{}", [("content-type", b"application/cloudevents+avro")], "format"),
        (request_body(), binary(type="other"), "type"),
    ],
)
def test_what_is_no_logged_payload_is_refused(value: bytes | None, headers: Headers, reason: str) -> None:
    """Each alone, with a reason."""
    error = read_payload(value, headers)
    assert isinstance(error, RequestError)
    assert error.reason == reason


def test_event_and_answer_share_the_place_of_the_event() -> None:
    """An answer lies elsewhere in its partition, and names its event by the offset."""
    event, answered = read_streamed_event(row(), PLACE), read_answer(answer(40), PLACE._replace(offset=57))
    assert isinstance(event, PayloadEvent)
    assert isinstance(answered, PayloadEvent)
    assert event.request_id == answered.request_id == "events/3/40"
    assert (event.kind, answered.kind) == ("request", "response")
    assert (answered.service, answered.model_digest) == ("customers", DIGEST)
    assert event.time == TIME * 1000


def test_an_event_cannot_be_two() -> None:
    """What would be two rows inside of an array is refused before it is put into one."""
    error = read_streamed_event(b'{"age": 1}, {"age": 2}', PLACE)
    assert isinstance(error, RequestError)
    assert error.reason == "value"


@pytest.mark.parametrize(
    "value",
    [b"no JSON", b"[]", b"7", b'{"label": "yes"}', b'{"event_offset": 3}', answer(-1), answer(True)],  # type: ignore[arg-type]
)
def test_a_foreign_record_among_the_answers_is_refused(value: bytes) -> None:
    """It says what an answer is."""
    error = read_answer(value, PLACE)
    assert isinstance(error, RequestError)
    assert error.reason == "answer"


def test_a_dead_letter_answers_its_event_without_an_answer() -> None:
    """Wherever it lies; one of another topic, or of nobody knows which event, is refused."""
    event, reason = read_dead_letter(letter(41, partition=2), PLACE)
    assert isinstance(event, PayloadEvent)
    assert (event.request_id, event.kind, reason) == ("events/2/41", "response", "range")
    for headers, kind in ((letter(41, topic="others"), "topic"), ((), "dead_letter")):
        error, reason = read_dead_letter(headers, PLACE)
        assert isinstance(error, RequestError)
        assert (error.reason, reason) == (kind, "")
