"""Events in Protobuf."""

import importlib.util
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.base.errors import InputError, RequestError
from headrace.streams.event_scorer import EventScorer
from headrace.streams.schema_registry import SchemaRegistry, SchemasUnavailable
from headrace.streams.values.json_values import JsonValues
from headrace.streams.values.protobuf_schema import compile_proto, find_message, link_files, read_descriptor_set
from headrace.streams.values.protobuf_values import ProtobufValues
from headrace.streams.values.value_codec import MixedValues
from tests.streams.made_streams import batch_of, event, models
from tests.streams.registry_server import RegistryServer, registry_server, serialize
from tests.streams.values.made_protobuf import PROTO, compiled, described, message

_MOMENT = {"seconds": 1_714_558_500}


def _read(name: str, value: bytes, text: str = PROTO) -> Any:
    (row,) = ProtobufValues(find_message(described(text), f"shop.{name}")).decode([value])
    return row


def test_fields_are_what_json_would_hold() -> None:
    """What was set, or missing where a field knows that it was not; what JSON cannot say is left to the contract."""
    full = message(
        "Wide",
        set=0, large=2**64 - 1, signed=-(2**63), single=0.5, flag=True, text="ü", raw=b"\xff",
        wrapped={"value": 0.0}, wrapped_text={"value": "a"}, right="b", tags=["x"], counts={"a": 1}, child={}, plan=2,
        moment={"seconds": -1, "nanos": 7}, double=math.inf,
    )  # fmt: skip
    assert _read("Wide", full.SerializeToString()) == {
        "set": 0, "large": 2**64 - 1, "signed": -(2**63), "single": 0.5, "flag": True, "text": "ü",
        "raw": b"\xff", "wrapped": 0.0,
        "wrapped_text": "a", "left": None, "right": "b", "tags": [], "counts": {}, "child": {}, "plan": "premium",
        "moment": "1969-12-31 23:59:59.000000007", "double": math.inf,
    }  # fmt: skip
    assert _read("Wide", b"") == {
        "set": None, "large": 0, "signed": 0, "single": 0.0, "flag": False, "text": "", "raw": b"", "wrapped": None,
        "wrapped_text": None, "left": None, "right": None, "tags": [], "counts": {}, "child": None, "plan": "basic",
        "moment": None, "double": 0.0,
    }  # fmt: skip


def test_nan_is_missing_and_an_unknown_symbol_is_its_number() -> None:
    """An enum of proto3 is open: a newer producer may have more symbols."""
    row = _read("Wide", message("Wide", double=math.nan, single=math.nan, plan=9).SerializeToString())
    assert (row["double"], row["single"], row["plan"]) == (None, None, 9)
    wrapped = _read("Wide", message("Wide", wrapped={"value": math.nan}).SerializeToString())
    assert wrapped["wrapped"] is None


def test_a_default_of_proto2_is_a_value() -> None:
    """Its schema says what an absent field means; without a default it is missing."""
    text = """syntax = "proto2"; package shop;
    message Old { optional int32 a = 1 [default = 7]; optional int32 b = 2; optional double c = 3 [default = nan]; }"""
    assert _read("Old", b"", text) == {"a": 7, "b": None, "c": None}
    assert _read("Old", message("Old", text, a=0).SerializeToString(), text) == {"a": 0, "b": None, "c": None}


@pytest.mark.parametrize(
    "value",
    [
        b"\xff",
        b"\x08",
        b"\x32\x02\xff\xfe",
        b"\x32\x0aabc",
        message("Wide", moment={"seconds": 10**15}).SerializeToString(),
        message("Wide", moment={"nanos": -1}).SerializeToString(),
        b"\x72\xff\xff\xff\x07" * 10,
        b"".join(b"\x73" for _ in range(200)),
    ],
)
def test_what_is_no_such_message_is_refused(value: bytes) -> None:
    """Bytes that do not fit, texts that are no UTF-8, times outside the calendar, messages in messages without end."""
    error = _read("Wide", value)
    assert isinstance(error, RequestError)
    assert (error.reason, str(error)[-1]) == ("value", ".")


def test_messages_in_messages_have_a_bound() -> None:
    """Surprise that is none: protobuf 6.33 (upb) refuses more than 100 levels, and does not end the process."""
    value = b""
    for _ in range(300):
        # Bytes in front of those of the level below, as the field `raw`; as `child` they are a message.
        value = b"\x72" + message("Wide", raw=value).SerializeToString()[1:] if value else b"\x72\0"
    assert isinstance(_read("Wide", value), RequestError)


