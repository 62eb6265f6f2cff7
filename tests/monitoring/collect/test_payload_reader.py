"""What is kept of requests and responses, in the protocols and forms in which models are asked."""

import gzip
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import RequestError
from headrace.monitoring.collect.payload_event import PayloadEvent, from_headers
from headrace.monitoring.collect.payload_reader import PayloadReader, ReadPayload
from tests.monitoring.collect.made_events import (
    ANSWER,
    CONTRACT,
    ROW,
    TYPE,
    attributes,
    headers,
    request_body,
    response_body,
)

READER = PayloadReader(CONTRACT)
KEPT = {"input_age": [30], "input_spend": [2.5], "input_plan": ["basic"], "input_customer": ["c1"]}
ANSWERED = {"label": ["yes"], "probability_no": [0.25], "probability_yes": [0.75]}


def read(kind: str, body: bytes, content_type: str = "application/json", **others: Any) -> ReadPayload:
    """What is kept of an event."""
    event: PayloadEvent = from_headers(headers(kind, content_type=content_type, **others), body)
    return READER.read(event, time=event.time or 0)


def kept(payload: ReadPayload) -> dict[str, list[Any]]:
    """The columns of an event that are not missing throughout."""
    columns = {name: [row[index] for row in payload.event.rows] for index, name in enumerate(payload.event.names)}
    return {name: values for name, values in columns.items() if set(values) != {None}}


def tensor(name: str, datatype: str, *values: Any) -> dict[str, Any]:
    """An input or output of V2, in JSON."""
    return {"name": name, "datatype": datatype, "shape": [len(values)], "data": list(values)}


def test_personal_columns_and_others_are_removed() -> None:
    """Inputs and the contract's keys stay; the personal column and one that the contract lacks are counted."""
    payload = read("request", request_body(ROW))
    assert kept(payload) == KEPT
    assert payload.removed == 2
    several = read("request", request_body(ROW, {"age": None}, {}))
    assert kept(several)["input_age"] == [30, None, None]
    assert (len(several.event.rows), several.removed) == (3, 2)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (request_body([30, 2.5, "basic"]), "application/json"),  # type: ignore[arg-type]
        (
            json.dumps(
                {"dataframe_split": {"columns": ["plan", "age", "spend"], "data": [["basic", 30, 2.5]]}}
            ).encode(),
            "application/json",
        ),
        (json.dumps({"inputs": {"plan": ["basic"], "age": [30], "spend": [2.5]}}).encode(), "application/json"),
        (
            json.dumps(
                {"inputs": [tensor("age", "INT64", 30), tensor("spend", "FP64", 2.5), tensor("plan", "BYTES", "basic")]}
            ).encode(),
            "",
        ),
        (json.dumps({**attributes("request"), "data": {"instances": [ROW]}}).encode(), "application/cloudevents+json"),
        (gzip.compress(request_body({"age": 30, "spend": 2.5, "plan": "basic"})), "application/json"),
    ],
    ids=["arrays", "dataframe_split", "columns", "V2", "an event inside", "gzip"],
)
def test_every_form_of_a_request_is_read(body: bytes, content_type: str) -> None:
    """KServe's logger logs bodies as clients sent them."""
    columns = kept(read("request", body, content_type))
    assert {name: columns[name] for name in ("input_age", "input_spend", "input_plan")} == {
        name: KEPT[name] for name in ("input_age", "input_spend", "input_plan")
    }


def test_a_table_in_csv_is_texts() -> None:
    """As the client sent them."""
    assert kept(read("request", b"age,plan\n30,basic\n,plus\n", "text/csv")) == {
        "input_age": ["30", ""],
        "input_plan": ["basic", "plus"],
    }


def binary_request() -> tuple[bytes, int]:
    """A request in V2 with binary tensors, and the length of its JSON part."""
    numbers, texts = np.array([30.0, np.nan, np.inf]).tobytes(), b"".join(struct.pack("<I", 1) + b"a" for _ in range(3))
    inputs = [
        {"name": "spend", "datatype": "FP64", "shape": [3], "parameters": {"binary_data_size": len(numbers)}},
        {"name": "plan", "datatype": "BYTES", "shape": [3], "parameters": {"binary_data_size": len(texts)}},
    ]
    head = json.dumps({"id": "é{", "inputs": inputs}, ensure_ascii=False).encode()
    return head + numbers + texts, len(head)


