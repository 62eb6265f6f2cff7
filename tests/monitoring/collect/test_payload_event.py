"""Events in the forms in which they really come."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.monitoring.collect.payload_event import PayloadEvent, from_document, from_headers, from_record
from tests.monitoring.collect.made_events import START, attributes, flat_record, go_record, headers

_TIME = int(START.timestamp()) * 1_000_000


def test_an_event_of_kserves_logger_over_http() -> None:
    """Binary mode: attributes in headers, the body untouched, times with nanoseconds as Go writes them."""
    named = headers("response", "a1") | {b"ce-time": b"2026-03-01T05:00:00.123456789Z"}
    event = from_headers(named, b"body")
    assert event == PayloadEvent(
        request_id="a1", kind="response", time=_TIME + 123_456, service="customers", component="predictor",
        model_digest="", content_type="application/json", body=b"body",
    )  # fmt: skip


def test_the_length_of_the_json_part_is_taken_from_the_metadata() -> None:
    """KServe's logger passes a header on only if `metadataHeaders` lists it, as JSON text in one attribute."""
    metadata = json.dumps({"Inference-Header-Content-Length": ["17"]})
    assert from_headers(headers("request", metadata=metadata), b"").json_length == b"17"
    assert from_headers(headers("request", metadata="{}"), b"").json_length is None
    assert from_headers(headers("request", metadata="not JSON"), b"").json_length is None


def test_an_event_in_one_document() -> None:
    """Structured mode, which is also a line of Headrace's own log; data may be base64."""
    document = {**attributes("request", modeldigest="d" * 64), "data": {"instances": [[1]]}}
    event = from_document(document)
    assert (event.body, event.content_type, event.model_digest) == (
        b'{"instances":[[1]]}',
        "application/json",
        "d" * 64,
    )
    encoded = {**attributes("request"), "datacontenttype": "text/csv", "data_base64": "YSxiCg=="}
    assert from_document(encoded).body == b"a,b\n"
    assert from_document(encoded).content_type == "text/csv"


@pytest.mark.parametrize("made", [go_record, flat_record])
def test_a_record_that_kserves_logger_has_stored(made: Any) -> None:
    """JSON has the names of Go's structure, CSV and Parquet names of their own; neither has a time."""
    event = from_record(made("request", b'{"instances": []}', "a1"))
    assert (event.request_id, event.kind, event.time, event.service) == ("a1", "request", None, "customers")
    assert event.body == b'{"instances": []}'


@pytest.mark.parametrize(
    ("change", "reason", "sentence"),
    [
        ({"id": ""}, "form", "id is not"),
        ({"id": "x" * 300}, "attributes", "1 to 256 characters"),
        ({"type": "org.kubeflow.serving.inference.outlier"}, "type", "must be one of"),
        ({"time": "yesterday"}, "time", "2026-03-01T00:00:00Z"),
        ({"time": "2026-03-01T05:00:00"}, "time", "2026-03-01T00:00:00Z"),
        ({"specversion": "2.0"}, "form", "specversion"),
        ({"rowsleftout": "-3"}, "attributes", "rowsleftout"),
    ],
)
def test_a_wrong_attribute_is_named(change: dict[str, str], reason: str, sentence: str) -> None:
    """In one sentence, with a reason for the counts."""
    with pytest.raises(RequestError, match=sentence) as caught:
        from_document({**attributes("request"), **change, "data": {}})
    assert caught.value.reason == reason


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from([*attributes("request"), "data", "data_base64", "datacontenttype", "ReqType", "Bytes"]), _JSON
    )
)
def test_any_document_is_an_event_or_refused(changes: dict[str, Any]) -> None:
    """Nothing that a stranger sends raises anything but the refusal."""
    try:
        document = orjson.loads(orjson.dumps({**attributes("request"), **changes}, option=orjson.OPT_NON_STR_KEYS))
    except orjson.JSONEncodeError:
        return
    for read in (from_document, from_record):
        try:
            assert isinstance(read(document), PayloadEvent)
        except RequestError as error:
            assert str(error).endswith(".")


@given(st.dictionaries(st.sampled_from(list(headers("request"))), st.binary(max_size=40)))
def test_any_headers_are_an_event_or_refused(changes: dict[bytes, bytes]) -> None:
    """Bytes that are not UTF-8 too."""
    try:
        assert isinstance(from_headers(headers("request") | changes, b"{}"), PayloadEvent)
    except RequestError as error:
        assert error.reason