@given(data=st.data())
def test_no_bytes_stop_the_stream(data: st.DataObject) -> None:
    """A row or a refusal with a sentence, and the others are read."""
    good = message("Event", age=30, spend=2.5, plan=0, joined=_MOMENT).SerializeToString()
    cut = data.draw(st.integers(0, len(good)))
    bad = good[:cut] + data.draw(st.binary(max_size=20)) + good[data.draw(st.integers(0, len(good))) :]
    before, found, after = ProtobufValues(find_message(described(), "shop.Event")).decode([good, bad, good])
    assert before == after == {"age": 30, "spend": 2.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}
    assert isinstance(found, dict) or (found.reason == "value" and str(found).endswith("."))


@given(
    age=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 160),
    spend=st.none() | st.floats(0, 460) | st.floats(allow_nan=False, allow_infinity=False),
    plan=st.sampled_from(["basic", "plus", "premium"]),
    joined=st.none() | st.integers(0, 4_000_000_000),
)
def test_a_row_is_judged_as_the_same_row_in_json(age: int, spend: float | None, plan: str, joined: int | None) -> None:
    """The same answer to the last digit, or a refusal for the same reason in the same words."""
    moment = None if joined is None else {"seconds": joined}
    in_protobuf = message("Event", age=age, spend=spend, plan=plan, joined=moment).SerializeToString()
    written = None if joined is None else datetime.fromtimestamp(joined, UTC).replace(tzinfo=None).isoformat(sep=" ")
    in_json = json.dumps({"age": age, "spend": spend, "plan": plan, "joined": written}).encode()
    reader = MixedValues(ProtobufValues(find_message(described(), "shop.Event")), JsonValues())
    (ours,) = EventScorer(reader).score(batch_of([in_protobuf]), models()).outcomes
    (theirs,) = EventScorer(JsonValues()).score(batch_of([in_json]), models()).outcomes
    assert ours == theirs


def test_the_message_is_found_in_a_set() -> None:
    """By its full name, also a nested one; without a name it is the only one of the last file."""
    assert find_message(described(), "shop.Other.Inner.Event").full_name == "shop.Other.Inner.Event"
    single = described('syntax = "proto3"; message Only { int32 x = 1; map<string, int32> m = 2; }')
    assert find_message(single, "").full_name == "Only"
    with pytest.raises(InputError, match=r"shop\.Other.*it has several"):
        find_message(described(), "")
    with pytest.raises(InputError, match="there is no 'Event'"):
        find_message(described(), "Event")


def test_a_set_needs_not_hold_what_google_publishes() -> None:
    """Else it must hold all that it imports."""
    alone = FileDescriptorSet(file=[file for file in compiled().file if file.name == "events.proto"])
    assert find_message(link_files(alone), "shop.Event").fields_by_name["joined"].message_type.name == "Timestamp"
    alone.file[0].dependency.append("elsewhere.proto")
    with pytest.raises(InputError, match="must hold all that its files import"):
        link_files(alone)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"syntax = 'proto3';"])
def test_what_is_no_descriptor_set_is_refused(content: bytes) -> None:
    """With the command that makes one."""
    with pytest.raises(InputError, match="protoc --include_imports --descriptor_set_out="):
        read_descriptor_set(content)


def test_what_protoc_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In protoc's own words; without the compiler, how to get it or do without."""
    (tmp_path / "other.proto").write_text('syntax = "proto3"; message Other { int32 x = 1; }')
    source = 'syntax = "proto3"; import "other.proto"; message Event { Other o = 1; }'
    assert compile_proto("e.proto", {"e.proto": source}, folder=tmp_path).file[-1].name == "e.proto"
    with pytest.raises(InputError, match=r"other\.proto"):
        compile_proto("e.proto", {"e.proto": source})
    with pytest.raises(InputError, match="must be relative"):
        compile_proto("e.proto", {"e.proto": source, "../other.proto": ""})
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install grpcio-tools.*protoc --include_imports"):
        compile_proto("e.proto", {"e.proto": source})


# With a registry


@pytest.fixture
def server() -> Any:
    """A registry."""
    with registry_server() as running:
        yield running


def _framed(number: int, indexes: bytes, value: bytes) -> bytes:
    return b"\0" + number.to_bytes(4, "big") + indexes + value