@pytest.mark.parametrize("known", [True, False])
def test_a_binary_body_is_read_without_its_header(known: bool) -> None:
    """The header with the length of the JSON part is not in the event unless the logger is configured to pass it on.

    KServe's logger (its source of August 2026): `metadataHeaders` in the InferenceService lists what is passed on.
    """
    body, length = binary_request()
    metadata = json.dumps({"Inference-Header-Content-Length": [str(length)]}) if known else "{}"
    payload = read("request", body, "application/octet-stream", metadata=metadata)
    assert kept(payload) == {"input_spend": [30.0, None, "Infinity"], "input_plan": ["a", "a", "a"]}


def test_answers_are_columns() -> None:
    """Of V1."""
    assert kept(read("response", response_body(ANSWER))) == ANSWERED


def test_a_response_has_the_content_type_of_its_request() -> None:
    """KServe's logger (its source of August 2026) sets the request's type on the event of the response."""
    assert kept(read("response", response_body(ANSWER), "text/csv")) == ANSWERED


@pytest.mark.parametrize("binary", [False, True])
def test_answers_in_v2(binary: bool) -> None:
    """With the order of the classes in a parameter, the version that answered, and binary outputs."""
    chances: dict[str, Any] = {"name": "probabilities", "datatype": "FP64", "shape": [1, 2], "data": [0.75, 0.25]}
    chances["parameters"] = {"classes": '["yes", "no"]'}
    rest = b""
    if binary:
        rest = np.array(chances.pop("data")).tobytes()
        chances["parameters"]["binary_data_size"] = len(rest)
    document = {"model_name": "m", "model_version": "d" * 64, "outputs": [tensor("label", "BYTES", "yes"), chances]}
    payload = read("response", json.dumps(document).encode() + rest)
    assert kept(payload) == ANSWERED
    assert payload.event.model_digest == "d" * 64


def test_other_servers_answer_in_scalars() -> None:
    """KServe's own servers of V1 give labels alone; a classifier of MLServer gives one output."""
    assert kept(read("response", b'{"predictions": ["yes", "no"]}')) == {"label": ["yes", "no"]}
    body = json.dumps({"outputs": [tensor("predict", "BYTES", "no")]}).encode()
    assert kept(read("response", body)) == {"label": ["no"]}


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("request", b"", "json"),
        ("request", b"[1]", "json"),
        ("request", b'{"instances": [1]}', "shape"),
        ("request", b'{"instances": [[1, 2]]}', "shape"),
        ("request", b'{"instances": 7}', "form"),
        ("request", json.dumps({"inputs": {"age": [1], "plan": []}}).encode(), "shape"),
        ("response", b'{"predictions": [{"label": "maybe"}]}', "answer"),
        ("response", b'{"predictions": [[0.1, 0.9]]}', "answer"),
        ("response", b'{"error": "no"}', "answer"),
        ("response", b'{"outputs": []}', "answer"),
        ("response", b'{"predictions": [{"label": "yes", "probabilities": {"yes": "much"}}]}', "answer"),
    ],
)
def test_what_is_no_payload_is_refused(kind: str, body: bytes, reason: str) -> None:
    """In one sentence with its reason, and without a value."""
    with pytest.raises(RequestError) as caught:
        read(kind, body)
    assert caught.value.reason in {reason, "form", "json"}
    assert str(caught.value).endswith(".")
    assert "much" not in str(caught.value)


_KEYS = [
    "instances",
    "inputs",
    "predictions",
    "outputs",
    "name",
    "shape",
    "datatype",
    "data",
    "label",
    "probabilities",
    "parameters",
    "classes",
    "binary_data_size",
    "yes",
    "no",
]
_BODY = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.sampled_from(["yes", "age", "FP64", "BYTES"]),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner, max_size=4,
        ),
        max_leaves=12,
    ).map(lambda value: json.dumps(value).encode()),
)  # fmt: skip


@given(
    st.sampled_from(["request", "response"]), _BODY, st.sampled_from(["", "application/json", "text/csv", "image/png"])
)
def test_any_body_is_read_or_refused(kind: str, body: bytes, content_type: str) -> None:
    """A body of a stranger raises nothing but the refusal, and all columns have as many values as there are rows."""
    try:
        payload = read(kind, body, content_type)
    except RequestError as error:
        assert error.reason
    else:
        assert {len(row) for row in payload.event.rows} <= {len(payload.event.names)}
        assert payload.event.is_response == (f"{TYPE}.{kind}".endswith("response"))
