"""The options of values."""

import builtins
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.core.base.errors import InputError, MissingError, StoreError
from headrace.streams.schema_registry import SchemasUnavailable
from headrace.streams.values.avro_answers import answer_schema
from headrace.streams.values.open_values import ValueOptions, open_values
from headrace.streams.values.value_codec import ValueCodec
from tests.streams.made_streams import GOOD, ROW
from tests.streams.registry_server import RegistryServer, registry_server
from tests.streams.values.made_avro import record, text, write
from tests.streams.values.made_protobuf import PROTO, compiled, message


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """A registry."""
    with registry_server() as running:
        yield running


def _open(**named: Any) -> ValueCodec:
    return open_values(ValueOptions(**named), answers="answers", has_classes=True, connect_seconds=0)


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ({"values": "xml"}, "--values must be one of json, avro, protobuf"),
        ({"answer_values": "protobuf"}, "--answer-values must be one of json, avro"),
        ({"schema": "a.avsc"}, "--schema must come with --values avro or protobuf"),
        ({"values": "avro"}, "--values avro must come with --schema FILE"),
        ({"values": "protobuf"}, "--values protobuf must come with --schema FILE"),
        ({"values": "avro", "schema": "a.avsc", "message": "A"}, "--message must come with --values protobuf"),
        ({"values": "protobuf", "schema_registry": "http://h", "message": "A"}, "--message must come with"),
        ({"values": "avro", "schema": "12"}, "must come with --schema-registry"),
        ({"schema_registry": "http://h"}, "--schema-registry must come with"),
        ({"answer_schema": "a.avsc"}, "--answer-schema must come with --answer-values avro"),
    ],
)
def test_options_that_do_not_fit_are_refused(named: dict[str, str], sentence: str) -> None:
    """Before anything is opened."""
    with pytest.raises(InputError, match=sentence):
        ValueOptions(**named)


def test_json_needs_nothing() -> None:
    """As before."""
    assert _open().decode([GOOD]) == [ROW]


def test_schemas_in_files(tmp_path: Path) -> None:
    """Avro in JSON; Protobuf compiled or as text."""
    schema = record(x="int")
    (tmp_path / "e.avsc").write_text(text(schema))
    (tmp_path / "e.desc").write_bytes(compiled().SerializeToString())
    (tmp_path / "e.proto").write_text(PROTO)
    assert _open(values="avro", schema=str(tmp_path / "e.avsc")).decode([write(schema, {"x": 7})]) == [{"x": 7}]
    value = message("Other", z=7).SerializeToString()
    for name in ("e.desc", "e.proto"):
        codec = _open(values="protobuf", schema=str(tmp_path / name), message="shop.Other")
        assert codec.decode([value]) == [{"z": 7}]


@pytest.mark.parametrize(
    ("name", "content", "error", "sentence"),
    [
        ("none.avsc", None, MissingError, "there is no"),
        (".", None, StoreError, "can be read"),
        ("bad.avsc", "{}", InputError, "--schema .*bad.avsc: a schema must be one of Avro"),
        ("bad.desc", "{}", InputError, "must be a compiled descriptor set"),
        ("bad.proto", "{}", InputError, "protoc compiles; it says 'bad.proto:1:1"),
        ("none.proto", None, MissingError, "there is no"),
    ],
)
def test_schemas_that_cannot_be_used_are_refused(
    tmp_path: Path, name: str, content: str | None, error: type[Exception], sentence: str
) -> None:
    """In one sentence, at the start."""
    if content:
        (tmp_path / name).write_text(content)
    form = "avro" if name.endswith(("avsc", ".")) and "desc" not in name else "protobuf"
    with pytest.raises(error, match=sentence):
        _open(values=form, schema=str(tmp_path / name))


def test_a_schema_by_its_number(server: RegistryServer) -> None:
    """What all events are resolved to; one that is not there is said at the start."""
    narrow, wide = record(x="double"), record(x="int", y="string")
    number, other = server.add(text(narrow)), server.add(text(wide))
    proto = server.add(PROTO, kind="PROTOBUF")
    codec = _open(values="avro", schema=str(number), schema_registry=server.url)
    value = b"\0" + other.to_bytes(4, "big") + write(wide, {"x": 1, "y": "a"})
    assert codec.decode([value]) == [{"x": 1.0}]
    codec = _open(values="protobuf", schema=str(proto), message="shop.Other", schema_registry=server.url)
    assert codec.decode([b"\0" + proto.to_bytes(4, "big") + b"\0\x08\x07"]) == [{"z": 7}]
    with pytest.raises(MissingError, match="--schema 99 must be in the schema registry"):
        _open(values="avro", schema="99", schema_registry=server.url)
    with pytest.raises(InputError, match="must be AVRO; it is PROTOBUF"):
        _open(values="avro", schema=str(proto), schema_registry=server.url)


def test_a_registry_must_be_there_at_the_start(server: RegistryServer) -> None:
    """It is waited for, for a while."""
    server.stop()
    with pytest.raises(SchemasUnavailable):
        _open(values="avro", schema_registry=server.url)


def test_answers_in_avro(server: RegistryServer, tmp_path: Path) -> None:
    """Their schema is written to a file, and registered where there is a registry."""
    _open(answer_values="avro", answer_schema=str(tmp_path / "answers.avsc"))
    written = (tmp_path / "answers.avsc").read_text()
    assert json.loads(written) == json.loads(answer_schema(has_classes=True))
    _open(answer_values="avro", schema_registry=server.url)
    assert server.subjects == {"answers-value": [1]}
    server.status = 0
    server.answer = lambda _, path, __: (200, []) if path == "/schemas/types" else (403, {"message": "no right"})  # type: ignore[method-assign]
    with pytest.raises(StoreError, match=r"must accept the schema.*403: 'no right'"):
        _open(answer_values="avro", schema_registry=server.url)


def test_without_fastavro_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra."""
    found = builtins.__import__

    def without(name: str, *arguments: Any, **rest: Any) -> Any:
        if name == "fastavro":
            raise ModuleNotFoundError(name)
        return found(name, *arguments, **rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'headrace\[avro\]'"):
        _open(values="avro", schema="a.avsc")