@pytest.mark.parametrize("serialized", [False, True])
def test_messages_of_a_registry(server: RegistryServer, serialized: bool) -> None:
    """By the text of the schema or by its descriptor; each value names its message by places in the file."""
    number = server.add(PROTO, kind="PROTOBUF")
    if serialized:
        server.serialized[number] = serialize(described())
    first = message("Other", z=5).SerializeToString()
    good = message("Event", age=30, spend=2.5, joined=_MOMENT).SerializeToString()
    nested = message("Other.Inner.Event", y=0.5).SerializeToString()
    header = [("__value_schema_id", b"\1" + server.guid(number).bytes + b"\x02\x02")]
    rows = ProtobufValues(None, SchemaRegistry(server.url)).decode(
        [
            _framed(number, b"\0", first),
            _framed(number, b"\x02\x02", good),
            _framed(number, b"\x06\0\0\0", nested),
            good,
            _framed(number, b"\x02\x0e", good),
            _framed(number, b"\x7f", good),
            _framed(number, b"", b""),
            _framed(number + 1, b"\0", first),
        ],
        [None, None, None, header, None, None, None, None],
    )
    expected = {"age": 30, "spend": 2.5, "plan": "basic", "joined": "2024-05-01 10:15:00"}
    assert rows[:4] == [{"z": 5}, expected, {"y": 0.5}, expected]
    sentences = [str(row) for row in rows[4:]]
    assert "there is none at [7]" in sentences[0]
    assert "must name its message" in sentences[1]
    assert "must name its message" in sentences[2]
    assert "it has none 2" in sentences[3]
    known = len(server.requests)
    server.stop()
    reader = ProtobufValues(None, SchemaRegistry(server.url))
    with pytest.raises(SchemasUnavailable):
        reader.decode([_framed(number, b"\0", first)])
    assert len(server.requests) == known


def test_a_message_for_reading_hides_how_producers_changed(server: RegistryServer) -> None:
    """Fields that it does not know are left out; another message is refused."""
    newer = PROTO.replace("int64 age = 1;", "int64 age = 1; string extra = 9;")
    number = server.add(newer, kind="PROTOBUF")
    good = message("Event", newer, age=30, extra="x").SerializeToString()
    reader = ProtobufValues(find_message(described(), "shop.Event"), SchemaRegistry(server.url))
    rows = reader.decode([_framed(number, b"\x02\x02", good), _framed(number, b"\0", b"")])
    assert rows[0] == {"age": 30, "spend": None, "plan": "basic", "joined": None}
    assert "must be the message shop.Event; got shop.Other" in str(rows[1])


@pytest.mark.parametrize("serialized", [False, True])
def test_schemas_that_import_others(server: RegistryServer, serialized: bool) -> None:
    """By references, as paths."""
    other = 'syntax = "proto3"; package base; message Money { int64 cents = 1; }'
    text = """syntax = "proto3"; package shop; import "base/money.proto";
    message Event { base.Money price = 1; int32 x = 2; }"""
    files = compile_proto("e.proto", {"base/money.proto": other, "e.proto": text}).file
    base = server.add(other, subject="money", kind="PROTOBUF")
    reference = {"name": "base/money.proto", "subject": "money", "version": 1}
    number = server.add(text, kind="PROTOBUF", references=[reference])
    if serialized:
        import base64

        server.serialized = {base: "", number: ""} | {
            one: base64.b64encode(file.SerializeToString()).decode()
            for one, file in zip((base, number), files, strict=True)
        }
    row = ProtobufValues(None, SchemaRegistry(server.url)).decode([_framed(number, b"\0", b"\x0a\x02\x08\x05\x10\x07")])
    assert row == [{"price": {}, "x": 7}]


def test_what_a_registry_holds_may_be_no_schema(server: RegistryServer) -> None:
    """It concerns its events alone."""
    number, avro = server.add("nonsense", kind="PROTOBUF"), server.add("{}")
    rows = ProtobufValues(None, SchemaRegistry(server.url)).decode(
        [_framed(number, b"\0", b""), _framed(avro, b"\0", b"")]
    )
    assert "cannot be used" in str(rows[0])
    assert "must be PROTOBUF; it is AVRO" in str(rows[1])


def test_a_json_event_of_a_registry() -> None:
    """Behind the number of its schema, which is not needed: the contract checks the event."""
    assert (
        JsonValues().decode([event(), b"\0\0\0\0\7" + event(), b"\1" + bytes(16) + event()])
        == [json.loads(event())] * 3
    )
    assert isinstance(JsonValues().decode([b"\0\0"])[0], RequestError)
