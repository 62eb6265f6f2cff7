"""What an event is, and what it says."""

import json
from datetime import UTC, datetime

import pytest

from headrace.streams.broker import Headers
from headrace.streams.views.event_view import EventView, view_events
from headrace.streams.views.flow_counts import FlowCounts
from tests.streams.made_streams import batch_of

_ANSWER = {"label": "yes", "probabilities": {"no": 0.25, "yes": 0.75}, "model_name": "frauds", "model_version": "1.2.0"}
_REASON: Headers = [("headrace-reason", b"range"), ("headrace-sentence", b"age must be at most 120; got 900.")]


def view(value: bytes | None, headers: Headers = (), timestamp: int = 1_700_000_000_000) -> EventView:
    """An event of partition 0 at offset 100, with the key ``k``."""
    (found,) = view_events(batch_of([value], keys=[b"k"], headers=[headers], timestamps=[timestamp]))
    return found


@pytest.mark.parametrize(
    ("value", "headers", "kind", "text"),
    [
        (json.dumps(_ANSWER | {"model_digest": "1ae0"}).encode(), (), "answer", "yes 0.750  by frauds 1.2.0"),
        (b'{"value": 2.5, "model_digest": "1ae0", "model_name": "m"}', (), "answer", "2.5  by m 1ae0"),
        (b'{"label": "a", "model_digest": "1"}', (), "answer", "a  by 1"),
        (b'{"age": 30, "plan": "basic", "gone": null}', (), "json", "age=30  plan=basic  gone=null"),
        (b"{}", (), "json", "{}"),
        (b'[1, "a"]', (), "json", '[1, "a"]'),
        (b"null", (), "bytes", "null"),
        (b'{"age": ', (), "bytes", '{"age": '),
        (b"\xff", (), "bytes", "1 bytes: ff"),
        (None, (), "tombstone", "(tombstone)"),
        (b"{}", _REASON, "dead letter", "range: age must be at most 120; got 900."),
        (None, [("headrace-reason", b"size")], "dead letter", "size: "),
    ],
)
def test_an_event_is_shown_as_what_it_is(value: bytes | None, headers: Headers, kind: str, text: str) -> None:
    """Answers, dead letters, tombstones, documents, and bytes that are none."""
    assert (view(value, headers).kind, view(value, headers).describe()) == (kind, text)


def test_a_time_that_no_calendar_knows_is_none() -> None:
    """Unknown, before 1970, after 9999."""
    assert [view(b"1", timestamp=one).time for one in (0, -5, 1 << 62)] == [None] * 3
    assert view(b"1", timestamp=1).time == datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)


def test_an_event_has_a_form_in_json() -> None:
    """Documents are documents, other values texts, and bytes are base64."""
    assert view(b'{"a": 1}').as_json()["value"] == {"a": 1}
    assert view(b"text").as_json()["value"] == "text"
    assert view(b"\xff").as_json()["value"] == {"base64": "/w=="}
    assert view(None, [("h", b"v"), ("n", None)]).as_json() == {
        "time": "2023-11-14T22:13:20.000+00:00",
        "partition": 0,
        "offset": 100,
        "kind": "tombstone",
        "key": "k",
        "value": None,
        "headers": [["h", "v"], ["n", None]],
    }


def test_the_rate_is_that_of_whole_seconds() -> None:
    """Over the last ten, or since the first event."""
    counts = FlowCounts()
    assert counts.rate(5.0) == 0
    for second in range(20):
        counts.add([view(b"1")] * second, 100 + second + 0.5)
    assert counts.rate(120.0) == sum(range(10, 20)) / 10
    assert counts.rate(200.0) == 0
    assert counts.events == 190


def test_counts_tell_kinds_reasons_and_labels() -> None:
    """Each event once."""
    counts = FlowCounts()
    answer = view(json.dumps(_ANSWER | {"model_digest": "1ae0"}).encode())
    counts.add([answer, answer, view(b"", _REASON), view(None)], 1.0)
    assert (counts.labels["yes"], counts.reasons["range"], counts.kinds["tombstone"]) == (2, 1, 1)
    assert [(one.events, one.rejects, one.labels["yes"]) for one in counts.seconds] == [(4, 1, 2)]
