"""Records that leave a worker."""

from headrace.streams.broker import EventBatch, OutgoingRecord
from headrace.streams.event_scorer import EventScorer, Refusal
from headrace.streams.outgoing import OutgoingPlan, build_records
from headrace.streams.values.json_values import JsonValues
from tests.streams.made_streams import GOOD, POISON, batch_of, models, stream_model

_NOW = 1_700_000_000.0
_PLAN = OutgoingPlan("events", "answers", "letters", 2, {"answers": 2_000, "letters": 3_000})


def _build(batch: EventBatch) -> tuple[list[OutgoingRecord], list[Refusal]]:
    scored = EventScorer(JsonValues()).score(batch, models())
    return build_records(batch, scored, _PLAN, now=lambda: _NOW)


def test_an_answer_keeps_key_headers_partition_and_time() -> None:
    """But a time in the future becomes now: a broker refuses records from the future."""
    times = [5, int(_NOW * 1000) + 60_000]
    for headers in (None, [("trace", b"1"), ("trace", None)]):
        batch = batch_of([GOOD, GOOD], keys=[b"a", None], headers=[headers] * 2, timestamps=times, partition=3)
        records, refusals = _build(batch)
        assert not refusals
        assert [(one.topic, one.partition, one.key, one.headers) for one in records] == [
            ("answers", 3, b"a", headers),
            ("answers", 3, None, headers),
        ]
        assert [one.timestamp for one in records] == [5, int(_NOW * 1000)]


def test_an_answer_does_not_bear_the_schema_of_its_event() -> None:
    """A client of a schema registry would read the answer by it; a dead letter is the event, and keeps it."""
    headers = [("trace", b"1"), ("__value_schema_id", b"\1" + bytes(16))]
    (answer, letter), _ = _build(batch_of([GOOD, POISON], headers=[headers, headers]))
    assert answer.headers == headers[:1]
    assert list(letter.headers or ())[:2] == headers


def test_a_dead_letter_is_the_event_with_the_reason_and_its_place() -> None:
    """Its own headers come first; the partition is that of the event, or one that the topic has."""
    batch = batch_of([GOOD, POISON], headers=[None, [("trace", b"1")]], partition=3)
    (answer, letter), (refusal,) = _build(batch)
    assert answer.topic == "answers"
    assert (letter.topic, letter.partition, letter.value, letter.key) == ("letters", 1, POISON, b"k1")
    assert letter.headers is not None
    assert list(letter.headers) == [
        ("trace", b"1"),
        ("headrace-reason", b"value"),
        ("headrace-sentence", refusal.sentence.encode()),
        ("headrace-topic", b"events"),
        ("headrace-partition", b"3"),
        ("headrace-offset", b"101"),
        ("headrace-model", b"customers 1.0.0"),
        ("headrace-digest", stream_model().served.digest.encode()),
    ]


def test_what_is_too_large_for_a_topic_is_left_out_and_a_header_says_so() -> None:
    """First the value, then key and headers; an answer that is too large is a dead letter of its own."""
    long = b"x" * 5_000
    batch = batch_of(
        [long, b"x", GOOD, GOOD],
        keys=[b"a", long, long, b"b"],
        headers=[None, None, None, [("big", b"y" * 2_500)]],
    )
    records, refusals = _build(batch)
    assert [one.topic for one in records] == ["letters"] * 4
    assert [refusal.reason for refusal in refusals] == ["value", "value", "size", "size"]
    said = [dict(one.headers or ()).get("headrace-omitted") for one in records]
    assert said[0] == b"value of 5000 bytes"
    assert said[1] == b"value of 1 bytes, key, headers"
    assert said[2] == b"value of %d bytes, key, headers" % len(GOOD)
    assert [one.key for one in records[:3]] == [b"a", None, None]
    assert all(dict(one.headers or ())["headrace-offset"] == b"%d" % (100 + place) for place, one in enumerate(records))
    # A large answer without headers is found too, beside small ones.
    records, refusals = _build(batch_of([GOOD, GOOD], keys=[b"a", long]))
    assert [one.topic for one in records] == ["answers", "letters"]


def test_a_tombstone_is_passed_on() -> None:
    """So that a compacted topic deletes the answer of its key."""
    records, refusals = _build(batch_of([None], keys=[b"a"]))
    assert [(one.topic, one.value, one.key) for one in records] == [("answers", None, b"a")]
    assert not refusals
