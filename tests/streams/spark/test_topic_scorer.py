"""Events of Spark's Kafka source become the records that ``headrace stream`` writes, ready for Spark's Kafka sink."""

import pickle
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace.api as hr
from headrace.core.base.errors import InputError
from headrace.streams.broker import EventBatch
from headrace.streams.event_scorer import EventScorer
from headrace.streams.outgoing import OutgoingPlan, build_records
from headrace.streams.spark.topic_scorer import SparkTopicScorer
from headrace.streams.stream_model import StreamModels
from headrace.streams.values.json_values import JsonValues
from tests.properties import examples
from tests.streams.made_streams import GOOD, POISON, bundle_folder, event

_VALUES = st.sampled_from(
    [GOOD, event(age=31), event(plan="gold"), event(age="NaN"), event(spend="NaN"), POISON, b"", b"[1]", None]
)
_HEADERS = st.none() | st.lists(
    st.fixed_dictionaries({"key": st.sampled_from(["a", "b", "ü"]), "value": st.none() | st.binary(max_size=3)}),
    max_size=3,
)
_TYPES = {
    "key": pa.binary(),
    "value": pa.binary(),
    "topic": pa.string(),
    "partition": pa.int32(),
    "offset": pa.int64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "timestampType": pa.int32(),
    "headers": pa.list_(pa.struct({"key": pa.string(), "value": pa.binary()})),
}


def scorer(**choices: Any) -> SparkTopicScorer:
    """A scorer of the usual bundle."""
    return hr.spark_topic_scorer(bundle_folder(), answers="scores", **choices)


def source(*events: dict[str, Any]) -> pa.RecordBatch:
    """A batch of Spark's Kafka source."""
    usual = {"value": GOOD, "topic": "events", "partition": 0, "timestamp": 0, "timestampType": 0}
    rows = [{**dict.fromkeys(_TYPES), **usual, "offset": place, **found} for place, found in enumerate(events)]
    return pa.RecordBatch.from_pylist(rows, schema=pa.schema(_TYPES))


def answer(*events: dict[str, Any], **choices: Any) -> list[dict[str, Any]]:
    """The rows that Spark would get."""
    (found,) = scorer(**choices)(iter([source(*events)]))
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


@st.composite
def event_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of a partition, with any key, value and headers."""
    keys = st.none() | st.binary(max_size=2)
    made = st.fixed_dictionaries(
        {"key": keys, "value": _VALUES, "headers": _HEADERS, "topic": st.sampled_from(["events", "others"])}
    )
    found = draw(st.lists(made, min_size=1, max_size=8))
    return [{**one, "partition": 3, "offset": 100 + 2 * place} for place, one in enumerate(found)]


@examples(30)
@given(event_rows())
def test_records_are_those_of_a_stream(events: list[dict[str, Any]]) -> None:
    """Key, value, headers, topic and partition are what ``headrace stream`` writes for each event, in their order."""
    one = scorer()
    for event_row, row in zip(events, answer(*events), strict=True):
        headers = [(item["key"], item["value"]) for item in event_row["headers"] or ()]
        batch = EventBatch([event_row["value"]], [event_row["key"]], [headers], [0], [3], [event_row["offset"]])
        scored = EventScorer(JsonValues()).score(batch, StreamModels(one.pinned.open()))
        largest = {"scores": 1 << 20, "scores-dead-letter": 1 << 20}
        plan = OutgoingPlan(event_row["topic"], "scores", "scores-dead-letter", 8, largest)
        (record,), refusals = build_records(batch, scored, plan)
        written = [(item["key"], item["value"]) for item in row["headers"] or ()]
        assert (row["topic"], row["partition"], row["key"], row["value"]) == (
            *(record.topic, record.partition, record.key, record.value),
        )
        assert written == list(record.headers or ())
        assert (row["event_topic"], row["event_partition"], row["event_offset"]) == (
            *(event_row["topic"], 3, event_row["offset"]),
        )
        status = "refused" if refusals else "tombstone" if event_row["value"] is None else "scored"
        assert (row["status"], row["reason"]) == (status, refusals[0].reason if refusals else None)
        assert row["model_digest"] == one.pinned.digest


def test_it_is_small_to_send() -> None:
    """The model is not sent with the query."""
    one = scorer(dead_letters="bad")
    sent = pickle.dumps(one)
    assert len(sent) < 1_000
    assert pickle.loads(sent) == one  # noqa: S301 - our own


def test_an_answer_that_is_too_large_for_the_sink_is_a_dead_letter_without_its_bytes() -> None:
    """Spark's producer would fail the job at one record beyond ``max.request.size``."""
    small, large = answer(
        {"key": b"k"}, {"key": b"k", "headers": [{"key": "h", "value": bytes(2_000)}]}, largest_record=2_000
    )
    assert (small["topic"], small["status"]) == ("scores", "scored")
    assert (large["topic"], large["status"], large["reason"], large["key"]) == (
        *("scores-dead-letter", "refused", "size", None),
    )
    assert {"key": "headrace-omitted", "value": b"value of %d bytes, key, headers" % len(GOOD)} in large["headers"]


def test_the_source_must_bring_headers() -> None:
    """Without the option they would be lost in silence, and a dead letter would not be the event as it came."""
    batch = source({}).drop_columns(["headers"])
    with pytest.raises(InputError, match=r"\['headers'\] are absent: take them .* option includeHeaders set to true"):
        list(scorer()(iter([batch])))


def test_a_topic_is_not_answered_into_itself() -> None:
    """Such as by a subscription to a pattern that fits the answers too."""
    with pytest.raises(InputError, match="from another topic than those that are written; got 'scores'"):
        answer({"topic": "scores"})


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"dead_letters": "scores"}, "must be two topics; got 'scores' and 'scores'"),
        ({"largest_record": 10}, "at least 1000 bytes; got 10"),
    ],
)
def test_topics_and_sizes_that_cannot_be_used_are_refused_at_once(choices: Any, words: str) -> None:
    """At the driver, before a job runs."""
    with pytest.raises(InputError, match=words):
        scorer(**choices)


def test_a_batch_without_rows_gives_none() -> None:
    """Spark sends one for a partition without rows."""
    assert list(scorer()(iter([source().slice(0, 0)]))) == []
